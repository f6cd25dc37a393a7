/**
 * Which descriptors a guest may have in its GDT and LDT, and what Xen makes of them.
 *
 * No descriptor may lead to ring 0, so privilege level 0 becomes 1, in memory. Xen of 2006 keeps
 * segments out of its part of the address space by their limits; 4.17 relies on page tables and widens
 * segments that end in the middle of its part. Xen: check_descriptor().
 */

import { FIRST_RESERVED_GDT_ENTRY, FLAT_RING1_CS } from '../../abi/arch-x86-32.ts';
import type { MemoryRules } from './memory-rules.ts';

/** Bits of a descriptor's high word (SDM 3A §3.4.5). */
const HIGH = {
  type: 0xf00,
  /** Data: expands down. Code: conforming. */
  direction: 1 << 10,
  code: 1 << 11,
  segment: 1 << 12,
  privilege: 3 << 13,
  present: 1 << 15,
  long: 1 << 21,
  granular: 1 << 23,
  limit: 0xf_0000,
} as const;

const CALL_GATE = 0xc00;
/** Bits of a call gate between its parameter count and its type. */
const GATE_RESERVED = 0xe0;
/** The ring that a guest's kernel runs in. */
const KERNEL_RING = 1;
const PAGE = 4096;

export interface DescriptorWords {
  readonly low: number;
  readonly high: number;
}

/** Where a domain's segments end, and where the hypervisor's part begins. */
export interface SegmentBounds {
  readonly segments: MemoryRules['segments'];
  readonly hypervisorStart: number;
  /** GUEST_SEGMENT_MAX_ADDR: end of what guests may read of the hypervisor's part. */
  readonly segmentEnd: number;
}

/** The descriptor as it may stand in a table, or `undefined` when it may not. */
export function checkDescriptor(
  low: number,
  high: number,
  bounds: SegmentBounds,
): DescriptorWords | undefined {
  if (!(high & HIGH.present)) {
    return words(low, high);
  }
  const isTruncated = bounds.segments === 'truncated';
  if (!isTruncated && !(high & (HIGH.segment | HIGH.type))) {
    // The second half of a 64-bit gate: harmless, and left as it is.
    return words(low, high);
  }
  const privilege = Math.max((high >>> 13) & 3, KERNEL_RING);
  const raised = (high & ~HIGH.privilege) | (privilege << 13);
  if (!(high & HIGH.segment)) {
    return isTruncated ? checkGate(low, raised) : checkEmulatedGate(low, raised, privilege);
  }
  return isTruncated ? truncate(low, raised, bounds) : widen(low, raised, bounds);
}

/** The selector that code is entered by: with a requested privilege level of 1 at least. */
const raisedSelector = (selector: number): number =>
  (selector & 3) >= KERNEL_RING ? selector : (selector & ~3) | KERNEL_RING;

/** Whether a gate may lead there: to the guest's own segments or Xen's flat ring-1 code. */
const isGateTarget = (selector: number): boolean =>
  selector >>> 3 < FIRST_RESERVED_GDT_ENTRY || selector === FLAT_RING1_CS || (selector & 4) !== 0;

const words = (low: number, high: number): DescriptorWords => ({
  low: low >>> 0,
  high: high >>> 0,
});

function checkGate(low: number, high: number): DescriptorWords | undefined {
  const selector = raisedSelector(low >>> 16);
  return (high & HIGH.type) === CALL_GATE && isGateTarget(selector) && !(high & GATE_RESERVED)
    ? words((low & 0xffff) | (selector << 16), high)
    : undefined;
}

/**
 * A gate that cannot be used but only emulated: its privilege level becomes 0, so that its use faults,
 * and is kept as the requested privilege level of its selector.
 */
function checkEmulatedGate(
  low: number,
  high: number,
  privilege: number,
): DescriptorWords | undefined {
  const selector = low >>> 16;
  return (high & HIGH.type) === CALL_GATE && isGateTarget(selector) && !(high & GATE_RESERVED)
    ? words((low & 0xffff) | (((selector & ~3) | privilege) << 16), high & ~HIGH.privilege)
    : undefined;
}

function widen(low: number, high: number, bounds: SegmentBounds): DescriptorWords | undefined {
  if (high & HIGH.long) {
    return undefined;
  }
  const reaches = sizeOf(low, high) > bounds.hypervisorStart;
  return baseOf(low, high) === 0 && reaches
    ? words(low | 0xffff, high | HIGH.limit)
    : words(low, high);
}

function truncate(low: number, high: number, bounds: SegmentBounds): DescriptorWords | undefined {
  const base = baseOf(low, high);
  const size = sizeOf(low, high) % 2 ** 32;
  if (base >= bounds.segmentEnd - PAGE) {
    return undefined;
  }
  const end = (base + size) % 2 ** 32;
  if ((high & (HIGH.code | HIGH.direction)) === HIGH.direction) {
    // Expands down: what lies below its limit is not in it.
    const wanted = (2 ** 32 - (base - (base % PAGE))) % 2 ** 32;
    return end > base ? withSize(low, high, wanted) : words(low, high);
  }
  return end <= base || end > bounds.segmentEnd
    ? withSize(low, high, bounds.segmentEnd - base)
    : words(low, high);
}

/** @param size in bytes; only whole pages can be expressed safely, hence only with granularity */
function withSize(low: number, high: number, size: number): DescriptorWords | undefined {
  if (!(high & HIGH.granular)) {
    return undefined;
  }
  const limit = (size >>> 12) - 1;
  return words((low & ~0xffff) | (limit & 0xffff), (high & ~HIGH.limit) | (limit & HIGH.limit));
}

const baseOf = (low: number, high: number): number =>
  ((high & 0xff00_0000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0;

/** Limit + 1, in bytes. */
function sizeOf(low: number, high: number): number {
  const size = (low & 0xffff) + (high & HIGH.limit) + 1;
  return high & HIGH.granular ? size * PAGE : size;
}
