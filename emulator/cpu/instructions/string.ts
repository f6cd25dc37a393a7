/**
 * String instructions (SDM 1 §5.1.8, §7.3.9).
 *
 * Each iteration of a repeated instruction counts as one instruction, and between two of them
 * everything can happen that can happen between two instructions.
 */

import { copyElements, fillElements } from '../bulk.ts';
import type { Instruction } from '../instruction.ts';
import { type Native, native } from '../native.ts';
import type { Semantics } from '../semantics.ts';
import { EAX, ECX, EDI, ES, ESI, segmentAddress } from '../state.ts';

const extraSegment = <V>(cpu: Semantics<V>): V => cpu.constant(segmentAddress(ES, 'selector'));

/** An index register or the count, of the address's size. */
export const indexOf = <V>(cpu: Semantics<V>, register: number): V =>
  cpu.isFlat ? cpu.register(register) : cpu.and(cpu.register(register), cpu.addressMask());

/** Sets a register, or its low half with 16-bit addresses. */
export function setIndex<V>(cpu: Semantics<V>, register: number, value: V): void {
  if (cpu.isFlat) {
    cpu.setRegister(register, value);
    return;
  }
  const mask = cpu.addressMask();
  const kept = cpu.and(cpu.register(register), cpu.xor(mask, cpu.constant(-1)));
  cpu.setRegister(register, cpu.or(kept, cpu.and(value, mask)));
}

/** Moves an index register by so many elements. */
export function advance<V>(cpu: Semantics<V>, register: number, elements: V): void {
  const bytes = cpu.mul(elements, cpu.mul(cpu.direction(), cpu.constant(cpu.size)));
  setIndex(cpu, register, cpu.add(cpu.register(register), bytes));
}

/** Repeats, and notes that between this iteration and the next the instruction has not ended. */
export function again<V>(cpu: Semantics<V>, condition: V): void {
  cpu.when(condition, () => cpu.setState('repeatedAt', cpu.state('budget')));
  cpu.againIf(condition);
}

interface StringOperation {
  readonly registers: readonly number[];
  run<V>(cpu: Semantics<V>): void;
  /** Handles many elements at once, where that is the same; answers how many, perhaps 0. */
  readonly bulk?: Native;
}

/** Compares two elements. */
interface StringComparison {
  readonly registers: readonly number[];
  /** Reads both. */
  read<V>(cpu: Semantics<V>): readonly [left: V, right: V];
}

const source = <V>(cpu: Semantics<V>): V =>
  cpu.load(cpu.sourceSegment(), indexOf(cpu, ESI), cpu.size);
const target = <V>(cpu: Semantics<V>): V =>
  cpu.load(extraSegment(cpu), indexOf(cpu, EDI), cpu.size);

const operations: Readonly<Record<string, { opcode: number; operation: StringOperation }>> = {
  movs: {
    opcode: 0xa4,
    operation: {
      registers: [ESI, EDI],
      run: (cpu) => cpu.store(extraSegment(cpu), indexOf(cpu, EDI), source(cpu), cpu.size),
      bulk: native('copyElements', copyElements),
    },
  },
  stos: {
    opcode: 0xaa,
    operation: {
      registers: [EDI],
      run(cpu) {
        const value = cpu.register(EAX, cpu.size);
        cpu.store(extraSegment(cpu), indexOf(cpu, EDI), value, cpu.size);
      },
      bulk: native('fillElements', fillElements),
    },
  },
  lods: {
    opcode: 0xac,
    operation: {
      registers: [ESI],
      run: (cpu) => cpu.setRegister(EAX, source(cpu), cpu.size),
    },
  },
};

const comparisons: Readonly<Record<string, { opcode: number; comparison: StringComparison }>> = {
  cmps: {
    opcode: 0xa6,
    comparison: {
      registers: [ESI, EDI],
      read(cpu) {
        const right = target(cpu); // ES:EDI first: the order in which silicon faults
        return [source(cpu), right];
      },
    },
  },
  scas: {
    opcode: 0xae,
    comparison: {
      registers: [EDI],
      read: (cpu) => [cpu.register(EAX, cpu.size), target(cpu)],
    },
  },
};

export const encodingsOf = (opcode: number, prefix = ''): readonly string[] => [
  `${prefix}${opcode.toString(16).toUpperCase()} :b`,
  `${prefix}${(opcode + 1).toString(16).toUpperCase()} :v`,
];

function advanceAll<V>(cpu: Semantics<V>, registers: readonly number[], elements: V): void {
  for (const register of registers) {
    advance(cpu, register, elements);
  }
}

/** Takes elements off the count; answers what is left. */
function countDown<V>(cpu: Semantics<V>, elements: V): V {
  const left = cpu.sub(indexOf(cpu, ECX), elements);
  setIndex(cpu, ECX, left);
  return left;
}

function once(mnemonic: string, opcode: number, { registers, run }: StringOperation): Instruction {
  return {
    mnemonic,
    encodings: encodingsOf(opcode),
    implicit: 'string',
    execute(cpu) {
      run(cpu);
      advanceAll(cpu, registers, cpu.constant(1));
    },
  };
}

function repeated(
  mnemonic: string,
  encodings: readonly string[],
  { registers, run, bulk }: StringOperation,
): Instruction {
  return {
    mnemonic,
    encodings,
    implicit: 'string',
    execute(cpu) {
      cpu.when(indexOf(cpu, ECX), () => {
        const done = cpu.variable(
          bulk !== undefined && cpu.isFlat
            ? cpu.call(bulk, cpu.constant(cpu.size))
            : cpu.constant(0),
        );
        cpu.when(cpu.eq(done.get(), cpu.constant(0)), () => {
          run(cpu);
          done.set(cpu.constant(1));
        });
        advanceAll(cpu, registers, done.get());
        again(cpu, cpu.ne(countDown(cpu, done.get()), cpu.constant(0)));
      });
    },
  };
}

function compareOnce(
  mnemonic: string,
  opcode: number,
  { registers, read }: StringComparison,
): Instruction {
  return {
    mnemonic,
    encodings: encodingsOf(opcode),
    implicit: 'string',
    execute(cpu) {
      const [a, b] = read(cpu);
      cpu.setFlags('sub', a, b, cpu.sub(a, b));
      advanceAll(cpu, registers, cpu.constant(1));
    },
  };
}

/**
 * The flags are those of the last iteration, and until then what they were before the first: so
 * a fault or an interrupt between iterations finds them (SDM 2B, REP).
 *
 * @param isWhileEqual repe, otherwise repne
 */
function compareRepeatedly(
  mnemonic: string,
  encodings: readonly string[],
  { registers, read }: StringComparison,
  isWhileEqual: boolean,
): Instruction {
  return {
    mnemonic,
    encodings,
    implicit: 'string',
    execute(cpu) {
      cpu.when(indexOf(cpu, ECX), () => {
        const [a, b] = read(cpu);
        advanceAll(cpu, registers, cpu.constant(1));
        const isLeft = cpu.ne(countDown(cpu, cpu.constant(1)), cpu.constant(0));
        const more = cpu.and(isLeft, isWhileEqual ? cpu.eq(a, b) : cpu.ne(a, b));
        cpu.when(cpu.eq(more, cpu.constant(0)), () => {
          cpu.setFlags('sub', a, b, cpu.sub(a, b));
        });
        again(cpu, more);
      });
    },
  };
}

export const strings: readonly Instruction[] = [
  ...Object.entries(operations).flatMap(([name, { opcode, operation }]) => [
    once(name, opcode, operation),
    repeated(
      `rep ${name}`,
      [...encodingsOf(opcode, 'F3 '), ...encodingsOf(opcode, 'F2 ')],
      operation,
    ),
  ]),
  ...Object.entries(comparisons).flatMap(([name, { opcode, comparison }]) => [
    compareOnce(name, opcode, comparison),
    compareRepeatedly(`repe ${name}`, encodingsOf(opcode, 'F3 '), comparison, true),
    compareRepeatedly(`repne ${name}`, encodingsOf(opcode, 'F2 '), comparison, false),
  ]),
];
