/** The x87 status word (SDM 1 §8.1.3). */

export const STATUS = {
  stackFault: 0x40,
  summary: 0x80,
  c0: 0x100,
  c1: 0x200,
  c2: 0x400,
  top: 0x3800,
  c3: 0x4000,
  busy: 0x8000,
} as const;

/** The six exceptions, in the status word as in the control word. */
export const EXCEPTIONS = 0x3f;
