/** Control, debug and model-specific registers, and what touches caches and TLB (SDM 3A §2.8). */

import { VECTOR } from '../exceptions.ts';
import type { Instruction } from '../instruction.ts';
import { type Native, native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Processor } from '../processor.ts';
import { segmentAddress } from '../state.ts';
import { CR0, CR4, setCr0, setCr3, setCr4, setMachineStatus } from '../system/control-registers.ts';
import { readMsr, timeStamp, writeMsr } from '../system/model-specific-registers.ts';

type Word = 'cr0' | 'cr2' | 'cr3' | 'cr4';

/** The reg field is part of the encoding, so that a number that does not exist is #UD. */
function moves(word: Word, set: (cpu: Processor, value: number) => void): readonly Instruction[] {
  const number = word.slice(2);
  const setter = native(`set${word}`, (cpu, value: number) => set(cpu, value >>> 0));
  return [
    {
      mnemonic: 'mov',
      encodings: [`0F 20 /${number} Rd,Cd`],
      privilege: 0,
      execute: (cpu, target: Operand) => cpu.write(target, cpu.state(word)),
    },
    {
      mnemonic: 'mov',
      encodings: [`0F 22 /${number} Cd,Rd`],
      privilege: 0,
      ends: true,
      execute(cpu, _target: Operand, source: Operand) {
        // A change may drop the decoded record that the next address stands in.
        const next = cpu.nextEip();
        cpu.call(setter, cpu.read(source));
        cpu.jump(next);
      },
    },
  ];
}

const readDebug = native('readDebug', (cpu, number: number) => cpu.debug.read(number));
const writeDebug = native('writeDebug', (cpu, number: number, value: number) => {
  cpu.debug.write(number, value);
});

const loadStatus = native('loadStatus', (cpu, value: number) => setMachineStatus(cpu, value));

const clearTaskSwitched = native('clearTaskSwitched', ({ state }) => {
  state.cr0 = (state.cr0 & ~CR0.taskSwitched) >>> 0;
});

const invalidatePage = native('invalidatePage', (cpu, segment: number, offset: number) => {
  const base = cpu.state.words[(segment + BASE) >>> 2] as number;
  cpu.tlb.invalidate(((base + offset) >>> 0) >>> 12);
});
const BASE = segmentAddress(0, 'base') - segmentAddress(0, 'selector');

/** A result in EDX:EAX. */
function answer({ state }: Processor, value: bigint): void {
  state.eax = Number(value & 0xffff_ffffn);
  state.edx = Number(value >> 32n);
}

const readModelSpecific = native('readModelSpecific', (cpu) => {
  answer(cpu, readMsr(cpu, cpu.state.ecx));
});

const writeModelSpecific = native('writeModelSpecific', (cpu) => {
  const { eax, ecx, edx } = cpu.state;
  writeMsr(cpu, ecx, (BigInt(edx) << 32n) | BigInt(eax));
});

const readTimeStamp = native('readTimeStamp', (cpu) => {
  if (cpu.state.cpl !== 0 && cpu.state.cr4 & CR4.timeStampDisable) {
    cpu.fault(VECTOR.protection);
  }
  answer(cpu, timeStamp(cpu));
});

/** Caches cannot be seen here. */
const cacheless = (mnemonic: string, opcode: string): Instruction => ({
  mnemonic,
  encodings: [opcode],
  privilege: 0,
  execute() {},
});

const implicit = (mnemonic: string, opcode: string, run: Native, privilege?: 0): Instruction => ({
  mnemonic,
  encodings: [opcode],
  ...(privilege === undefined ? {} : { privilege }),
  execute(cpu) {
    cpu.call(run);
  },
});

export const controlRegisters: readonly Instruction[] = [
  ...moves('cr0', setCr0),
  ...moves('cr2', ({ state }, value) => {
    state.cr2 = value;
  }),
  ...moves('cr3', setCr3),
  ...moves('cr4', setCr4),
  {
    mnemonic: 'mov',
    encodings: ['0F 21 Rd,Dd'],
    privilege: 0,
    execute: (cpu, target: Operand, source: Operand) =>
      cpu.write(target, cpu.call(readDebug, cpu.number(source))),
  },
  {
    mnemonic: 'mov',
    encodings: ['0F 23 Dd,Rd'],
    privilege: 0,
    ends: true,
    execute(cpu, target: Operand, source: Operand) {
      const next = cpu.nextEip();
      cpu.call(writeDebug, cpu.number(target), cpu.read(source));
      cpu.jump(next);
    },
  },
  {
    mnemonic: 'smsw',
    encodings: ['0F 01 /4 mem Ew :w', '0F 01 /4 reg Ev'],
    execute: (cpu, target: Operand) => cpu.write(target, cpu.state('cr0')),
  },
  {
    mnemonic: 'lmsw',
    encodings: ['0F 01 /6 Ew :w'],
    privilege: 0,
    execute(cpu, source: Operand) {
      cpu.call(loadStatus, cpu.read(source));
    },
  },
  implicit('clts', '0F 06', clearTaskSwitched, 0),
  {
    mnemonic: 'invlpg',
    encodings: ['0F 01 /7 Mn'],
    privilege: 0,
    ends: true,
    execute(cpu, page: Operand) {
      const next = cpu.nextEip();
      cpu.call(invalidatePage, cpu.segmentOf(page), cpu.address(page));
      cpu.jump(next);
    },
  },
  cacheless('invd', '0F 08'),
  cacheless('wbinvd', '0F 09'),
  implicit('rdmsr', '0F 32', readModelSpecific, 0),
  {
    mnemonic: 'wrmsr',
    encodings: ['0F 30'],
    privilege: 0,
    ends: true,
    execute(cpu) {
      const next = cpu.nextEip();
      cpu.call(writeModelSpecific);
      cpu.jump(next);
    },
  },
  implicit('rdtsc', '0F 31', readTimeStamp),
  {
    mnemonic: 'rdpmc',
    encodings: ['0F 33'],
    // There are no counters: no index is valid (SDM 2B, RDPMC).
    execute: (cpu) => cpu.faultIf(cpu.constant(1), VECTOR.protection),
  },
];
