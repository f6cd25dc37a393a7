import { beforeEach, expect, test } from 'vitest';
import { needs } from '../../support/oracle.ts';
import { runOnSilicon } from './host.ts';
import { FLAT, ldtSelector, TEST_LDT } from './segments.ts';
import {
  CODE_BASE,
  DATA_BASE,
  type Mode,
  READ_ONLY_BASE,
  type SiliconCase,
  type SiliconResult,
} from './wire.ts';

beforeEach(needs('gcc -m32', 'a kernel that runs 32-bit programs'));

function aCase(code: readonly number[], options: Partial<SiliconCase> = {}): SiliconCase {
  return {
    mode: 'fast',
    code: Uint8Array.from(code),
    codeAddress: CODE_BASE,
    eip: CODE_BASE,
    registers: Uint32Array.of(7, 2, 0, DATA_BASE, DATA_BASE + 0x1000, 0, 0, 0),
    eflags: 2,
    memory: [],
    ...options,
  };
}

async function resultsOf(...cases: SiliconCase[]): Promise<SiliconResult[]> {
  const results: SiliconResult[] = [];
  for await (const result of runOnSilicon(cases, TEST_LDT)) {
    results.push(result);
  }
  return results;
}

async function resultOf(subject: SiliconCase): Promise<SiliconResult> {
  const [result] = await resultsOf(subject);
  if (!result) {
    throw new Error('no result');
  }
  return result;
}

const ADD_EAX_ECX = [0x01, 0xc8];
const STORE_EAX = [0x89, 0x03]; // mov %eax, (%ebx)
const JUMP_TO_ITSELF = [0xeb, 0xfe];

test.each<Mode>(['fast', 'run', 'step'])('%s mode completes an addition', async (mode) => {
  const { outcome, registers, eip } = await resultOf(aCase(ADD_EAX_ECX, { mode }));
  expect([outcome, registers[0], eip]).toEqual(['completed', 9, CODE_BASE + 2]);
});

test('memory that a case changed is reported and does not outlive it', async () => {
  const load = aCase([0x8b, 0x0b]); // mov (%ebx), %ecx
  const [before, store, after] = await resultsOf(load, aCase(STORE_EAX), load);
  expect(store?.memory.map(({ address }) => address)).toEqual([DATA_BASE]);
  expect(store?.memory[0]?.bytes.subarray(0, 4)).toEqual(Uint8Array.of(7, 0, 0, 0));
  expect(after?.registers).toEqual(before?.registers);
});

test('a write to the read-only page is a protection fault with its address', async () => {
  const registers = Uint32Array.of(7, 2, 0, READ_ONLY_BASE + 4, 0, 0, 0, 0);
  const { outcome, vector, errorCode, cr2 } = await resultOf(aCase(STORE_EAX, { registers }));
  expect([outcome, vector, errorCode, cr2]).toEqual(['fault', 14, 7, READ_ONLY_BASE + 4]);
});

test('a case that loops costs itself and not the next one', async () => {
  const [loop, next] = await resultsOf(aCase(JUMP_TO_ITSELF), aCase(ADD_EAX_ECX));
  expect([loop?.outcome, next?.registers[0]]).toEqual(['timeout', 9]);
});

test('a case that destroys the data segment is run again the slow way', async () => {
  // xor %eax, %eax; mov %eax, %ds
  const [lost, next] = await resultsOf(aCase([0x31, 0xc0, 0x8e, 0xd8]), aCase(ADD_EAX_ECX));
  expect([lost?.outcome, lost?.segments.ds, next?.registers[0]]).toEqual(['completed', 0, 9]);
});

test('int 0x80 does not reach the kernel', async () => {
  const { outcome } = await resultOf(aCase([0xcd, 0x80]));
  expect(outcome).toBe('syscall');
});

test('an access beyond the limit of an LDT segment is a general protection fault', async () => {
  const segments = { ...FLAT, fs: ldtSelector(0) };
  // mov %fs:0xffd, %eax
  const code = [0x64, 0xa1, 0xfd, 0x0f, 0x00, 0x00];
  const { vector, errorCode } = await resultOf(aCase(code, { mode: 'run', segments }));
  expect([vector, errorCode]).toEqual([13, 0]);
});

test('more cases than a batch holds come back in order', async () => {
  const cases = Array.from({ length: 10_000 }, (_, i) =>
    aCase(ADD_EAX_ECX, { registers: Uint32Array.of(i, 2, 0, 0, 0, 0, 0, 0) }),
  );
  const results = await resultsOf(...cases);
  expect(results.map(({ registers }) => registers[0])).toEqual(cases.map((_, i) => i + 2));
});
