/** What silicon was found to do where manuals are silent, for computers that have none to ask. */

import { expect, test } from 'vitest';

import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';
import { needs } from '../../support/oracle.ts';
import { Comparison } from './comparison.ts';
import { runOnSilicon } from './host.ts';
import { OurProcessor } from './ours.ts';
import { tokenOf } from './replay.ts';
import { FLAT, ldtSelector, TEST_LDT } from './segments.ts';
import { hostVendor } from './vendors.ts';
import {
  CODE_BASE,
  DATA_BASE,
  PAGE_BYTES,
  READ_ONLY_BASE,
  type Segments,
  type SiliconCase,
  type SiliconResult,
} from './wire.ts';

const OFFSET = 0x500;
const CODE = CODE_BASE + OFFSET;
const END = READ_ONLY_BASE + PAGE_BYTES;
const [ECX, EBX, ESP, EBP] = [1, 3, 4, 5] as const;
const AC = 0x4_0000;
const FLAGS = 0x202;
const STACK_16 = ldtSelector(6);
const DATA_0_TO_FFF = ldtSelector(0);
const CODE_NOT_READ = ldtSelector(9);
const CODE_0_TO_80F = ldtSelector(11);

const processor = new OurProcessor();
const given: SiliconResult[] = [];

/** Our answer, kept to be compared with silicon's at the end. */
function answerTo(subject: SiliconCase): SiliconResult {
  const result = processor.run(subject);
  given.push(result);
  return result;
}

interface Given {
  readonly registers?: Readonly<Record<number, number>>;
  readonly segments?: Partial<Segments>;
  readonly flags?: number;
  readonly mode?: SiliconCase['mode'];
}

/** Runs one instruction; registers not given are 0, but for ESP. */
function run(code: string, { registers = {}, segments, flags = FLAGS, mode }: Given = {}) {
  const values = new Uint32Array(8);
  values[ESP] = DATA_BASE + 0x800;
  for (const [register, value] of Object.entries(registers)) {
    values[Number(register)] = value;
  }
  return answerTo({
    mode: mode ?? 'run',
    code: Uint8Array.from(Buffer.from(code.replaceAll(' ', ''), 'hex')),
    codeAddress: CODE,
    eip: segments?.cs === undefined ? CODE : OFFSET,
    registers: values,
    eflags: flags,
    segments: { ...FLAT, ...segments },
    memory: [],
  });
}

test('a near call beyond CS leaves its return address on the stack, and ESP as it was', () => {
  const call = run('e8 00 10 00 00', { segments: { cs: CODE_0_TO_80F } });
  expect(call).toMatchObject({ vector: 13, errorCode: 0, eip: OFFSET });
  expect(call.registers[ESP]).toBe(DATA_BASE + 0x800);
  expect(call.memory).toHaveLength(1);
});

test.each([
  ['jmp', 'e9 00 10 00 00'],
  ['jz', '0f 84 00 10 00 00'],
])('%s beyond CS is itself the instruction that faults', (_name, code) => {
  const setting = { segments: { cs: CODE_0_TO_80F }, flags: FLAGS | 0x40 };
  expect(run(code, setting)).toMatchObject({ vector: 13, errorCode: 0, eip: OFFSET });
  expect(run(code, { ...setting, mode: 'step' })).toMatchObject({ vector: 13, eip: OFFSET });
});

test('bound does not read the upper bound when the lower one is not met', () => {
  const about = (index: number) => ({ registers: { [EBX]: END - 4, 0: index } });
  expect(run('62 03', about(0x8000_0000))).toMatchObject({ vector: 5 });
  expect(run('62 03', about(0x7fff_ffff))).toMatchObject({ vector: 14, cr2: END });
});

test.each([
  ['retf reads CS, then EIP', 'cb', 8, -4],
  ['iret reads EFLAGS, then CS, then EIP', 'cf', 12, -4],
])('%s', (_does, code, bytes, first) => {
  const below = run(code, { registers: { [ESP]: DATA_BASE - bytes } });
  expect(below).toMatchObject({ vector: 14, cr2: DATA_BASE + first });
});

test('retf reads two bytes of the selector', () => {
  expect(run('cb', { registers: { [ESP]: END - 6 } }).vector).toBe(13);
});

test.each([
  ['pusha', '60', { [ESP]: DATA_BASE + 8 }],
  ['enter', 'c8 10 00 05', { [ESP]: DATA_BASE + 8, [EBP]: DATA_BASE + 0x400 }],
  ['call far', '9a 00 00 00 00 47 00', { [ESP]: DATA_BASE + 4 }],
])('%s keeps what it stored before a page fault', (_name, code, registers) => {
  const result = run(code, { registers });
  expect(result).toMatchObject({ vector: 14, cr2: DATA_BASE - 4 });
  expect(result.registers[ESP]).toBe(registers[ESP]);
  expect(result.memory.map(({ address }) => address)).toEqual([DATA_BASE]);
});

test('popa keeps the registers that it loaded before a page fault', () => {
  const popa = run('61', { registers: { [ESP]: END - 8 } });
  expect(popa).toMatchObject({ vector: 14, cr2: END });
  expect([...popa.registers.slice(5)].map((value) => value !== 0)).toEqual([false, true, true]);
});

test('cmps reads ES:EDI before DS:ESI', () => {
  const cmps = run('a7', { registers: { 6: END, 7: END + 0x100 } });
  expect(cmps.cr2).toBe(END + 0x100);
});

test('repne scas leaves the flags alone until its last iteration', () => {
  const setting = { registers: { [ECX]: 9, 7: END - 2 }, flags: FLAGS | 0x8d5 };
  const fault = run('f2 ae', setting);
  expect(fault).toMatchObject({ vector: 14, eflags: setting.flags | 0x1_0000 });
  expect(fault.registers[ECX]).toBe(7);
  const step = run('f2 ae', { ...setting, mode: 'step' });
  expect(step).toMatchObject({ outcome: 'completed', eflags: setting.flags | 0x1_0000 });
  expect(step.registers[ECX]).toBe(8);
});

test('pop ss takes its operand off the stack that it leaves', () => {
  const esp = 0xf868_0000;
  const pop = run('17', { registers: { [ESP]: esp }, segments: { ss: STACK_16 } });
  expect(pop.vector).toBe(13);
  const flat = answerTo({
    ...pop.subject,
    memory: [{ address: DATA_BASE, bytes: Uint8Array.of(FLAT.ss, 0) }],
  });
  expect(flat.registers[ESP]).toBe(esp + 4);
});

test('a bit string wraps with addresses of 16 bits', () => {
  const bt = run('67 0f a3 07', { registers: { [EBX]: 0xfff8, 0: 0x100 } });
  expect(bt).toMatchObject({ vector: 14, cr2: 0x18 });
});

test('mov to a segment register that there is not is refused before memory is read', () => {
  expect(run('8e 0b', { registers: { [EBX]: END } })).toMatchObject({ vector: 6 });
});

test('a far pointer is read as two words, each with an alignment of its own', () => {
  const les = run('66 c4 03', { registers: { [EBX]: END - 2 }, flags: FLAGS | AC });
  expect(les).toMatchObject({ vector: 14, cr2: END });
});

test.each([
  ['pusha', '60'],
  ['popa', '61'],
  ['retf', 'cb'],
  ['iret', 'cf'],
  ['enter', 'c8 10 00 01'],
])('%s checks alignment', (_name, code) => {
  const registers = { [ESP]: DATA_BASE + 0x801 };
  expect(run(code, { registers, flags: FLAGS | AC })).toMatchObject({ vector: 17, errorCode: 0 });
});

test('arpl that changes nothing may look at memory that cannot be written', () => {
  const arpl = run('63 0b', { registers: { [EBX]: READ_ONLY_BASE } });
  expect(arpl.outcome).toBe('completed');
});

test('what exceeds 15 bytes beyond a page that is not there is a page fault', () => {
  const prefixes = '3e'.repeat(11);
  const address = CODE_BASE + 2 * PAGE_BYTES - 14;
  const { subject } = run(`${prefixes}05 00 00`);
  const fault = answerTo({ ...subject, codeAddress: address, eip: address });
  expect(fault).toMatchObject({ vector: 14, errorCode: 0x14, cr2: CODE_BASE + 2 * PAGE_BYTES });
});

test('the image of fxsave: four bytes within the limit, then alignment, then rights', () => {
  const inStack = (offset: number, flags = FLAGS) =>
    run('36 0f ae 03', {
      registers: { [EBX]: offset },
      segments: { ss: DATA_0_TO_FFF },
      flags,
    }).vector;
  expect([inStack(0xffd), inStack(0xffb), inStack(0xffb, FLAGS | AC)]).toEqual([12, 13, 17]);
});

test('clflush may flush a segment that can only be executed, which a read may not', () => {
  const registers = { [EBX]: 0x40 };
  const segments = { cs: CODE_NOT_READ };
  expect(run('2e 0f ae 3b', { registers, segments }).outcome).toBe('completed');
  expect(run('2e 8a 03', { registers, segments }).vector).toBe(13);
});

test('silicon answers the same, where there is some', async (context) => {
  needs('gcc -m32', 'a kernel that runs 32-bit programs')(context);
  const comparison = new Comparison(instructionSet.map, hostVendor());
  const answers = given.values();
  const subjects = given.map(({ subject }) => subject);
  for await (const host of runOnSilicon(subjects, TEST_LDT)) {
    const mine = answers.next().value as SiliconResult;
    expect(comparison.differences(host, mine), tokenOf(host.subject)).toEqual([]);
  }
});
