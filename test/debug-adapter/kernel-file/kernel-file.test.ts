import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unwrapKernel, unwrapRamdisk } from '../../../debug-adapter/kernel-file/kernel-file.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';
import { joined } from '../../support/a-kernel.ts';

const content = Uint8Array.from({ length: 5000 }, (_, index) => (index * index) >> 5);
const packed = new Uint8Array(gzipSync(content));

interface BzImagePlan {
  readonly payload: Uint8Array;
  readonly version?: number;
  readonly sectors?: number;
}

/** Boot code of `sectors` sectors, then 256 bytes of other code, then the payload. */
function bzImage({ payload, version = 0x20f, sectors = 3 }: BzImagePlan): Uint8Array {
  const bytes = new Uint8Array(((sectors || 4) + 1) * 512 + 256 + payload.length + 64);
  const view = new DataView(bytes.buffer);
  view.setUint8(0x1f1, sectors);
  view.setUint16(0x1fe, 0xaa55, true);
  view.setUint32(0x202, 0x5372_6448, true);
  view.setUint16(0x206, version, true);
  view.setUint32(0x248, 256, true);
  view.setUint32(0x24c, payload.length, true);
  bytes.set(payload, ((sectors || 4) + 1) * 512 + 256);
  return bytes;
}

describe('a kernel file', () => {
  test('that is not packed stays as it is', () => {
    expect(unwrapKernel(content, 'vmlinux')).toEqual({ elf: content, wrappings: [] });
  });

  test('packed with gzip is unpacked', () => {
    expect(unwrapKernel(packed, 'vmlinuz')).toEqual({ elf: content, wrappings: ['gzip'] });
  });

  test('inside a bzImage is found', () => {
    const wrappings = ['bzImage', 'gzip'];
    expect(unwrapKernel(bzImage({ payload: packed }), 'bzImage')).toEqual({
      elf: content,
      wrappings,
    });
  });

  test('inside a bzImage with 0 sectors of boot code is found after 4', () => {
    expect(unwrapKernel(bzImage({ payload: packed, sectors: 0 }), 'bzImage').elf).toEqual(content);
  });

  test('that is a packed bzImage is unpacked twice', () => {
    const file = new Uint8Array(gzipSync(bzImage({ payload: packed })));
    expect(unwrapKernel(file, 'x').wrappings).toEqual(['gzip', 'bzImage', 'gzip']);
  });

  test('that is larger than a chunk comes out whole', () => {
    const large = Uint8Array.from({ length: 700_000 }, (_, index) => (index * 2654435761) >>> 13);
    const { elf } = unwrapKernel(new Uint8Array(gzipSync(large)), 'x');
    expect(Buffer.compare(elf, large)).toBe(0);
  });
});

describe('is refused:', () => {
  test.each([
    { packing: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
    { packing: 'bzip2', bytes: [0x42, 0x5a, 0x68, 0x39] },
    { packing: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
    { packing: 'lzma', bytes: [0x5d, 0x00, 0x00, 0x80] },
    { packing: 'lzop', bytes: [0x89, 0x4c, 0x5a, 0x4f] },
    { packing: 'lz4', bytes: [0x02, 0x21, 0x4c, 0x18] },
    { packing: 'lz4', bytes: [0x04, 0x22, 0x4d, 0x18] },
  ])('a file packed with $packing, by name', ({ packing, bytes }) => {
    const file = Uint8Array.from([...bytes, ...content]);
    const sentence = `boot/vmlinuz is packed with ${packing}, which cannot be unpacked here.`;
    expect(() => unwrapKernel(file, 'boot/vmlinuz')).toThrow(sentence);
    expect(() => unwrapKernel(bzImage({ payload: file }), 'boot/vmlinuz')).toThrow(sentence);
  });

  test.each([10, 19, 100, packed.length - 1])('a gzip file cut after %i bytes', (length) => {
    expect(() => unwrapKernel(packed.subarray(0, length), 'x')).toThrow(
      /x is damaged or cut short: its gzip data do not unpack/,
    );
  });

  test('a gzip file with another byte in it', () => {
    const other = Uint8Array.from(packed);
    other[packed.length >> 1] = (other[packed.length >> 1] ?? 0) ^ 1;
    expect(() => unwrapKernel(other, 'x')).toThrow(UserError);
  });

  test('a gzip file with the checksum of another', () => {
    const other = Uint8Array.from(packed);
    other[packed.length - 8] = (other[packed.length - 8] ?? 0) ^ 1;
    expect(() => unwrapKernel(other, 'x')).toThrow(/the checksum is another/);
  });

  test('a gzip file with more in it than it says', () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(20_000_000)));
    new DataView(bomb.buffer).setUint32(bomb.length - 4, 1000, true);
    expect(() => unwrapKernel(bomb, 'x')).toThrow(/there are more than 1000 bytes/);
  });

  test('two gzip files in a row', () => {
    expect(() => unwrapKernel(joined([packed, packed]), 'x')).toThrow(
      /there is another file after the first/,
    );
  });

  test('a gzip file that says it has more than can be', () => {
    const liar = Uint8Array.from(packed);
    new DataView(liar.buffer).setUint32(liar.length - 4, 0xffff_ffff, true);
    expect(() => unwrapKernel(liar, 'x')).toThrow(/4294967295 bytes cannot come of/);
  });

  test('a file of more than 512 MB', () => {
    const large = new Uint8Array(600_000);
    large.set([0x1f, 0x8b]);
    new DataView(large.buffer).setUint32(large.length - 4, 0x2000_0001, true);
    expect(() => unwrapKernel(large, 'x')).toThrow(/more than 512 MB/);
  });

  test('a bzImage that is too old to say where its kernel is', () => {
    expect(() => unwrapKernel(bzImage({ payload: packed, version: 0x206 }), 'x')).toThrow(
      /boot protocol 2.06, which does not say where the kernel is in it/,
    );
  });

  test('a bzImage cut short', () => {
    const file = bzImage({ payload: packed });
    expect(() => unwrapKernel(file.subarray(0, file.length - 65), 'x')).toThrow(
      /x is cut short: its kernel should be \d+ bytes at 2304/,
    );
  });

  test('a file packed four times', () => {
    const often = [1, 2, 3, 4].reduce((bytes) => new Uint8Array(gzipSync(bytes)), content);
    expect(() => unwrapKernel(often, 'x')).toThrow(/packed again and again \(gzip in gzip in/);
  });
});

describe('a ramdisk', () => {
  test('is unpacked when it is packed with gzip', () => {
    expect(unwrapRamdisk(packed)).toEqual(content);
  });

  test('stays as it is otherwise, even if it is damaged', () => {
    expect(unwrapRamdisk(content)).toBe(content);
    const damaged = packed.subarray(0, 50);
    expect(unwrapRamdisk(damaged)).toBe(damaged);
  });
});

test('whatever is done to a packed file, it unpacks or is refused with a UserError', () => {
  const originals = [packed, bzImage({ payload: packed })];
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const cases = fc.tuple(
    fc.constantFrom(...originals),
    fc.array(change, { maxLength: 6 }),
    fc.nat(),
  );
  fc.assert(
    fc.property(cases, ([original, changes, cut]) => {
      const file = Uint8Array.from(original);
      for (const [offset, value] of changes) {
        file[offset % file.length] = value;
      }
      try {
        const { elf } = unwrapKernel(file.subarray(0, file.length - (cut % 40)), 'x');
        expect(elf).toBeInstanceOf(Uint8Array);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
    { numRuns: 500 },
  );
});
