/** Segment descriptors and gates as two words, and what their bits mean (SDM 3A §3.4.5, §5.8, §6.11). */

/** Bits of the `rights` word: the high word of a descriptor without base and limit, plus `valid`. */
export const RIGHTS = {
  accessed: 1 << 8,
  /** Data: writable; code: readable. */
  readWrite: 1 << 9,
  /** Data: expands down; code: conforming. */
  direction: 1 << 10,
  code: 1 << 11,
  /** Clear in system descriptors. */
  segment: 1 << 12,
  present: 1 << 15,
  big: 1 << 22,
  granular: 1 << 23,
  /** Not of the descriptor: the register holds a usable segment, not a null selector. */
  valid: 1,
} as const;

export const RIGHTS_MASK = 0x00f0_ff00;

export const TYPE = {
  tss16: 1,
  ldt: 2,
  tss16Busy: 3,
  callGate16: 4,
  taskGate: 5,
  interruptGate16: 6,
  trapGate16: 7,
  tss32: 9,
  tss32Busy: 11,
  callGate32: 12,
  interruptGate32: 14,
  trapGate32: 15,
} as const;

export interface Descriptor {
  readonly low: number;
  readonly high: number;
  /** Linear address of the descriptor itself. */
  readonly address: number;
}

export const typeOf = ({ high }: Descriptor): number => (high >>> 8) & 15;
export const privilegeOf = ({ high }: Descriptor): number => (high >>> 13) & 3;
export const isPresent = ({ high }: Descriptor): boolean => (high & RIGHTS.present) !== 0;
export const isSystem = ({ high }: Descriptor): boolean => (high & RIGHTS.segment) === 0;
export const isCode = ({ high }: Descriptor): boolean =>
  (high & (RIGHTS.segment | RIGHTS.code)) === (RIGHTS.segment | RIGHTS.code);
export const isConforming = (d: Descriptor): boolean =>
  isCode(d) && (d.high & RIGHTS.direction) !== 0;
export const isReadable = (d: Descriptor): boolean =>
  !isSystem(d) && (!isCode(d) || (d.high & RIGHTS.readWrite) !== 0);
export const isWritableData = (d: Descriptor): boolean =>
  !isSystem(d) && !isCode(d) && (d.high & RIGHTS.readWrite) !== 0;

export const baseOf = ({ low, high }: Descriptor): number =>
  ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;

/** The highest offset (or, of an expand-down segment, the highest that is not valid). */
export function limitOf({ low, high }: Descriptor): number {
  const limit = (low & 0xffff) | (high & 0xf_0000);
  return high & RIGHTS.granular ? ((limit << 12) | 0xfff) >>> 0 : limit;
}

/** A gate's target. */
export const gateSelector = ({ low }: Descriptor): number => low >>> 16;
export const gateOffset = ({ low, high }: Descriptor): number =>
  ((low & 0xffff) | (high & 0xffff_0000)) >>> 0;
