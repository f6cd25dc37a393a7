import { expect, describe as suite, test } from 'vitest';
import { describe } from '../../../emulator/abi/description.ts';
import { errnoName } from '../../../emulator/abi/errno.ts';
import { EVTCHNOP } from '../../../emulator/abi/event-channel.ts';
import {
  array,
  bytes,
  int8,
  int16,
  int32,
  int64,
  out,
  struct,
  text,
  uint8,
  uint16,
  uint32,
  uint64,
  union,
  type View,
} from '../../../emulator/abi/layout.ts';
import { flagNames, nameOf } from '../../../emulator/abi/names.ts';
import { shared_info, start_info } from '../../../emulator/abi/xen.ts';
import { Defect } from '../../../emulator/assert.ts';

const point = struct('point', { x: int16, y: int32 });

const everything = struct('everything', {
  small: uint8,
  negative: int8,
  half: uint16,
  word: uint32,
  after: uint8,
  wide: uint64,
  signedWide: int64,
  raw: bytes(3),
  name: text(5),
  points: array(point, 2),
  choice: union('everything.choice', { number: uint32, pair: array(uint16, 2) }),
});

function memory(size = 128): DataView {
  return new DataView(new ArrayBuffer(size));
}

suite('where fields lie', () => {
  test('64-bit integers are aligned to 4 bytes', () => {
    expect(struct('s', { a: uint8, b: uint64 })).toMatchObject({ size: 12, offsets: { b: 4 } });
  });

  test('a struct is padded to its widest alignment', () => {
    expect(struct('s', { a: uint32, b: uint8 }).size).toBe(8);
    expect(struct('s', { a: uint16, b: uint8 }).size).toBe(4);
    expect(struct('s', { a: bytes(3) }).size).toBe(3);
  });

  test('a nested struct brings its alignment', () => {
    expect(struct('s', { a: uint8, b: point }).offsets.b).toBe(4);
  });

  test('a union has the size of its largest member, padded', () => {
    const u = union('u', { a: uint32, b: bytes(5) });
    expect(u).toMatchObject({ size: 8, offsets: { a: 0, b: 0 } });
  });

  test('fields tell their kinds', () => {
    expect(everything.fields.map(({ kind }) => kind)).toEqual([
      'unsigned',
      'signed',
      'unsigned',
      'unsigned',
      'unsigned',
      'unsigned',
      'signed',
      'bytes',
      'text',
      'array',
      'union',
    ]);
  });
});

suite('a view', () => {
  test('reads what it wrote, little-endian, at its offset', () => {
    const bytesOfGuest = memory();
    const view = everything.at(bytesOfGuest, 8);
    view.word = 0x1234_5678;
    view.negative = -2;
    view.wide = 0xffff_ffff_ffff_fffen;
    view.signedWide = -3n;
    expect(bytesOfGuest.getUint8(8 + everything.offsets.word)).toBe(0x78);
    expect(bytesOfGuest.getUint8(9)).toBe(0xfe);
    expect(view).toMatchObject({ word: 0x1234_5678, negative: -2, wide: 2n ** 64n - 2n });
    expect(view.signedWide).toBe(-3n);
  });

  test('looks at the part of a buffer that its DataView shows', () => {
    const buffer = new ArrayBuffer(64);
    const view = struct('s', { raw: bytes(2), n: uint16 }).at(new DataView(buffer, 16), 4);
    view.raw = Uint8Array.of(1, 2);
    view.n = 3;
    expect([...new Uint8Array(buffer, 20, 4)]).toEqual([1, 2, 3, 0]);
  });

  test('writes through nested structs, arrays and unions', () => {
    const view = shared_info.at(memory(shared_info.size));
    view.arch.nmi_reason = 5;
    view.vcpu_info.at(31).arch.cr2 = 0xdead_beef;
    view.evtchn_mask.set(31, 0xffff_ffff);
    expect(view.arch.nmi_reason).toBe(5);
    expect(view.vcpu_info.at(31).arch.cr2).toBe(0xdead_beef);
    expect([...view.evtchn_mask].at(-1)).toBe(0xffff_ffff);

    const start = start_info.at(memory(start_info.size));
    start.console.domU.evtchn = 2;
    expect(start.console.dom0.info_size).toBe(2);
  });

  test('copies a whole struct, the padding too, from another view or from plain values', () => {
    const source = memory();
    source.setUint16(2, 0xabcd);
    const from = point.at(source);
    from.x = -1;
    from.y = 7;
    const target = memory();
    const line = struct('line', { start: point, end: point }).at(target);
    line.end = from;
    line.start = { x: 1, y: 2 };
    expect(target.getUint16(10)).toBe(0xabcd);
    expect([line.start.x, line.start.y, line.end.x, line.end.y]).toEqual([1, 2, -1, 7]);
  });

  test('copies a whole array', () => {
    const source = everything.at(memory());
    source.points.set(1, { x: 3, y: 4 });
    const target = everything.at(memory());
    target.points = source.points;
    expect(target.points.at(1).y).toBe(4);
  });

  test('hands raw bytes out as a window, and fills up what is shorter', () => {
    const view = everything.at(memory());
    view.raw = Uint8Array.of(1, 2, 3);
    view.raw[1] = 9;
    expect([...view.raw]).toEqual([1, 9, 3]);
    view.raw = Uint8Array.of(7);
    expect([...view.raw]).toEqual([7, 0, 0]);
  });

  test('reads text up to its zero, or to the end without one', () => {
    const view = everything.at(memory());
    view.name = 'abcd';
    view.name = 'é';
    expect(view.name).toBe('é');
    new Uint8Array(view.raw.buffer).fill(0x41);
    expect(view.name).toBe('AAAAA');
  });

  test('has the types of its fields', () => {
    const view: View<typeof point> = { x: 1, y: 2 };
    // @ts-expect-error: a number's field takes no text
    view.x = 'one';
    // @ts-expect-error: and there are no others
    view.z = 3;
    expect(point.offsets.y).toBe(4);
  });
});

suite('our own mistakes are defects', () => {
  test.each([
    ['a struct beyond the bytes', () => everything.at(memory(16), 8)],
    ['a description beyond the bytes', () => describe(everything, memory(16))],
    ['a negative offset', () => point.at(memory(), -1)],
    ['an element beyond the array', () => everything.at(memory()).points.at(2)],
    ['a fraction of an element', () => everything.at(memory()).points.at(0.5)],
    [
      'too many bytes',
      () => {
        everything.at(memory()).raw = new Uint8Array(4);
      },
    ],
    [
      'text without room for its zero',
      () => {
        everything.at(memory()).name = 'abcde';
      },
    ],
    [
      'text that is not Latin-1',
      () => {
        everything.at(memory()).name = 'Ж';
      },
    ],
  ])('%s', (_, mistake) => {
    expect(mistake).toThrow(Defect);
  });
});

suite('answers', () => {
  test('a struct without OUT fields answers nothing', () => {
    expect(point.answers).toBe(false);
  });

  test('a field is an answer by itself, as an element or inside a struct', () => {
    const status = struct('status', { code: out(int16) });
    expect(status.answers).toBe(true);
    expect(status.fields[0]?.type.isOut).toBe(true);
    expect(struct('s', { inner: status }).answers).toBe(true);
    expect(struct('s', { all: array(status, 2) }).answers).toBe(true);
    expect(struct('s', { u: out(union('s.u', { a: uint8 })) }).answers).toBe(true);
  });
});

suite('a description', () => {
  test('is plain data', () => {
    const bytesOfGuest = memory();
    const view = everything.at(bytesOfGuest, 4);
    view.wide = 2n ** 63n;
    view.signedWide = -(2n ** 62n);
    view.raw = Uint8Array.of(0xab, 1, 2);
    view.name = 'xen';
    view.points.set(0, { x: -1, y: 2 });
    view.choice.number = 0x0002_0001;
    expect(describe(everything, bytesOfGuest, 4)).toEqual({
      small: 0,
      negative: 0,
      half: 0,
      word: 0,
      after: 0,
      wide: '0x8000000000000000',
      signedWide: '-0x4000000000000000',
      raw: 'ab 01 02',
      name: 'xen',
      points: [
        { x: -1, y: 2 },
        { x: 0, y: 0 },
      ],
      choice: { number: 0x0002_0001, pair: [1, 2] },
    });
  });

  test('has a number where that is exact', () => {
    const bytesOfGuest = memory();
    uint64.write(bytesOfGuest, 0, BigInt(Number.MAX_SAFE_INTEGER));
    expect(describe(uint64, bytesOfGuest)).toBe(Number.MAX_SAFE_INTEGER);
    uint64.write(bytesOfGuest, 0, BigInt(Number.MAX_SAFE_INTEGER) + 1n);
    expect(describe(uint64, bytesOfGuest)).toBe('0x20000000000000');
  });
});

suite('names', () => {
  test('a number of a group has its name, another has none', () => {
    expect(nameOf(EVTCHNOP, 4)).toBe('send');
    expect(nameOf(EVTCHNOP, 14)).toBeUndefined();
  });

  test('of several names the first stands', () => {
    expect(nameOf({ first: 1, second: 1 }, 1)).toBe('first');
  });

  test('flags are named bit by bit, the rest is a number', () => {
    const flags = { none: 0, a: 1, b: 2, top: 0x8000_0000 };
    expect(flagNames(flags, 0)).toEqual([]);
    expect(flagNames(flags, 0x8000_0002)).toEqual(['b', 'top']);
    expect(flagNames(flags, 0x4000_0005)).toEqual(['a', '0x40000004']);
  });

  test.each([22, -22, 0xffff_ffea])('the error of %i is EINVAL', (value) => {
    expect(errnoName(value)).toBe('EINVAL');
  });

  test.each([0, 4096, -0x8000_0000])('%i is no error', (value) => {
    expect(errnoName(value)).toBeUndefined();
  });
});
