/** From a frame to the one that called it, by call frame information. */

import type { DebugSections } from './debug-sections.ts';
import type { Problems } from './dwarf-error.ts';
import { numberBy } from './expression.ts';
import { FrameEntries, type FrameEntry } from './frame-entries.ts';
import { type FrameRules, type RegisterRule, rulesAt } from './frame-rules.ts';
import { Unavailable } from './variable-location.ts';

/** What is known of a frame. Registers have the numbers that DWARF gives them. */
export interface Frame {
  /** In a frame that has called another: an address inside of the call, not after it. */
  readonly pc: number;
  register(number: number): number | undefined;
  read(address: number, size: number): Uint8Array | undefined;
}

export interface CallerFrame {
  /** What the stack pointer was before the call. */
  readonly cfa: number;
  readonly returnAddress: number;
  /** By number; a value that is lost is `undefined`. */
  readonly registers: ReadonlyMap<number, number | undefined>;
  /** The frame was interrupted rather than called, so `returnAddress` is where it goes on. */
  readonly isSignalFrame: boolean;
}

/** eax to edi. */
const GENERAL_REGISTERS = 8;
const ESP = 4;
const EIP = 8;

export class CallFrames {
  readonly #problems: Problems;
  readonly #sources: readonly FrameEntries[];

  constructor(sections: DebugSections, problems: Problems) {
    this.#problems = problems;
    this.#sources = [
      new FrameEntries(sections, problems, '.debug_frame'),
      new FrameEntries(sections, problems, '.eh_frame'),
    ];
  }

  /** `undefined` where no information covers the address, or memory that it needs cannot be read. */
  unwind(frame: Frame): CallerFrame | undefined {
    return this.#problems.guard(() => {
      const entry = this.#entryAt(frame.pc);
      const rules = entry && rulesAt(entry, frame.pc);
      const cfa = rules && ifAvailable(() => cfaOf(rules, frame));
      return cfa === undefined ? undefined : callerOf(frame, entry!, rules!, cfa);
    }, undefined);
  }

  /** The canonical frame address alone. */
  cfaOf(frame: Frame): number | undefined {
    return this.#problems.guard(() => {
      const entry = this.#entryAt(frame.pc);
      return entry && ifAvailable(() => cfaOf(rulesAt(entry, frame.pc), frame));
    }, undefined);
  }

  #entryAt(pc: number): FrameEntry | undefined {
    for (const source of this.#sources) {
      const entry = source.at(pc);
      if (entry !== undefined) {
        return entry;
      }
    }
    return undefined;
  }
}

function ifAvailable<T>(compute: () => T): T | undefined {
  try {
    return compute();
  } catch (error) {
    if (error instanceof Unavailable) {
      return undefined;
    }
    throw error;
  }
}

function cfaOf({ cfa }: FrameRules, frame: Frame): number | undefined {
  switch (cfa?.kind) {
    case 'register': {
      const base = frame.register(cfa.register);
      return base === undefined ? undefined : (base + cfa.offset) >>> 0;
    }
    case 'expression':
      return expressionValue(cfa.bytes, frame, []);
    case undefined:
      return undefined;
  }
}

function callerOf(
  frame: Frame,
  { common }: FrameEntry,
  rules: FrameRules,
  cfa: number,
): CallerFrame | undefined {
  const valueOfRegister = (register: number): number | undefined => {
    const rule = rules.registers.get(register);
    if (rule === undefined) {
      return register === ESP ? cfa : frame.register(register);
    }
    return ifAvailable(() => restored(rule, register, frame, cfa));
  };
  const returnAddress = valueOfRegister(common.returnRegister);
  if (returnAddress === undefined) {
    return undefined;
  }
  const registers = new Map<number, number | undefined>();
  for (let register = 0; register < GENERAL_REGISTERS; register++) {
    registers.set(register, valueOfRegister(register));
  }
  registers.set(EIP, returnAddress);
  return { cfa, returnAddress, registers, isSignalFrame: common.isSignalFrame };
}

function restored(
  rule: RegisterRule,
  register: number,
  frame: Frame,
  cfa: number,
): number | undefined {
  switch (rule.kind) {
    case 'undefined':
      return undefined;
    case 'same':
      return frame.register(register);
    case 'offset':
      return word(frame, cfa + rule.offset);
    case 'value offset':
      return (cfa + rule.offset) >>> 0;
    case 'register':
      return frame.register(rule.register);
    case 'expression':
      return word(frame, expressionValue(rule.bytes, frame, [cfa]));
    case 'value expression':
      return expressionValue(rule.bytes, frame, [cfa]);
  }
}

function word(frame: Frame, address: number): number | undefined {
  const bytes = frame.read(address >>> 0, 4);
  return bytes === undefined || bytes.length < 4
    ? undefined
    : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

function expressionValue(bytes: Uint8Array, frame: Frame, initial: readonly number[]): number {
  const nothing = () => {
    throw new Unavailable('A frame has no frame base.');
  };
  return numberBy(
    bytes,
    {
      machine: {
        pc: frame.pc,
        register: (n) => frame.register(n),
        read: (a, s) => frame.read(a, s),
        cfa: () => undefined,
      },
      unit: undefined,
      units: undefined,
      frameBase: nothing,
      entryValue: () => undefined,
    },
    initial,
  );
}
