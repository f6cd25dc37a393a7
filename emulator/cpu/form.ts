/**
 * A form: an instruction with its size, condition and kinds of operands.
 *
 * Generated code has one handler for each form; what differs between instructions of one form
 * stands in their decoded records.
 */

import type { Decoded } from './decoder.ts';
import type { OperandCode } from './encoding.ts';
import { EFLAGS } from './flags.ts';
import { STATUS } from './fpu/status.ts';
import type { Instruction } from './instruction.ts';
import type { Entry, OpcodeMap } from './opcode-map.ts';
import {
  hasOneMemoryKind,
  isAligned,
  type Operand,
  type OperandKind,
  operandSize,
} from './operand.ts';
import type { Semantics, Size } from './semantics.ts';

export interface Form {
  readonly key: string;
  readonly instruction: Instruction;
  readonly size: Size;
  readonly cc: number;
  readonly isFlat: boolean;
  readonly operands: readonly Operand[];
}

/** Tells lists of operands apart. */
function keyOfOperands(operands: readonly Operand[]): string {
  let key = '';
  for (const { kind, size, slot, isAligned: aligned } of operands) {
    key += `,${kind}${size}.${slot}${aligned ? 'a' : ''}`;
  }
  return key;
}

/** Tells forms of one instruction apart. */
const keyOf = (size: Size, cc: number, isFlat: boolean, operands: string): string =>
  `${size}/${cc}${isFlat ? '' : '/general'}${operands}`;

interface NumberedForm {
  readonly form: Form;
  number: number;
}

/** The forms of a machine's instructions, numbered. */
export class Forms {
  readonly all: readonly Form[];
  readonly #byKey = new Map<Instruction, Map<string, NumberedForm>>();
  readonly #entries: readonly Entry[];

  /** @param isEarly which forms come first, in order */
  constructor(map: OpcodeMap, isEarly: (form: Form) => boolean) {
    this.#entries = map.entries;
    for (const entry of map.entries) {
      const { instruction } = entry;
      const ofInstruction = this.#byKey.get(instruction) ?? new Map<string, NumberedForm>();
      this.#byKey.set(instruction, ofInstruction);
      for (const form of formsOf(entry)) {
        if (!ofInstruction.has(form.key)) {
          ofInstruction.set(form.key, { form, number: 0 });
        }
      }
    }
    const numbered = [...this.#byKey.values()].flatMap((forms) => [...forms.values()]);
    const early = numbered.filter(({ form }) => isEarly(form));
    const late = new Set(numbered);
    for (const each of early) {
      late.delete(each);
    }
    const ordered = [...early, ...late];
    ordered.forEach((each, number) => {
      each.number = number;
    });
    this.all = ordered.map(({ form }) => form);
  }

  /** Tells whether prepared code was written for these very instructions. */
  get signature(): string {
    let hash = 0;
    for (const { instruction, encoding } of this.#entries) {
      const text = `${instruction.mnemonic} ${encoding.text}`;
      for (let i = 0; i < text.length; i++) {
        hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
      }
    }
    return `forms-${this.all.length}-${(hash >>> 0).toString(16)}`;
  }

  numberOf(decoded: Decoded): number {
    const { instruction } = decoded.entry;
    const isFlat = instruction.implicit === undefined || decoded.isFlat;
    const operands = keyOfOperands(decoded.operands.map((o) => o.operand));
    const key = keyOf(decoded.size, decoded.cc, isFlat, operands);
    const number = this.#byKey.get(instruction)?.get(key)?.number;
    if (number === undefined) {
      throw new RangeError(`no form of ${instruction.mnemonic} is ${key}`);
    }
    return number;
  }
}

function formsOf(entry: Entry): Form[] {
  const { instruction, encoding } = entry;
  const sizes: Size[] =
    encoding.size === 'v'
      ? [2, 4]
      : [({ b: 1, w: 2, d: 4 } as const)[encoding.size as 'b' | 'w' | 'd'] ?? 4];
  const codes = encoding.isConditional ? Array.from({ length: 16 }, (_, cc) => cc) : [0];
  const modes = instruction.implicit === undefined ? [true] : [true, false];
  return sizes.flatMap((size) =>
    operandLists(entry, size).flatMap((operands) => {
      const operandKey = keyOfOperands(operands);
      return codes.flatMap((cc) =>
        modes.map((isFlat) => {
          const key = keyOf(size, cc, isFlat, operandKey);
          return { key, instruction, size, cc, isFlat, operands };
        }),
      );
    }),
  );
}

const ALL_MEMORY: readonly OperandKind[] = ['displacement', 'based', 'indexed', 'segmented'];

interface Partial {
  readonly operands: readonly Operand[];
  readonly registers: number;
  readonly immediates: number;
}

function operandLists(entry: Entry, size: Size): (readonly Operand[])[] {
  let lists: Partial[] = [{ operands: [], registers: 0, immediates: 0 }];
  for (const code of entry.encoding.operands) {
    lists = lists.flatMap((list) =>
      kindsOf(entry, code).map((kind) => extend(list, kind, code, size)),
    );
  }
  return lists.map((list) => list.operands);
}

function extend(list: Partial, kind: OperandKind, code: OperandCode, size: Size): Partial {
  const isRegister = kind === 'register' || kind === 'vector' || kind === 'number';
  const isImmediate = kind === 'immediate';
  const count = isRegister ? list.registers : isImmediate ? list.immediates : 0;
  const operand: Operand = {
    kind,
    size: operandSize(code, kind, size),
    slot: count === 0 ? 0 : 1,
    isAligned: isAligned(code),
  };
  return {
    operands: [...list.operands, operand],
    registers: list.registers + (isRegister ? 1 : 0),
    immediates: list.immediates + (isImmediate ? 1 : 0),
  };
}

function kindsOf(entry: Entry, { place, register }: OperandCode): readonly OperandKind[] {
  const memory = hasOneMemoryKind(entry.instruction) ? (['segmented'] as const) : ALL_MEMORY;
  const mod = entry.encoding.mod;
  switch (place) {
    case 'fixed':
      return [register?.file === 'segment' ? 'number' : 'register'];
    case 'one':
    case 'count':
      return [place];
    case 'E':
      return mod === 'mem' ? memory : mod === 'reg' ? ['register'] : ['register', ...memory];
    case 'Q':
    case 'W':
      return mod === 'mem' ? memory : mod === 'reg' ? ['vector'] : ['vector', ...memory];
    case 'M':
      return memory;
    case 'O':
      return memory.filter((kind) => kind === 'displacement' || kind === 'segmented');
    case 'P':
    case 'V':
    case 'N':
    case 'U':
      return ['vector'];
    case 'G':
    case 'R':
    case 'Z':
      return ['register'];
    case 'J':
      return ['target'];
    case 'I':
    case 'A':
      return ['immediate'];
    default:
      return ['number'];
  }
}

const NO_MATH = 7;
const UNDEFINED = 6;
const GENERAL_PROTECTION = 13;
const MATH = 16;
const CR0_NE = 0x20;
const CR0_TS = 8;
const CR0_EM = 4;
const CR4_OSFXSR = 0x200;

/** Runs the body of a form, with the checks that its declaration asks for before it. */
export function perform<V>(form: Form, cpu: Semantics<V>): void {
  const { unit, privilege, waits } = form.instruction;
  if (privilege !== undefined) {
    cpu.faultIf(cpu.state('cpl'), GENERAL_PROTECTION, 0);
  }
  const has = (word: 'cr0' | 'cr4', bits: number): V =>
    cpu.and(cpu.state(word), cpu.constant(bits));
  if (unit === 'x87') {
    cpu.faultIf(has('cr0', CR0_TS | CR0_EM), NO_MATH);
  } else if (unit !== undefined) {
    cpu.faultIf(has('cr0', CR0_EM), UNDEFINED);
    if (unit !== 'mmx') {
      cpu.faultIf(cpu.eq(has('cr4', CR4_OSFXSR), cpu.constant(0)), UNDEFINED);
    }
    cpu.faultIf(has('cr0', CR0_TS), NO_MATH);
  }
  if (unit !== undefined && unit !== 'sse' && waits !== false) {
    raisePending(cpu);
  }
  form.instruction.execute(cpu, ...form.operands);
}

/**
 * Raises #MF if an earlier x87 instruction met an unmasked exception. Without CR0.NE that would be
 * the business of an interrupt controller of the PC, which is not there (SDM 1 §8.7).
 */
export function raisePending<V>(cpu: Semantics<V>): void {
  const summary = cpu.and(cpu.state('fpuStatus'), cpu.constant(STATUS.summary));
  cpu.when(summary, () => {
    cpu.faultIf(cpu.and(cpu.state('cr0'), cpu.constant(CR0_NE)), MATH);
  });
}

/** DF as plus or minus one. */
export function directionOf<V>(cpu: Semantics<V>): V {
  const down = cpu.and(cpu.state('systemFlags'), cpu.constant(EFLAGS.direction));
  return cpu.sub(cpu.constant(1), cpu.shr(down, cpu.constant(9)));
}
