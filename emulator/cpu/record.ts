/**
 * A decoded instruction in linear memory: what generated handlers read their operands from.
 *
 * Records of instructions that follow each other follow each other. A stub is the beginning of a
 * record: handler, eip and source.
 */

/** Byte offsets. */
export const RECORD = {
  /** Number of the handler: see `cold-tier/handlers.ts`. */
  handler: 0,
  /** Offset of the instruction in its code segment. */
  eip: 4,
  /** Addresses of registers, or register numbers. A stub keeps here the record to be linked. */
  a: 8,
  b: 12,
  /** Addresses of registers in the state. */
  base: 16,
  index: 20,
  scale: 24,
  displacement: 28,
  immediate: 32,
  immediate2: 36,
  nextEip: 40,
  /** Record or stub of the jump target. */
  taken: 44,
  /** Address in the state of the segment register of the memory operand. */
  segment: 48,
  /** All ones or 0xffff: the address size. */
  mask: 52,
} as const;

export type RecordField = keyof typeof RECORD;

export const RECORD_SIZE = 64;
export const STUB_SIZE = 16;
