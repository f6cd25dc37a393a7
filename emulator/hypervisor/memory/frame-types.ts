/** What frames are used as, and what else is noted of each. */

/** What a frame is used as; exclusive (PGT_* of Xen's asm/mm.h). */
export const FRAME_TYPE = {
  none: 0,
  l1: 1,
  l2: 2,
  l3: 3,
  /** Descriptors: of a GDT, or of either table where Xen does not tell them apart. */
  segdesc: 5,
  /** Descriptors of an LDT, where Xen tells them apart. */
  ldt: 6,
  writable: 7,
} as const;

export type FrameType = (typeof FRAME_TYPE)[keyof typeof FRAME_TYPE];

export const FRAME_TYPE_NAME: Readonly<Record<FrameType, string>> = {
  0: 'untyped',
  1: 'level-1 table',
  2: 'level-2 table',
  3: 'level-3 table',
  5: 'descriptor page',
  6: 'LDT page',
  7: 'writable page',
};

/** Bits of a frame beside its counts. */
export const FRAME_BIT = {
  /** Its owner holds a reference for having it allocated. */
  allocated: 1,
  /** Its contents were checked for its type. */
  validated: 2,
  pinned: 4,
  /** Xen's own memory that a guest may map: shared_info, grant tables. */
  xenHeap: 8,
  /** Its owner is gone: zeroed before anybody else gets it. */
  scrubbed: 16,
  /** Of a translated domain's run: the guest gave it back, but its place in the run is kept. */
  withdrawn: 32,
} as const;
