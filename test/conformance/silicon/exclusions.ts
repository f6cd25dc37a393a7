/** What no silicon case may hold, beside the instructions of `NOT_FOR_SILICON`, and why. */

import type { Entry } from '../../../emulator/cpu/opcode-map.ts';
import { NOT_FOR_SILICON } from './masks.ts';

type Map = 0 | 1 | 2 | 3;

interface Excluded {
  readonly map: Map;
  /** Opcodes from the first to the last. */
  readonly opcodes: readonly [number, number];
  readonly prefixes: readonly number[];
  readonly reason: string;
}

const REPEATS = [0xf2, 0xf3];
const ALL = [0x66, ...REPEATS];

/** Prefixes that make of an instruction of ours another that hosts have and we do not. */
const PREFIXED: readonly Excluded[] = [
  { map: 1, opcodes: [0xbc, 0xbd], prefixes: REPEATS, reason: 'tzcnt, lzcnt (BMI1, ABM)' },
  { map: 1, opcodes: [0xb8, 0xb8], prefixes: REPEATS, reason: 'F2 0F B8 is reserved' },
  { map: 1, opcodes: [0xc7, 0xc7], prefixes: ALL, reason: 'vmclear, vmxon, rdpid, senduipi' },
  { map: 1, opcodes: [0xae, 0xae], prefixes: ALL, reason: 'clwb, clflushopt, rdfsbase, umonitor' },
  { map: 1, opcodes: [0x01, 0x01], prefixes: ALL, reason: 'rstorssp, serialize, rdpru and others' },
  { map: 1, opcodes: [0x09, 0x09], prefixes: REPEATS, reason: 'wbnoinvd' },
  { map: 1, opcodes: [0x18, 0x1f], prefixes: REPEATS, reason: 'rdssp, endbr, prefetches to come' },
  { map: 1, opcodes: [0x10, 0x17], prefixes: ALL, reason: 'SSE2 and SSE3' },
  { map: 1, opcodes: [0x28, 0x2f], prefixes: ALL, reason: 'SSE2' },
  { map: 1, opcodes: [0x50, 0x7f], prefixes: ALL, reason: 'SSE2 and SSE3' },
  { map: 1, opcodes: [0xc2, 0xc6], prefixes: ALL, reason: 'SSE2' },
  { map: 1, opcodes: [0xd0, 0xff], prefixes: ALL, reason: 'SSE2 and SSE3' },
  { map: 2, opcodes: [0x00, 0xff], prefixes: ALL, reason: 'SSSE3 and later, movbe, crc32' },
  { map: 3, opcodes: [0x00, 0xff], prefixes: ALL, reason: 'SSSE3 and later' },
];

/** Whether a prefix that an encoding does not ask for may stand before it. */
export function allowsPrefix({ encoding }: Entry, prefix: number): boolean {
  if (encoding.prefix === 'none') {
    return false;
  }
  if (encoding.prefix !== undefined) {
    // F3 and F2 hide 66; two of them would be another instruction.
    return prefix === 0x66;
  }
  return !PREFIXED.some(
    ({ map, opcodes: [first, last], prefixes }) =>
      map === encoding.map &&
      encoding.opcode >= first &&
      encoding.opcode <= last &&
      prefixes.includes(prefix),
  );
}

/** Whether cases can be made of an entry of the opcode map. */
export function isForSilicon({ instruction }: Entry): boolean {
  return NOT_FOR_SILICON[instruction.mnemonic] === undefined;
}
