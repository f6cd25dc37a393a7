/**
 * The smallest machine: RAM, one processor and ports that somebody outside answers.
 *
 * Tests, conformance runs and benchmarks execute programs on it that know no hypervisor.
 */

import type { EngineMaker } from '../cpu/engine.ts';
import type { CpuidLeaf, Environment, Event } from '../cpu/environment.ts';
import { Processor, type ProcessorImage } from '../cpu/processor.ts';
import { LinearMemory, REGION } from '../memory/linear-memory.ts';

/** Devices, as far as there are any. */
export interface Ports {
  read(port: number, size: number): number;
  write(port: number, size: number, value: number): void;
}

const NOBODY: Ports = {
  read: (_port, size) => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff),
  write() {},
};

class BareEnvironment implements Environment {
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }
  intercept(_event: Event): boolean {
    return false;
  }
  readPort(port: number, size: number): number {
    return this.#ports.read(port, size);
  }
  writePort(port: number, size: number, value: number): void {
    this.#ports.write(port, size, value);
  }
  cpuid(_leaf: number, _subleaf: number): CpuidLeaf | undefined {
    return undefined;
  }
  readMsr(_index: number): bigint | undefined {
    return undefined;
  }
  writeMsr(_index: number, _value: bigint): boolean {
    return false;
  }
  timeStamp(retired: number): bigint {
    return BigInt(retired);
  }
}

/** A moment of a machine, from which it can go on. */
export interface MachineImage extends ProcessorImage {
  readonly ram: Uint8Array;
}

export interface BareMachineOptions {
  readonly ports?: Ports;
  /** In place of one that answers for the ports alone. */
  readonly environment?: Environment;
  readonly engine?: EngineMaker;
}

export class BareMachine {
  readonly memory: LinearMemory;
  readonly cpu: Processor;

  /** @param ramSize bytes of RAM, a multiple of 4096, at most 1 GB */
  constructor(ramSize: number, { ports, environment, engine }: BareMachineOptions = {}) {
    this.memory = new LinearMemory(ramSize);
    const surroundings = environment ?? new BareEnvironment(ports ?? NOBODY);
    this.cpu = new Processor(this.memory, surroundings, engine);
  }

  /** Copies bytes to a physical address. */
  load(address: number, bytes: Uint8Array): void {
    this.cpu.ram.load(address, bytes);
  }

  capture(): MachineImage {
    return { ...this.cpu.capture(), ram: this.cpu.ram.bytes(0, this.memory.ramSize).slice() };
  }

  restore(image: MachineImage): void {
    this.load(0, image.ram);
    this.cpu.restore(image);
  }

  /** A digest of everything that the future depends on: equal machines, equal digests. */
  hash(): number {
    const { registers, translations } = this.cpu.capture();
    const ram = this.memory.u32.subarray(REGION.ram / 4, (REGION.ram + this.memory.ramSize) / 4);
    const words = new Uint32Array(registers.buffer, 0, registers.length >>> 2);
    return digest(ram, digest(translations, digest(words, 0)));
  }
}

/** Multiply and mix; order matters. */
function digest(words: Uint32Array, seed: number): number {
  let hash = seed | 0;
  for (const word of words) {
    hash = Math.imul(hash ^ word, 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
