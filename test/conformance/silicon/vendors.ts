/**
 * Where processors of another maker lawfully differ from Intel's, which ours is. Rows are few and
 * narrow, and cite the other maker's manual; on an Intel host there are none.
 */

import { readFileSync } from 'node:fs';

import type { SiliconResult } from './wire.ts';

/** What a row may ask about a difference. */
export interface DifferenceFacts {
  readonly mnemonic: string;
  /** The encoding's text, for instructions of several kinds. */
  readonly encoding: string;
  readonly part: string;
  readonly host: SiliconResult;
  readonly ours: SiliconResult;
}

interface Row {
  readonly vendor: string;
  readonly difference: string;
  readonly allows: (facts: DifferenceFacts) => boolean;
  readonly source: string;
}

const SEGMENT_PUSHES = /^(?:06|0E|16|1E|0F A0|0F A8) /;
const FAULT_PARTS: readonly string[] = ['vector', 'error code', 'cr2'];

const ROWS: readonly Row[] = [
  {
    vendor: 'AuthenticAMD',
    difference: 'push of a segment register writes all of its operand, the upper half as zero',
    allows: ({ encoding, part }) => part === 'memory' && SEGMENT_PUSHES.test(encoding),
    source: 'APM 3, PUSH; SDM 2B §4.3 PUSH allows both',
  },
  {
    vendor: 'AuthenticAMD',
    difference: 'FXSAVE and FXRSTOR leave out the x87 pointers unless an exception is pending',
    allows: ({ part }) => part === 'x87 instruction pointer',
    source: 'APM 2 §11.4.4 FXSAVE and FXRSTOR Instructions',
  },
  {
    vendor: 'AuthenticAMD',
    difference: 'of several faults of one instruction another one comes first',
    allows: ({ part, host, ours }) =>
      FAULT_PARTS.includes(part) && host.outcome === 'fault' && ours.outcome === 'fault',
    source: 'APM 2 §8.5 table 8-9; SDM 3A §6.9 ranks faults on executing an instruction together',
  },
];

/** Whether the host's maker has a row that grants a difference. */
export function isGranted(vendor: string, facts: DifferenceFacts): boolean {
  return ROWS.some((row) => row.vendor === vendor && row.allows(facts));
}

/** The host's maker as CPUID names it. */
export function hostVendor(): string {
  const line = /^vendor_id\s*: (?<vendor>\S+)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
  return line?.groups?.['vendor'] ?? 'unknown';
}
