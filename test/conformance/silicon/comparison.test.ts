import { describe, expect, test } from 'vitest';

import { instructionSet } from '../../../emulator/cpu/instruction-set.ts';
import { Comparison } from './comparison.ts';
import { OurProcessor } from './ours.ts';
import {
  CODE_BASE,
  DATA_BASE,
  FXSAVE,
  FXSAVE_BYTES,
  type SiliconCase,
  type SiliconResult,
} from './wire.ts';

const CODE = CODE_BASE + 0x400;
const ours = new OurProcessor();
const comparison = new Comparison(instructionSet.map);

/** One instruction with EBX pointing at data and ESP at a stack. */
function aCase(code: readonly number[], changes: Partial<SiliconCase> = {}): SiliconCase {
  return {
    mode: 'fast',
    code: Uint8Array.from(code),
    codeAddress: CODE,
    eip: CODE,
    registers: Uint32Array.of(7, 3, 0, DATA_BASE, DATA_BASE + 0x800, 0, 0, 0),
    eflags: 0x202,
    memory: [],
    ...changes,
  };
}

function parts(host: SiliconResult, mine: SiliconResult): string[] {
  return comparison.differences(host, mine).map(({ part }) => part);
}

const addToMemory = [0x01, 0x03];
const pushEax = [0x50];
const shiftLeftByCl = [0xd3, 0xe0];
const fsin = [0xd9, 0xfe];
const fld1 = [0xd9, 0xe8];

/** One valid register: ST(0) = 1. */
function anFxsave(): Uint8Array {
  const image = new Uint8Array(FXSAVE_BYTES);
  const view = new DataView(image.buffer);
  view.setUint16(FXSAVE.control, 0x37f, true);
  view.setUint32(FXSAVE.mxcsr, 0x1f80, true);
  image[FXSAVE.tags] = 1;
  image.set([0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f], FXSAVE.stack);
  return image;
}

function withByte(bytes: Uint8Array | undefined, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes ?? []);
  changed[at] = (changed[at] ?? 0) ^ 2;
  return changed;
}

describe('comparison', () => {
  test('a result is the same as itself', () => {
    for (const code of [addToMemory, pushEax, shiftLeftByCl]) {
      const result = ours.run(aCase(code));
      expect(parts(result, result)).toEqual([]);
    }
  });

  test.each<[string, (right: SiliconResult) => Partial<SiliconResult>]>([
    ['outcome', () => ({ outcome: 'timeout' })],
    ['eip', ({ eip }) => ({ eip: eip + 1 })],
    ['ebx', ({ registers }) => ({ registers: registers.with(3, 0) })],
    ['eflags', ({ eflags }) => ({ eflags: eflags ^ 1 })],
    ['gs', ({ segments }) => ({ segments: { ...segments, gs: 7 } })],
    ['memory', () => ({ memory: [] })],
  ])('a planted wrong %s is found', (part, wrong) => {
    const right = ours.run(aCase(addToMemory));
    expect(parts(right, { ...right, ...wrong(right) })).toEqual([part]);
  });

  test.each<[string, Partial<SiliconResult>]>([
    ['vector', { vector: 13 }],
    ['error code', { errorCode: 4 }],
    ['cr2', { cr2: 1 }],
  ])('a planted wrong %s of a fault is found', (part, wrong) => {
    const right = ours.run(aCase(addToMemory, { registers: new Uint32Array(8) }));
    expect(right).toMatchObject({ outcome: 'fault', vector: 14, errorCode: 6 });
    expect(parts(right, { ...right, ...wrong })).toEqual([part]);
  });

  test.each<[string, number]>([
    ['control word', FXSAVE.control],
    ['status word', FXSAVE.status],
    ['tags', FXSAVE.tags],
    ['mxcsr', FXSAVE.mxcsr],
    ['st1', FXSAVE.stack + 16],
    ['xmm7', FXSAVE.vectors + 7 * 16 + 15],
  ])('a planted wrong %s is found', (part, at) => {
    const right = ours.run(aCase(fld1, { fxsave: anFxsave() }));
    expect(parts(right, { ...right, fxsave: withByte(right.fxsave, at) })).toEqual([part]);
  });

  test('flags that the manual leaves undefined may differ, others may not', () => {
    const right = ours.run(aCase(shiftLeftByCl));
    const [AF, OF, ZF] = [0x10, 0x800, 0x40];
    expect(parts(right, { ...right, eflags: right.eflags ^ (AF | OF) })).toEqual([]);
    expect(parts(right, { ...right, eflags: right.eflags ^ ZF })).toEqual(['eflags']);
  });

  test('an approximation may differ by one in its last place, not by two', () => {
    const right = ours.run(aCase(fsin, { fxsave: anFxsave() }));
    const off = (by: number): Uint8Array => {
      const image = Uint8Array.from(right.fxsave ?? []);
      image[FXSAVE.stack] = (image[FXSAVE.stack] ?? 0) + by;
      return image;
    };
    expect(parts(right, { ...right, fxsave: off(1) })).toEqual([]);
    expect(parts(right, { ...right, fxsave: off(2) })).toEqual(['st0']);
  });
});

describe('a host of another maker', () => {
  const amd = new Comparison(instructionSet.map, 'AuthenticAMD');
  const amdParts = (host: SiliconResult, mine: SiliconResult): string[] =>
    amd.differences(host, mine).map(({ part }) => part);

  test('may push four bytes of a segment register, but not of others', () => {
    const [pushDs, push] = [ours.run(aCase([0x1e])), ours.run(aCase(pushEax))];
    expect(amdParts({ ...pushDs, memory: [] }, pushDs)).toEqual([]);
    expect(parts({ ...pushDs, memory: [] }, pushDs)).toEqual(['memory']);
    expect(amdParts({ ...push, memory: [] }, push)).toEqual(['memory']);
  });

  test('may fault in another order, but not where we do not fault', () => {
    const [fault, done] = [
      ours.run(aCase(addToMemory, { registers: new Uint32Array(8) })),
      ours.run(aCase(addToMemory)),
    ];
    expect(amdParts({ ...fault, vector: 13 }, fault)).toEqual([]);
    expect(amdParts({ ...done, outcome: 'fault', vector: 13 }, done)).toEqual([
      'outcome',
      'vector',
    ]);
  });
});

describe('our side', () => {
  test('a case leaves nothing behind for the next one', () => {
    const before = ours.run(aCase(addToMemory));
    ours.run(aCase(pushEax, { eflags: 0x4_0ed7, segments: { ...before.segments, ss: 0x37 } }));
    expect(ours.run(aCase(addToMemory))).toEqual(before);
  });

  test('an interrupt that user code may not raise is refused with its own error code', () => {
    const int8 = ours.run(aCase([0xcd, 8]));
    expect(int8).toMatchObject({ outcome: 'fault', vector: 13, errorCode: 8 * 8 + 2 });
  });

  test('a jump to data is a page fault of a fetch', () => {
    const jumpToEbx = ours.run(aCase([0xff, 0xe3]));
    expect(jumpToEbx).toMatchObject({ outcome: 'fault', vector: 14, errorCode: 0x15 });
    expect(jumpToEbx.cr2).toBe(DATA_BASE);
  });
});
