/**
 * A bare machine with segments for every ring, a task, and code to run in one of the rings.
 *
 * Exceptions and interrupts without a gate end the run and are remembered instead of delivered.
 */

import { BareMachine } from '../../emulator/bare-metal/bare-machine.ts';
import type { CpuidLeaf, Environment, Event } from '../../emulator/cpu/environment.ts';
import type { Processor } from '../../emulator/cpu/processor.ts';
import type { StopReason } from '../../emulator/cpu/stop-reason.ts';
import { loadTask } from '../../emulator/cpu/system/descriptor-tables.ts';
import { enterCode } from '../../emulator/cpu/system/far-transfer.ts';
import { setSegment } from '../../emulator/cpu/system/segmentation.ts';

const RAM = 1 << 20;
export const GDT = 0x1000;
const IDT = 0x2000;
export const TSS = 0x3000;
export const CODE = 0x1_0000;
export const DATA = 0x2_0000;
/** Tops of the rings' stacks. */
export const STACK = [0x3_1000, 0x3_2000, 0x3_3000, 0x3_4000] as const;

type Ring = 0 | 1 | 2 | 3;

/** Flat segments of a ring, with the ring as RPL. */
export const codeOf = (ring: Ring): number => (8 + 16 * ring) | ring;
export const dataOf = (ring: Ring): number => (16 + 16 * ring) | ring;
export const TASK = 0x48;
/** For a test to fill. */
export const SLOT = 0x50;
export const SLOT_B = 0x58;
const GDT_LIMIT = 0x5f;
const IDT_LIMIT = 0x7ff;

const SS = 2;
const DATA_SEGMENTS = [0, 3, 4, 5];
export const PRESENT = 0x80;
export const DPL = (ring: Ring): number => ring << 5;

/** A descriptor: base, limit, access byte, and flags (8: pages, 4: big). */
export function segment(base: number, limit: number, access: number, flags = 0): bigint {
  const low = ((limit & 0xffff) | ((base & 0xffff) << 16)) >>> 0;
  const high =
    (((base >>> 16) & 0xff) |
      (access << 8) |
      (limit & 0xf_0000) |
      (flags << 20) |
      (base & 0xff00_0000)) >>>
    0;
  return (BigInt(high) << 32n) | BigInt(low);
}

export const flat = (access: number): bigint => segment(0, 0xf_ffff, PRESENT | access, 12);

export function gate(selector: number, offset: number, access: number, parameters = 0): bigint {
  const low = ((offset & 0xffff) | (selector << 16)) >>> 0;
  const high = ((offset & 0xffff_0000) | ((PRESENT | access) << 8) | parameters) >>> 0;
  return (BigInt(high) << 32n) | BigInt(low);
}

class Surroundings implements Environment {
  cpu: Processor | undefined;
  event: Event | undefined;
  readonly gates = new Set<number>();
  readonly portReads: number[] = [];
  readonly portWrites: (readonly [port: number, value: number])[] = [];

  intercept(event: Event): boolean {
    if (this.gates.has(event.vector)) {
      return false;
    }
    this.event = event;
    this.cpu?.endRun({ kind: 'environment', reason: `vector ${event.vector}` });
    return true;
  }
  readPort(port: number): number {
    this.portReads.push(port);
    return 0x5a5a_5a5a;
  }
  writePort(port: number, _size: number, value: number): void {
    this.portWrites.push([port, value]);
  }
  cpuid(): CpuidLeaf | undefined {
    return undefined;
  }
  readMsr(): bigint | undefined {
    return undefined;
  }
  writeMsr(): boolean {
    return false;
  }
  timeStamp(retired: number): bigint {
    return BigInt(retired);
  }
}

export interface ProtectedMachine {
  readonly cpu: Processor;
  readonly state: Processor['state'];
  readonly surroundings: Surroundings;
  word(address: number): number;
  setWord(address: number, value: number): void;
  setDescriptor(selector: number, descriptor: bigint): void;
  /** Gives a vector a gate; its events are delivered from then on. */
  setGate(vector: number, descriptor: bigint): void;
  /** Runs until something without a gate happens, and answers it; or why it ended otherwise. */
  event(count?: number): Event | StopReason;
  steps(count: number): StopReason;
}

export interface ProtectedMachineOptions {
  readonly ring?: Ring;
  readonly code: readonly number[];
  readonly flags?: number;
}

export function aProtectedMachine({
  ring = 0,
  code,
  flags = 0,
}: ProtectedMachineOptions): ProtectedMachine {
  const surroundings = new Surroundings();
  const machine = new BareMachine(RAM, { environment: surroundings });
  const { cpu } = machine;
  const { state } = cpu;
  surroundings.cpu = cpu;
  const setWord = (address: number, value: number): void => cpu.ram.write32(address, value >>> 0);
  const setPair = (address: number, pair: bigint): void => {
    setWord(address, Number(pair & 0xffff_ffffn));
    setWord(address + 4, Number(pair >> 32n));
  };
  for (const each of [0, 1, 2, 3] as const) {
    setPair(GDT + (codeOf(each) & ~7), flat(0x1b | DPL(each)));
    setPair(GDT + (dataOf(each) & ~7), flat(0x13 | DPL(each)));
    if (each < 3) {
      setWord(TSS + 4 + 8 * each, STACK[each]);
      setWord(TSS + 8 + 8 * each, dataOf(each));
    }
  }
  setPair(GDT + TASK, segment(TSS, 0x88, PRESENT | 9));
  setWord(TSS + 100, 0x68 << 16);
  machine.load(CODE, Uint8Array.from(code));
  Object.assign(state, { gdtBase: GDT, gdtLimit: GDT_LIMIT, idtBase: IDT, idtLimit: IDT_LIMIT });
  loadTask(cpu, TASK);
  const high = (type: number): number => (0x00cf_8000 | ((type | DPL(ring)) << 8)) >>> 0;
  const stack = { low: 0xffff, high: high(0x13), address: 0 };
  for (const index of [SS, ...DATA_SEGMENTS]) {
    setSegment(cpu, index, dataOf(ring), stack);
  }
  state.esp = STACK[ring];
  state.systemFlags |= flags;
  enterCode(cpu, codeOf(ring), { low: 0xffff, high: high(0x1b), address: 0 }, ring, CODE);
  return {
    cpu,
    state,
    surroundings,
    setWord,
    word: (address) => cpu.ram.read32(address),
    setDescriptor: (selector, descriptor) => setPair(GDT + (selector & ~7), descriptor),
    setGate(vector, descriptor) {
      setPair(IDT + 8 * vector, descriptor);
      surroundings.gates.add(vector);
    },
    event(count = 100) {
      surroundings.event = undefined;
      const stop = cpu.run(count);
      return surroundings.event ?? stop;
    },
    steps: (count) => cpu.run(count),
  };
}

/** The bytes of a 32-bit immediate. */
export const dword = (value: number): number[] => [0, 8, 16, 24].map((n) => (value >>> n) & 0xff);
export const far = (selector: number, offset: number): number[] => [
  ...dword(offset),
  selector & 0xff,
  selector >>> 8,
];
/** Ends a test's code: nobody has a gate for it. */
export const END = [0xcd, 0xf1];
export const END_VECTOR = 0xf1;
