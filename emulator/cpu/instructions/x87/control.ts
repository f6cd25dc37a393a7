/**
 * Control of the x87: its words, images of its state, its stack pointer (SDM 1 §8.3.11).
 *
 * The instructions with an N in their name, and FXSAVE and FXRSTOR, do not look for a pending
 * exception first; FWAIT does nothing else.
 */

import { VECTOR } from '../../exceptions.ts';
import { raisePending } from '../../form.ts';
import {
  clearExceptions,
  initialize,
  isLoadable,
  loadAll,
  loadEnvironment,
  loadExtended,
  maskAll,
  setControl,
  storeAll,
  storeEnvironment,
  storeExtended,
} from '../../fpu/environment.ts';
import { begin, empty, finish, pop, rotate } from '../../fpu/stack.ts';
import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import type { WordName } from '../../state.ts';
import { compute } from './unit.ts';

const loadControl = native('fldcw', (cpu, word: number) => setControl(cpu, word));
const initializeUnit = native('fninit', initialize);
const clear = native('fnclex', clearExceptions);

const saveEnvironment = native('fnstenv', (cpu, pointer: number, size: number) => {
  storeEnvironment(cpu, pointer, size);
  maskAll(cpu);
});
const restoreEnvironment = native('fldenv', loadEnvironment);
const saveAll = native('fnsave', (cpu, pointer: number, size: number) => {
  storeAll(cpu, pointer, size);
  initialize(cpu);
});
const restoreAll = native('frstor', loadAll);
const saveExtended = native('fxsave', storeExtended);
const restoreExtended = native('fxrstor', (cpu, pointer: number) => {
  if (!isLoadable(cpu, pointer)) {
    cpu.fault(VECTOR.protection);
  }
  loadExtended(cpu, pointer);
});

const image = (
  mnemonic: string,
  encoding: string,
  access: 'read' | 'write',
  run: Native,
  waits: boolean,
): Instruction => ({
  mnemonic,
  encodings: [encoding],
  unit: 'x87',
  ...(waits ? {} : { waits: false as const }),
  execute(cpu, memory: Operand) {
    const pointer = cpu.pointer(memory, access);
    const values = run.parameters === 1 ? [pointer] : [pointer, cpu.constant(cpu.size)];
    cpu.call(run, ...values);
    cpu.commit(memory);
  },
});

const silent = (mnemonic: string, encoding: string, run?: Native): Instruction => ({
  mnemonic,
  encodings: [encoding],
  unit: 'x87',
  waits: false,
  execute(cpu) {
    if (run !== undefined) {
      cpu.call(run);
    }
  },
});

const wordStore = (
  mnemonic: string,
  word: WordName,
  encodings: readonly string[],
): Instruction => ({
  mnemonic,
  encodings,
  unit: 'x87',
  waits: false,
  execute(cpu, target: Operand) {
    cpu.write(target, cpu.state(word));
  },
});

const turn = (mnemonic: string, modrm: string, by: 1 | -1): Instruction => {
  const run = native(mnemonic, (cpu) => {
    rotate(cpu, by);
    finish(cpu, begin(cpu));
  });
  return {
    mnemonic,
    encodings: [`D9 [${modrm}]`],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, run),
  };
};

const freeing = (mnemonic: string, encoding: string, pops: boolean): Instruction => {
  const run = native(mnemonic, (cpu, i: number) => {
    empty(cpu, i);
    if (pops) {
      pop(cpu);
    }
    finish(cpu, begin(cpu));
  });
  return {
    mnemonic,
    encodings: [encoding],
    unit: 'x87',
    execute: (cpu, register: Operand) => compute(cpu, undefined, run, cpu.number(register)),
  };
};

const doNothing = native('fnop', (_cpu) => {});

const CR0_MP_AND_TS = 0xa;

export const x87Control: readonly Instruction[] = [
  {
    mnemonic: 'fwait',
    encodings: ['9B'],
    execute(cpu) {
      const both = cpu.constant(CR0_MP_AND_TS);
      cpu.faultIf(cpu.eq(cpu.and(cpu.state('cr0'), both), both), VECTOR.noMath);
      raisePending(cpu);
    },
  },
  {
    mnemonic: 'fldcw',
    encodings: ['D9 /5 Mw'],
    unit: 'x87',
    execute(cpu, source: Operand) {
      cpu.call(loadControl, cpu.read(source));
    },
  },
  wordStore('fnstcw', 'fpuControl', ['D9 /7 Mw']),
  wordStore('fnstsw', 'fpuStatus', ['DD /7 Mw', 'DF [E0] AX']),
  silent('fninit', 'DB [E3]', initializeUnit),
  silent('fnclex', 'DB [E2]', clear),
  // What they controlled on the 8087 and the 287 is no more.
  silent('fneni', 'DB [E0]'),
  silent('fndisi', 'DB [E1]'),
  silent('fnsetpm', 'DB [E4]'),
  image('fnstenv', 'D9 /6 Menv :v', 'write', saveEnvironment, false),
  image('fldenv', 'D9 /4 Menv :v', 'read', restoreEnvironment, true),
  image('fnsave', 'DD /6 Mall :v', 'write', saveAll, false),
  image('frstor', 'DD /4 Mall :v', 'read', restoreAll, true),
  image('fxsave', 'NP 0F AE /0 Mfx', 'write', saveExtended, false),
  image('fxrstor', 'NP 0F AE /1 Mfx', 'read', restoreExtended, false),
  turn('fdecstp', 'F6', -1),
  turn('fincstp', 'F7', 1),
  freeing('ffree', 'DD [C0+i] STi', false),
  freeing('ffreep', 'DF [C0+i] STi', true),
  {
    mnemonic: 'fnop',
    encodings: ['D9 [D0]'],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, doNothing),
  },
];
