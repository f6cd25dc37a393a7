/**
 * Machines full of nonsense, from a seed: random code, page tables and descriptors in each ring.
 *
 * Nothing that such a machine executes may raise an exception of ours, and however it is run it
 * must come to the same state.
 */

import { BareMachine } from '../../emulator/bare-metal/bare-machine.ts';
import type { EngineMaker } from '../../emulator/cpu/engine.ts';
import type { Environment, Event } from '../../emulator/cpu/environment.ts';
import { SEGMENTS, segmentAddress } from '../../emulator/cpu/state.ts';
import { updateControl } from '../../emulator/cpu/system/control-registers.ts';
import {
  setPrivilege,
  setSegment,
  updateSegments,
} from '../../emulator/cpu/system/segmentation.ts';
import { Dice } from '../conformance/silicon/values.ts';

export const RAM_SIZE = 0x4_0000;
const GDT = 0x1000;
const IDT = 0x2000;
const TSS = 0x3000;
const DIRECTORY = 0x4000;
const TABLE = 0x5000;
/** Random code and data from here to the end of RAM. */
export const JUNK = 0x8000;

export interface RandomMachineOptions {
  readonly ring: 0 | 1 | 2 | 3;
  readonly seed: number;
  /** Without paging, descriptors and code are all there is. */
  readonly paging: boolean;
  readonly engine?: EngineMaker;
  /** Take exceptions away from the guest, to go on elsewhere. */
  readonly environment?: Environment;
}

/** Answers nothing, and leaves every event to the guest's own tables. */
export class SilentEnvironment implements Environment {
  intercept(_event: Event): boolean {
    return false;
  }
  readPort(port: number, size: number): number {
    return size === 1 ? port & 0xff : port;
  }
  writePort(): void {}
  cpuid(): undefined {}
  readMsr(): undefined {}
  writeMsr(): boolean {
    return false;
  }
  timeStamp(retired: number): bigint {
    return BigInt(retired);
  }
}

export function aRandomMachine(options: RandomMachineOptions): BareMachine {
  const environment = options.environment ?? new SilentEnvironment();
  const { engine } = options;
  const machine = new BareMachine(RAM_SIZE, { environment, ...(engine && { engine }) });
  fill(machine, options);
  return machine;
}

/** Fills memory and registers anew from the seed. */
export function fill({ cpu }: BareMachine, { ring, seed, paging }: RandomMachineOptions): void {
  const dice = new Dice(seed);
  const { state, ram } = cpu;
  const words = (from: number, to: number, value: () => number): void => {
    for (let at = from; at < to; at += 4) {
      ram.write32(at, value());
    }
  };
  words(0, JUNK, () => 0);
  words(JUNK, RAM_SIZE, () => dice.uint32());
  writeDescriptors(words, ram.write32.bind(ram), dice, ring);
  words(DIRECTORY, DIRECTORY + 0x1000, () =>
    dice.oneIn(2) ? TABLE | flagsOf(dice) : dice.uint32(),
  );
  for (let page = 0; page < 1024; page++) {
    const frame = page < RAM_SIZE / 0x1000 ? page : dice.below(RAM_SIZE / 0x1000);
    const isTable = page < JUNK / 0x1000;
    const entry = (frame << 12) | (isTable ? 7 : flagsOf(dice));
    ram.write32(TABLE + 4 * page, dice.oneIn(20) ? dice.uint32() : entry);
  }
  ram.write32(DIRECTORY, TABLE | 7);
  for (const register of ['eax', 'ecx', 'edx', 'ebx', 'ebp', 'esi', 'edi'] as const) {
    state[register] = dice.oneIn(2) ? JUNK + dice.below(RAM_SIZE - JUNK) : dice.uint32();
  }
  state.esp = JUNK + 4 * dice.below((RAM_SIZE - JUNK) / 4);
  state.gdtBase = GDT;
  state.gdtLimit = 0xff;
  state.idtBase = IDT;
  state.idtLimit = 0x7ff;
  state.cr3 = DIRECTORY;
  state.cr4 = dice.pick([0, 0x10, 0x80, 0x690]);
  state.cr0 = ((paging ? 0x8000_0011 : 0x11) | dice.pick([0, 0x1_0000, 0x4_0000, 0x20, 8])) >>> 0;
  state.systemFlags = 2 | dice.pick([0, 0x200, 0x3000, 0x100, 0x4_0000, 0x400]);
  state.eip = JUNK + dice.below(RAM_SIZE - JUNK - 64);
  setPrivilege(cpu, ring);
  const flatData = { low: 0xffff, high: 0x00cf_9300 | (ring << 13), address: 0 };
  SEGMENTS.forEach((name, index) => {
    const isCode = name === 'cs';
    const descriptor = isCode ? { ...flatData, high: flatData.high | 0x800 } : flatData;
    setSegment(cpu, index, (isCode ? 0x08 : 0x28) + 8 * ring + ring, descriptor);
  });
  state.words[segmentAddress(7, 'base') >>> 2] = TSS;
  state.words[segmentAddress(7, 'limit') >>> 2] = 0x67 + dice.pick([0, 0x100, 0x2001]);
  state.words[segmentAddress(7, 'rights') >>> 2] = 0x8b01;
  updateControl(cpu);
  updateSegments(cpu);
  cpu.tlb.flush(false);
}

const flagsOf = (dice: Dice): number =>
  dice.oneIn(8) ? dice.below(0x200) & ~0x80 : 7 & dice.pick([7, 7, 7, 5, 3]);

function writeDescriptors(
  words: (from: number, to: number, value: () => number) => void,
  write: (address: number, value: number) => void,
  dice: Dice,
  ring: number,
): void {
  words(GDT, GDT + 0x100, () => dice.uint32());
  for (let r = 0; r < 4; r++) {
    write(GDT + 8 + 8 * r, 0xffff);
    write(GDT + 12 + 8 * r, 0x00cf_9b00 | (r << 13));
    write(GDT + 0x28 + 8 * r, 0xffff);
    write(GDT + 0x2c + 8 * r, 0x00cf_9300 | (r << 13));
  }
  for (let vector = 0; vector < 256; vector++) {
    const handler = JUNK + dice.below(RAM_SIZE - JUNK);
    const target = dice.below(ring + 1);
    const type = dice.pick([0x8e, 0x8f, 0xee, 0xef, 0x86]);
    write(IDT + 8 * vector, ((8 + 8 * target) << 16) | (handler & 0xffff));
    write(IDT + 8 * vector + 4, (handler & 0xffff_0000) | (type << 8));
    if (dice.oneIn(32)) {
      write(IDT + 8 * vector + 4, dice.uint32());
    }
  }
  words(TSS, TSS + 0x800, () => dice.uint32());
  for (let r = 0; r < 3; r++) {
    write(TSS + 4 + 8 * r, JUNK + 0x1000 + 4 * dice.below(0x1000));
    write(TSS + 8 + 8 * r, 0x28 + 8 * r + r);
  }
  write(TSS + 0x64, 0x68 << 16);
}
