/**
 * The smallest machine: RAM, one processor and ports that somebody outside answers.
 *
 * Tests, conformance runs and benchmarks execute programs on it that know no hypervisor.
 */

import type { CpuidLeaf, Environment, Event } from '../cpu/environment.ts';
import { Processor } from '../cpu/processor.ts';
import { LinearMemory } from '../memory/linear-memory.ts';

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

export class BareMachine {
  readonly memory: LinearMemory;
  readonly cpu: Processor;

  /** @param ramSize bytes of RAM, a multiple of 4096, at most 1 GB */
  constructor(ramSize: number, ports: Ports = NOBODY) {
    this.memory = new LinearMemory(ramSize);
    this.cpu = new Processor(this.memory, new BareEnvironment(ports));
  }

  /** Copies bytes to a physical address. */
  load(address: number, bytes: Uint8Array): void {
    this.cpu.ram.load(address, bytes);
  }
}
