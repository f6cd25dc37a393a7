/**
 * The processor's registers as bytes at fixed addresses of linear memory.
 *
 * Generated code, TypeScript and checkpoints all read the addresses from here. Words are
 * unsigned; eight- and sixteen-bit registers are the low bytes of their word, as on an x86.
 */

import { type LinearMemory, REGION } from '../memory/linear-memory.ts';

/** General registers in the manual's numbering. */
export const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
export const EAX = 0;
export const ECX = 1;
export const EDX = 2;
export const EBX = 3;
export const ESP = 4;
export const EBP = 5;
export const ESI = 6;
export const EDI = 7;

/** Segment registers in the manual's numbering. */
export const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
export const ES = 0;
export const CS = 1;
export const SS = 2;
export const DS = 3;
export const FS = 4;
export const GS = 5;

/** Words of the state, in order. */
const WORDS = [
  ...REGISTERS,
  'zero', // stands in for an absent base or index register
  // Arithmetic flags, lazily: see `flags.ts`.
  ...['flagOp', 'flagA', 'flagB', 'flagR', 'carryOp', 'carryA', 'carryB', 'carryR'],
  'systemFlags', // EFLAGS without the six arithmetic flags
  'eip',
  'cpl',
  'stackMask', // 0xffff with a 16-bit stack segment, otherwise all ones
  // Which fast tables belong to the present privilege level.
  ...['readTable', 'writeTable', 'codeTable'],
  'alignmentCheck', // CR0.AM, EFLAGS.AC and CPL 3 together
  ...['gdtBase', 'gdtLimit', 'idtBase', 'idtLimit'],
  ...['cr0', 'cr2', 'cr3', 'cr4'],
  ...['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'],
  ...['pdpte0', 'pdpte1', 'pdpte2', 'pdpte3'],
  ...['sysenterCs', 'sysenterEsp', 'sysenterEip', 'efer', 'patLow', 'patHigh'],
  ...['timeLow', 'timeHigh'], // added to the count of retired instructions to give the TSC
  'halted',
  'interruptRequest', // 0, or 256 + vector
  ...['nmiPending', 'nmiBlocked'],
  'pendingTraps', // conditions for DR6 of a #DB that comes before the next instruction
  'holdsTraps', // the shadow holds off debug traps too (mov ss)
  'repeating', // the last instruction was a repeated one with iterations left: 0 or 1
  // x87 and SSE.
  ...['fpuControl', 'fpuStatus', 'fpuTags', 'fpuOpcode'],
  ...['fpuIp', 'fpuCs', 'fpuDp', 'fpuDs', 'mxcsr'],
] as const;

/** Words that say nothing between two instructions, and those that lazy flags make redundant. */
export const TRANSIENT: Readonly<Partial<Record<WordName, number>>> = {
  ...{ budget: 0, repeatedAt: 0, exit: 0, faultVector: 0, faultError: 0 },
  ...{ carryOp: 0, carryA: 0, carryB: 0, carryR: 0 },
};

/** Words with which the engine talks to generated code; no part of the architecture. */
const WORKING = [
  'budget', // instructions left in this run
  'repeatedAt', // the budget after an iteration that was not the last
  'exit', // why a body left early: see `EXIT`
  ...['faultVector', 'faultError'],
] as const;

export type WordName = (typeof WORDS)[number] | (typeof WORKING)[number] | SegmentWord;

/** Accesses below `ReadTop` and `WriteTop` may be so long. */
export const LONGEST_BELOW_TOP = 16;

/** What the processor keeps of a segment register (SDM 3A §3.4.3). */
const SEGMENT_FIELDS = [
  ...(['Selector', 'Base', 'Limit', 'Rights'] as const),
  // Derived, see `system/segmentation.ts`.
  ...(['ReadTop', 'WriteTop', 'FlatPages'] as const),
] as const;
type SegmentWord = `${(typeof SEGMENTS)[number] | 'ldt' | 'tr'}${(typeof SEGMENT_FIELDS)[number]}`;

const SEGMENT_BYTES = 4 * SEGMENT_FIELDS.length;
const segmentWords = [...SEGMENTS, 'ldt', 'tr'].flatMap((name) =>
  SEGMENT_FIELDS.map((field) => `${name}${field}` as SegmentWord),
);

const ARCHITECTURAL_WORDS: readonly WordName[] = [...WORDS, ...segmentWords];
const names: readonly WordName[] = [...ARCHITECTURAL_WORDS, ...WORKING];

/** Addresses in linear memory. */
export const STATE = Object.fromEntries(
  names.map((name, i) => [name, REGION.state + 4 * i]),
) as unknown as Readonly<Record<WordName, number>>;

const VECTORS = REGION.state + 0x400;
/** x87 registers R0 to R7 (not ST: the top of stack is in `fpuStatus`), 16 bytes apart. MM0 is R0. */
export const X87_REGISTERS = VECTORS;
export const XMM_REGISTERS = VECTORS + 8 * 16;
/** The retired-instruction count, a 64-bit float. */
const RETIRED = VECTORS + 16 * 16;
/** Words from `STATE.eax` on that belong to a program, not to the machine: see `context.ts`. */
export const CONTEXT_WORDS = (RETIRED - REGION.state) >>> 2;
/** The retired-instruction count until which interrupts and debug traps wait (mov ss, sti). */
const SHADOW = RETIRED + 8;

/** Where a general register of that size lies; 8-bit registers 4 to 7 are ah, ch, dh, bh. */
export function registerAddress(index: number, size: 1 | 2 | 4): number {
  return size === 1 && index >= 4 ? STATE.eax + 4 * (index - 4) + 1 : STATE.eax + 4 * index;
}

const SEGMENT_OFFSETS = { selector: 0, base: 4, limit: 8, rights: 12, readTop: 16, writeTop: 20 };

/** Where a field of segment register `index` lies (6: LDTR, 7: TR). */
export function segmentAddress(
  index: number,
  field: 'selector' | 'base' | 'limit' | 'rights' | 'readTop' | 'writeTop',
): number {
  return STATE.esSelector + SEGMENT_BYTES * index + SEGMENT_OFFSETS[field];
}

/** Why a body left before its end. */
export const EXIT = { none: 0, fault: 1, stop: 2 } as const;

class StateBytes {
  readonly words: Uint32Array;
  readonly #counts: Float64Array;
  readonly #bytes: Uint8Array;

  constructor(memory: LinearMemory) {
    this.words = memory.u32;
    this.#counts = memory.f64;
    this.#bytes = memory.u8.subarray(STATE.eax, SHADOW + 8);
  }

  /** Instructions retired since the machine began; each iteration of a rep counts as one. */
  get retired(): number {
    return this.#counts[RETIRED / 8] ?? 0;
  }
  set retired(count: number) {
    this.#counts[RETIRED / 8] = count;
  }

  get shadow(): number {
    return this.#counts[SHADOW / 8] ?? 0;
  }
  set shadow(count: number) {
    this.#counts[SHADOW / 8] = count;
  }

  /** All registers as bytes, for a checkpoint; `canonical` words replace what has many forms. */
  capture(canonical: Readonly<Partial<Record<WordName, number>>>): Uint8Array {
    const image = this.#bytes.slice();
    const words = new DataView(image.buffer);
    for (const [name, value] of Object.entries(canonical)) {
      words.setUint32(STATE[name as WordName] - STATE.eax, value, true);
    }
    return image;
  }

  restore(image: Uint8Array): void {
    this.#bytes.set(image);
  }
}

for (const [name, address] of Object.entries(STATE)) {
  const index = address >>> 2;
  Object.defineProperty(StateBytes.prototype, name, {
    get(this: StateBytes): number {
      return this.words[index] as number;
    },
    set(this: StateBytes, value: number) {
      this.words[index] = value;
    },
  });
}

/** The registers by name: 32-bit words, unsigned. */
export type State = StateBytes & Record<WordName, number>;

export function makeState(memory: LinearMemory): State {
  return new StateBytes(memory) as State;
}
