/** An exception on its way into a guest's handler, as an occurrence. */

import type { CallPlace, Occurrence } from './occurrence.ts';

export interface Trap {
  readonly vector: number;
  readonly errorCode: number | undefined;
  readonly eip: number;
  readonly cr2: number;
}

/** Exceptions by vector (SDM 3A table 6-1). */
const NAMES: Readonly<Record<number, string>> = {
  0: '#DE, divide error',
  1: '#DB, debug',
  3: '#BP, breakpoint',
  4: '#OF, overflow',
  5: '#BR, BOUND range exceeded',
  6: '#UD, invalid opcode',
  7: '#NM, device not available',
  8: '#DF, double fault',
  10: '#TS, invalid TSS',
  11: '#NP, segment not present',
  12: '#SS, stack fault',
  13: '#GP, general protection',
  14: '#PF, page fault',
  16: '#MF, x87 floating-point error',
  17: '#AC, alignment check',
  19: '#XM, SIMD floating-point error',
};

/** Bits of a page fault's error code (SDM 3A §4.7). */
const ERROR = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;

const trapName = (vector: number): string => NAMES[vector] ?? `vector ${vector}`;

/** What a page fault's error code says, in words. */
function faultReason(code: number): string {
  const access = code & ERROR.fetch ? 'fetch' : code & ERROR.write ? 'write' : 'read';
  const why =
    code & ERROR.reserved
      ? 'a reserved bit is set in its entry'
      : code & ERROR.present
        ? 'its rights forbid it'
        : 'nothing is mapped there';
  return `${access} in ring ${code & ERROR.user ? '3' : '1'}: ${why}`;
}

export function trapOccurrence(
  place: CallPlace,
  { vector, errorCode, eip, cr2 }: Trap,
  id: 'trap' | 'page-fault',
): Occurrence {
  const isPageFault = vector === 14;
  const error = errorCode ?? 0;
  const fields = {
    ...place,
    ...{ vector, error, eip, cr2, address: cr2 },
    ...{ write: (error >>> 1) & 1, user: (error >>> 2) & 1, present: error & 1 },
  };
  const hex = (value: number) => `0x${value.toString(16)}`;
  const about = isPageFault ? ` at ${hex(cr2)}, ${faultReason(error)}` : '';
  return {
    id,
    ...place,
    fields,
    eip,
    subject: String(vector),
    title: `${trapName(vector)}${about}`,
    story: {
      exception: trapName(vector),
      vector,
      ...(errorCode === undefined ? {} : { errorCode: hex(errorCode) }),
      eip: hex(eip),
      ...(isPageFault ? { address: hex(cr2), reason: faultReason(error) } : {}),
    },
  };
}
