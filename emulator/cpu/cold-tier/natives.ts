/** What the cold tier's loop and memory accesses ask of TypeScript. */

import { DATA_CHECKED, META } from '../emitter.ts';
import { VECTOR } from '../exceptions.ts';
import { FAULT, native } from '../native.ts';
import type { Processor } from '../processor.ts';
import { checkSegment } from '../system/segmentation.ts';
import type { HandlerNatives } from './handlers.ts';

/**
 * What must be aligned to how many bytes when alignment is checked (SDM 3A table 6-7). Sixteen bytes
 * either may lie anywhere or must be aligned always.
 */
const ALIGNMENTS: Readonly<Record<number, number>> = { 2: 2, 4: 4, 6: 4, 8: 8, 10: 8 };

/** Segment limit, then alignment, in the order in which the processor looks. */
function checkAccess(cpu: Processor, linear: number, meta: number): number {
  const size = meta & META.sizeMask;
  const segment = meta >>> META.segmentShift;
  if (segment !== DATA_CHECKED) {
    checkSegment(cpu, segment, linear >>> 0, size, (meta & META.write) !== 0);
  }
  if (cpu.state.alignmentCheck && linear & ((ALIGNMENTS[size] ?? 1) - 1)) {
    cpu.fault(VECTOR.alignment);
  }
  return size;
}

/** An entry with the lowest bit set makes generated code leave. */
const LEAVE = 1;

export const handlerNatives: HandlerNatives = {
  checkSegment: native('checkSegment', (cpu, segment: number, offset: number, meta: number) => {
    checkSegment(cpu, segment, offset >>> 0, meta & META.sizeMask, (meta & META.write) !== 0);
  }),
  readSlow: native('readSlow', (cpu, linear: number, meta: number) => {
    const size = checked(cpu, linear, meta);
    return size === 0 ? LEAVE : cpu.access.readSlow(linear >>> 0, size, cpu.isUser);
  }),
  updateSlow: native('updateSlow', (cpu, linear: number, meta: number) => {
    const size = checked(cpu, linear, meta);
    const reads = (meta & META.reads) !== 0;
    return size === 0 ? LEAVE : cpu.access.updateSlow(linear >>> 0, size, cpu.isUser, reads);
  }),
  writeSlow: native('writeSlow', (cpu, linear: number, value: number, meta: number) => {
    const size = checked(cpu, linear, meta);
    if (size === 0) {
      return LEAVE;
    }
    const entry = cpu.access.updateSlow(linear >>> 0, size, cpu.isUser, false);
    const host = (entry ^ linear) >>> 0;
    if (!(entry & LEAVE) && cpu.access.isScratch(host)) {
      cpu.access.setValueAt(host, size, value);
      cpu.access.commit(linear >>> 0, size, cpu.isUser);
    }
    return entry;
  }),
  commit: native('commit', (cpu, linear: number, size: number) => {
    cpu.access.commit(linear >>> 0, size, cpu.isUser);
  }),
  lookup: native('lookup', (cpu, eip: number) => cpu.code.find(eip >>> 0)),
  link: native('link', (cpu, stub: number) => cpu.code.link(stub)),
  crossing: native('crossing', (cpu, record: number) => cpu.code.crossing(record)),
  breakpoint: native('breakpoint', (cpu, record: number) => cpu.atBreakpoint(record)),
  raise: native('raise', (cpu, vector: number, errorCode: number) => cpu.fault(vector, errorCode)),
};

/** The size of an allowed access, or 0 after a fault. */
function checked(cpu: Processor, linear: number, meta: number): number {
  try {
    return checkAccess(cpu, linear, meta);
  } catch (error) {
    if (error !== FAULT) {
      throw error;
    }
    return 0;
  }
}
