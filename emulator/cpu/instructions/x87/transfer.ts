/** Loads, stores, exchanges and constants of the x87 (SDM 1 §8.3.3-4). */

import { REGION } from '../../../memory/linear-memory.ts';
import {
  blocksLoad,
  blocksStore,
  type FloatContext,
  NEAREST,
  type Rounding,
  TOWARD_ZERO,
  UP,
} from '../../float/context.ts';
import { narrowForStore, toInteger, widen } from '../../float/conversion.ts';
import { decodeDecimal, encodeDecimal, INDEFINITE_DECIMAL } from '../../float/decimal.ts';
import { INDEFINITE, type Real } from '../../float/real.ts';
import { DOUBLE, SINGLE } from '../../float/rounding.ts';
import { readFloat, readInteger, writeFloat, writeInteger } from '../../fpu/memory-format.ts';
import {
  addressOf,
  begin,
  copyTo,
  finish,
  finishKeepingC1,
  isEmpty,
  pop,
  push,
  read,
  resume,
  rotate,
  stackFault,
  write,
  writeBits,
  writeExtended,
} from '../../fpu/stack.ts';
import type { Instruction } from '../../instruction.ts';
import { type Native, native } from '../../native.ts';
import type { Operand } from '../../operand.ts';
import type { Processor } from '../../processor.ts';
import { compute, record } from './unit.ts';

// ---- loads

/** A load from memory that makes a number of what it reads. */
function load(
  mnemonic: string,
  encodings: readonly string[],
  value: (cpu: Processor, pointer: number, size: number, context: FloatContext) => Real,
): Instruction {
  const run = native(mnemonic, (cpu, pointer: number, size: number) => {
    const context = begin(cpu);
    if (isEmpty(cpu, -1)) {
      const loaded = value(cpu, pointer, size, context);
      if (!blocksLoad(context) && push(cpu, context)) {
        write(cpu, 0, loaded);
      }
    } else {
      push(cpu, context);
    }
    finish(cpu, context);
  });
  return memorySource(mnemonic, encodings, run);
}

function memorySource(mnemonic: string, encodings: readonly string[], run: Native): Instruction {
  return {
    mnemonic,
    encodings,
    unit: 'x87',
    execute(cpu, source: Operand) {
      compute(cpu, source, run, cpu.pointer(source, 'read'), cpu.constant(source.size));
    },
  };
}

/** The register format is copied as it is, signaling NaNs too. */
const loadExtended = native('fldExtended', (cpu, pointer: number, _size: number) => {
  const context = begin(cpu);
  if (push(cpu, context)) {
    copyTo(cpu, 0, pointer);
  }
  finish(cpu, context);
});

const loadRegister = native('fldRegister', (cpu, source: number) => {
  const context = begin(cpu);
  const from = addressOf(cpu, source);
  if (isEmpty(cpu, source)) {
    // Even when the stack is full as well.
    if (stackFault(context, false)) {
      rotate(cpu, -1);
      write(cpu, 0, INDEFINITE);
    }
  } else if (push(cpu, context)) {
    copyTo(cpu, 0, from);
  }
  finish(cpu, context);
});

/** A constant: its bits rounded towards zero, and whether the nearest is the next above. */
function constantLoad(
  mnemonic: string,
  modrm: string,
  signExponent: number,
  high: number,
  low: number,
  nearest: 'exact' | 'above' | 'below',
): Instruction {
  const step = ({ rounding }: FloatContext): number =>
    nearest !== 'exact' && (rounding === UP || (rounding === NEAREST && nearest === 'above'))
      ? 1
      : 0;
  const run = native(mnemonic, (cpu) => {
    const context = begin(cpu);
    if (push(cpu, context)) {
      writeBits(cpu, 0, signExponent, high, low + step(context));
    }
    finish(cpu, context);
  });
  return {
    mnemonic,
    encodings: [`D9 [${modrm}]`],
    unit: 'x87',
    execute: (cpu) => compute(cpu, undefined, run),
  };
}

// ---- stores

/** Puts the bytes of a number where `deliver` finds them; answers nothing if it cannot. */
type Prepare = (cpu: Processor, size: number, context: FloatContext) => void;

/** An instruction's bytes for memory, between its two natives. */
const PREPARED = REGION.operands;

/**
 * A store to memory is made in two steps, since an unmasked exception that withholds it comes
 * before any fault of memory, and that before any change.
 *
 * @param convert rounds ST(0) into `PREPARED`
 * @param indefinite puts there what stands for an empty register
 */
function preparation(name: string, convert: Prepare, indefinite: Prepare): Native {
  return native(name, (cpu, size: number) => {
    const context = begin(cpu);
    const lacks = isEmpty(cpu, 0);
    (lacks ? indefinite : convert)(cpu, size, context);
    const goesOn = lacks ? stackFault(context, false) : !blocksStore(context);
    if (!goesOn) {
      finish(cpu, context);
    }
    return goesOn ? 1 : 0;
  });
}

const deliver = native('deliver', (cpu, pointer: number, from: number, size: number) => {
  cpu.memory.u8.copyWithin(pointer, PREPARED + from, PREPARED + from + size);
});

const finishStore = native('finishStore', (cpu, pops: number) => {
  if (pops) {
    pop(cpu);
  }
  finish(cpu, resume());
});

/** Ten bytes are written as eight and two, which shows when the two fault. */
const partsOf = (size: number): readonly (readonly [number, number])[] =>
  size === 10
    ? [
        [0, 8],
        [8, 2],
      ]
    : [[0, size]];

function store(
  mnemonic: string,
  pops: 0 | 1,
  encodings: readonly string[],
  prepare: Native,
): Instruction {
  return {
    mnemonic,
    encodings,
    unit: 'x87',
    execute(cpu, target: Operand) {
      cpu.when(cpu.call(prepare, cpu.constant(target.size)), () => {
        for (const [from, size] of partsOf(target.size)) {
          const part = { ...target, size };
          const [shift, length] = [cpu.constant(from), cpu.constant(size)];
          cpu.call(deliver, cpu.pointer(part, 'write', shift), shift, length);
          cpu.commit(part);
        }
        cpu.call(finishStore, cpu.constant(pops));
      });
      record(cpu, target);
    },
  };
}

const prepareFloat = preparation(
  'prepareFloat',
  (cpu, size, context) => {
    const format = size === 4 ? SINGLE : DOUBLE;
    writeFloat(cpu, PREPARED, size, narrowForStore(read(cpu, 0), format, context));
  },
  (cpu, size) => writeFloat(cpu, PREPARED, size, INDEFINITE),
);

const integerPreparation = (name: string, rounding: (context: FloatContext) => Rounding): Native =>
  preparation(
    name,
    (cpu, size, context) => {
      const rounded = toInteger(read(cpu, 0), 8 * size, rounding(context), context);
      writeInteger(cpu, PREPARED, size, rounded);
    },
    (cpu, size) => writeInteger(cpu, PREPARED, size, 1n << BigInt(8 * size - 1)),
  );

const prepareInteger = integerPreparation('prepareInteger', (context) => context.rounding);
const prepareTruncated = integerPreparation('prepareTruncated', () => TOWARD_ZERO);

const prepareDecimal = preparation(
  'prepareDecimal',
  (cpu, _size, context) => {
    cpu.memory.u8.set(encodeDecimal(read(cpu, 0), context), PREPARED);
  },
  (cpu) => cpu.memory.u8.set(INDEFINITE_DECIMAL, PREPARED),
);

const prepareExtended = preparation(
  'prepareExtended',
  (cpu) => {
    const from = addressOf(cpu, 0);
    cpu.memory.u8.copyWithin(PREPARED, from, from + 10);
  },
  (cpu) => writeExtended(cpu, PREPARED, INDEFINITE),
);

const storeRegister = native('storeRegister', (cpu, target: number, pops: number) => {
  const context = begin(cpu);
  const lacks = isEmpty(cpu, 0);
  if (!lacks) {
    copyTo(cpu, target, addressOf(cpu, 0));
  } else if (stackFault(context, false)) {
    write(cpu, target, INDEFINITE);
  }
  if (pops && (!lacks || context.masks & 1)) {
    pop(cpu);
  }
  finish(cpu, context);
});

/** An empty register is popped without complaint, and nothing stored. */
const storeFilled = native('fstp1', (cpu, target: number) => {
  if (!isEmpty(cpu, 0)) {
    copyTo(cpu, target, addressOf(cpu, 0));
  }
  pop(cpu);
  finish(cpu, begin(cpu));
});

const toRegister = (mnemonic: string, pops: 0 | 1, encodings: readonly string[]): Instruction => ({
  mnemonic,
  encodings,
  unit: 'x87',
  execute(cpu, target: Operand) {
    compute(cpu, undefined, storeRegister, cpu.number(target), cpu.constant(pops));
  },
});

// ---- between registers

const exchange = native('fxch', (cpu, i: number) => {
  const context = begin(cpu);
  const lacking = [0, i].filter((register) => isEmpty(cpu, register));
  if (lacking.length === 0 || stackFault(context, false)) {
    for (const register of lacking) {
      write(cpu, register, INDEFINITE);
    }
    const { u8 } = cpu.memory;
    const [a, b] = [addressOf(cpu, 0), addressOf(cpu, i)];
    const kept = u8.slice(a, a + 10);
    u8.copyWithin(a, b, b + 10);
    u8.set(kept, b);
  }
  finish(cpu, context);
});

const moveIf = native('fcmov', (cpu, source: number, condition: number) => {
  const context = begin(cpu);
  if (isEmpty(cpu, 0) || isEmpty(cpu, source)) {
    if (stackFault(context, false)) {
      write(cpu, 0, INDEFINITE);
    }
  } else if (condition) {
    copyTo(cpu, 0, addressOf(cpu, source));
  }
  finishKeepingC1(cpu, context);
});

const conditionalMove = (mnemonic: string, encoding: string, cc: number): Instruction => ({
  mnemonic,
  encodings: [encoding],
  unit: 'x87',
  execute(cpu, _target: Operand, source: Operand) {
    compute(cpu, undefined, moveIf, cpu.number(source), cpu.condition(cc));
  },
});

export const x87Transfers: readonly Instruction[] = [
  load('fld', ['D9 /0 Md', 'DD /0 Mq'], (cpu, pointer, size, context) =>
    widen(readFloat(cpu, pointer, size), context),
  ),
  memorySource('fld', ['DB /5 Mt'], loadExtended),
  {
    mnemonic: 'fld',
    encodings: ['D9 [C0+i] STi'],
    unit: 'x87',
    execute(cpu, source: Operand) {
      compute(cpu, undefined, loadRegister, cpu.number(source));
    },
  },
  load('fild', ['DB /0 Md', 'DF /0 Mw', 'DF /5 Mq'], readInteger),
  load('fbld', ['DF /4 Mt'], ({ memory }, pointer) =>
    decodeDecimal(memory.u8.subarray(pointer, pointer + 10)),
  ),
  constantLoad('fld1', 'E8', 0x3fff, 0x8000_0000, 0, 'exact'),
  constantLoad('fldl2t', 'E9', 0x4000, 0xd49a_784b, 0xcd1b_8afe, 'below'),
  constantLoad('fldl2e', 'EA', 0x3fff, 0xb8aa_3b29, 0x5c17_f0bb, 'above'),
  constantLoad('fldpi', 'EB', 0x4000, 0xc90f_daa2, 0x2168_c234, 'above'),
  constantLoad('fldlg2', 'EC', 0x3ffd, 0x9a20_9a84, 0xfbcf_f798, 'above'),
  constantLoad('fldln2', 'ED', 0x3ffe, 0xb172_17f7, 0xd1cf_79ab, 'above'),
  constantLoad('fldz', 'EE', 0, 0, 0, 'exact'),
  store('fst', 0, ['D9 /2 Md', 'DD /2 Mq'], prepareFloat),
  store('fstp', 1, ['D9 /3 Md', 'DD /3 Mq'], prepareFloat),
  store('fstp', 1, ['DB /7 Mt'], prepareExtended),
  toRegister('fst', 0, ['DD [D0+i] STi']),
  toRegister('fstp', 1, ['DD [D8+i] STi']),
  // Encodings that the manual does not have, but processors do.
  toRegister('fstp8', 1, ['DF [D0+i] STi']),
  toRegister('fstp9', 1, ['DF [D8+i] STi']),
  {
    mnemonic: 'fstp1',
    encodings: ['D9 [D8+i] STi'],
    unit: 'x87',
    execute: (cpu, target: Operand) => compute(cpu, undefined, storeFilled, cpu.number(target)),
  },
  store('fist', 0, ['DB /2 Md', 'DF /2 Mw'], prepareInteger),
  store('fistp', 1, ['DB /3 Md', 'DF /3 Mw', 'DF /7 Mq'], prepareInteger),
  store('fisttp', 1, ['DB /1 Md', 'DF /1 Mw', 'DD /1 Mq'], prepareTruncated),
  store('fbstp', 1, ['DF /6 Mt'], prepareDecimal),
  {
    mnemonic: 'fxch',
    encodings: ['D9 [C8+i] STi', 'DD [C8+i] STi', 'DF [C8+i] STi'],
    unit: 'x87',
    execute: (cpu, other: Operand) => compute(cpu, undefined, exchange, cpu.number(other)),
  },
  conditionalMove('fcmovb', 'DA [C0+i] ST,STi', 2),
  conditionalMove('fcmove', 'DA [C8+i] ST,STi', 4),
  conditionalMove('fcmovbe', 'DA [D0+i] ST,STi', 6),
  conditionalMove('fcmovu', 'DA [D8+i] ST,STi', 10),
  conditionalMove('fcmovnb', 'DB [C0+i] ST,STi', 3),
  conditionalMove('fcmovne', 'DB [C8+i] ST,STi', 5),
  conditionalMove('fcmovnbe', 'DB [D0+i] ST,STi', 7),
  conditionalMove('fcmovnu', 'DB [D8+i] ST,STi', 11),
];
