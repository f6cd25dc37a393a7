/**
 * String instructions (SDM 1 §5.1.8, §7.3.9).
 *
 * Each iteration of a repeated instruction counts as one instruction, and between two of them
 * everything can happen that can happen between two instructions.
 */

import { copyElements, fillElements } from '../bulk.ts';
import { arithmeticFlags } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { type Native, native } from '../native.ts';
import type { Semantics } from '../semantics.ts';
import { EAX, ECX, EDI, ES, ESI, REPEATING, segmentAddress } from '../state.ts';

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
export function again<V>(cpu: Semantics<V>, condition: V, changesFlags = false): void {
  const kind = changesFlags ? REPEATING.changesFlags : REPEATING.keepsFlags;
  cpu.when(condition, () => {
    cpu.setState('repeatedAt', cpu.state('budget'));
    cpu.setState('repeatedKind', cpu.constant(kind));
  });
  cpu.againIf(condition);
}

const noteFlags = native('noteFlags', ({ state }) => {
  state.flagsBefore = arithmeticFlags(state);
});

/** Before the first iteration: a fault in a later one restores the flags. */
function noteFirst<V>(cpu: Semantics<V>): void {
  const last = cpu.add(cpu.state('budget'), cpu.constant(1));
  cpu.when(cpu.ne(cpu.state('repeatedAt'), last), () => cpu.call(noteFlags));
}

interface StringOperation {
  readonly registers: readonly number[];
  run<V>(cpu: Semantics<V>): void;
  /** Handles many elements at once, where that is the same; answers how many, perhaps 0. */
  readonly bulk?: Native;
  /** Ends a repetition by ZF. */
  readonly compares?: true;
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
  cmps: {
    opcode: 0xa6,
    operation: {
      registers: [ESI, EDI],
      run(cpu) {
        const b = target(cpu); // ES:EDI first: the order in which silicon faults
        const a = source(cpu);
        cpu.setFlags('sub', a, b, cpu.sub(a, b));
      },
      compares: true,
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
  scas: {
    opcode: 0xae,
    operation: {
      registers: [EDI],
      run(cpu) {
        const a = cpu.register(EAX, cpu.size);
        const b = target(cpu);
        cpu.setFlags('sub', a, b, cpu.sub(a, b));
      },
      compares: true,
    },
  },
};

export const encodingsOf = (opcode: number, prefix = ''): readonly string[] => [
  `${prefix}${opcode.toString(16).toUpperCase()} :b`,
  `${prefix}${(opcode + 1).toString(16).toUpperCase()} :v`,
];

function once(mnemonic: string, opcode: number, operation: StringOperation): Instruction {
  return {
    mnemonic,
    encodings: encodingsOf(opcode),
    implicit: 'string',
    execute(cpu) {
      operation.run(cpu);
      for (const register of operation.registers) {
        advance(cpu, register, cpu.constant(1));
      }
    },
  };
}

/** @param until the value of ZF that ends a comparing repetition */
function repeated(
  mnemonic: string,
  encodings: readonly string[],
  operation: StringOperation,
  until: 0 | 1,
): Instruction {
  return {
    mnemonic,
    encodings,
    implicit: 'string',
    execute(cpu) {
      cpu.when(indexOf(cpu, ECX), () => {
        if (operation.compares) {
          noteFirst(cpu);
        }
        const done = cpu.variable(
          operation.bulk !== undefined && cpu.isFlat
            ? cpu.call(operation.bulk, cpu.constant(cpu.size))
            : cpu.constant(0),
        );
        cpu.when(cpu.eq(done.get(), cpu.constant(0)), () => {
          operation.run(cpu);
          done.set(cpu.constant(1));
        });
        for (const register of operation.registers) {
          advance(cpu, register, done.get());
        }
        const left = cpu.sub(indexOf(cpu, ECX), done.get());
        setIndex(cpu, ECX, left);
        const more = cpu.ne(left, cpu.constant(0));
        if (operation.compares) {
          again(cpu, cpu.and(more, cpu.ne(cpu.condition(4), cpu.constant(until))), true);
        } else {
          again(cpu, more);
        }
      });
    },
  };
}

export const strings: readonly Instruction[] = Object.entries(operations).flatMap(
  ([name, { opcode, operation }]) =>
    operation.compares
      ? [
          once(name, opcode, operation),
          repeated(`repe ${name}`, encodingsOf(opcode, 'F3 '), operation, 0),
          repeated(`repne ${name}`, encodingsOf(opcode, 'F2 '), operation, 1),
        ]
      : [
          once(name, opcode, operation),
          repeated(
            `rep ${name}`,
            [...encodingsOf(opcode, 'F3 '), ...encodingsOf(opcode, 'F2 ')],
            operation,
            0,
          ),
        ],
);
