import { expect, test } from 'vitest';

import { cpuid } from '../../../emulator/cpu/cpuid.ts';
import { decode, FLAT_32 } from '../../../emulator/cpu/decoder.ts';
import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';

/** A feature of leaf 1 and an instruction that comes with it. */
const MARKS = [
  { feature: 'rdtsc', register: 'edx', bit: 4, bytes: [0x0f, 0x31] },
  { feature: 'rdmsr', register: 'edx', bit: 5, bytes: [0x0f, 0x32] },
  { feature: 'cmpxchg8b', register: 'edx', bit: 8, bytes: [0x0f, 0xc7, 0x08] },
  { feature: 'sysenter', register: 'edx', bit: 11, bytes: [0x0f, 0x34] },
  { feature: 'cmov', register: 'edx', bit: 15, bytes: [0x0f, 0x44, 0xc0] },
  { feature: 'clflush', register: 'edx', bit: 19, bytes: [0x0f, 0xae, 0x38] },
  { feature: 'emms (MMX)', register: 'edx', bit: 23, bytes: [0x0f, 0x77] },
  { feature: 'fxsave', register: 'edx', bit: 24, bytes: [0x0f, 0xae, 0x00] },
  { feature: 'addps (SSE)', register: 'edx', bit: 25, bytes: [0x0f, 0x58, 0xc0] },
  { feature: 'addpd (SSE2)', register: 'edx', bit: 26, bytes: [0x66, 0x0f, 0x58, 0xc0] },
  { feature: 'popcnt', register: 'ecx', bit: 23, bytes: [0xf3, 0x0f, 0xb8, 0xc0] },
  { feature: 'haddpd (SSE3)', register: 'ecx', bit: 0, bytes: [0x66, 0x0f, 0x7c, 0xc0] },
  { feature: 'pshufb (SSSE3)', register: 'ecx', bit: 9, bytes: [0x66, 0x0f, 0x38, 0x00, 0xc0] },
  { feature: 'ptest (SSE4.1)', register: 'ecx', bit: 19, bytes: [0x66, 0x0f, 0x38, 0x17, 0xc0] },
  { feature: 'crc32 (SSE4.2)', register: 'ecx', bit: 20, bytes: [0xf2, 0x0f, 0x38, 0xf1, 0xc0] },
  { feature: 'aesenc (AES)', register: 'ecx', bit: 25, bytes: [0x66, 0x0f, 0x38, 0xdc, 0xc0] },
] as const;

test.each(MARKS)('$feature exists exactly if CPUID says so', ({ register, bit, bytes }) => {
  const padded = Uint8Array.from([...bytes, ...new Array(15).fill(0)]);
  const exists = 'entry' in decode(instructionSet.map, padded, 0, FLAT_32);
  expect(exists).toBe(((cpuid(1, 0)[register] >>> bit) & 1) === 1);
});

test('the vendor is spelled in EBX, EDX and ECX', () => {
  const { ebx, edx, ecx } = cpuid(0, 0);
  const text = [ebx, edx, ecx].flatMap((word) => [0, 8, 16, 24].map((n) => (word >>> n) & 0xff));
  expect(String.fromCharCode(...text)).toBe('GenuineIntel');
});

test('beyond the highest leaf the highest basic one answers', () => {
  expect(cpuid(0x7fff_ffff, 0)).toEqual(cpuid(cpuid(0, 0).eax, 0));
  expect(cpuid(0x9000_0000, 0)).toEqual(cpuid(cpuid(0, 0).eax, 0));
});

test('physical addresses have 36 bits, linear ones 32', () => {
  expect(cpuid(0x8000_0008, 0).eax).toBe(0x2024);
});
