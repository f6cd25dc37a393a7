/** A disk that may be written though its image may not. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { imageDisk, readOnly } from '../../../emulator/devices/block/block-host.ts';
import { OverlayDisk } from '../../../emulator/devices/block/overlay-disk.ts';

const SECTORS = 20;

const anImage = () => Uint8Array.from({ length: SECTORS * 512 }, (_, index) => (index >> 9) + 1);

const filled = (sectors: number, value: number) => new Uint8Array(sectors * 512).fill(value);

/** One number for each sector of the whole disk. */
function contents(disk: OverlayDisk): number[] {
  const bytes = disk.read(0, disk.size) ?? new Uint8Array(0);
  return Array.from({ length: bytes.length / 512 }, (_, index) => bytes[index * 512] ?? -1);
}

test('shows its image until something is written', () => {
  const disk = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  expect(contents(disk)).toEqual(Array.from({ length: SECTORS }, (_, index) => index + 1));
});

test('shows what was written, and the image around it', () => {
  const disk = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  expect(disk.write(7 * 512, filled(2, 0xaa))).toBe(true);
  expect(contents(disk).slice(6, 10)).toEqual([7, 0xaa, 0xaa, 10]);
});

test('leaves the image alone', () => {
  const image = anImage();
  new OverlayDisk(imageDisk(image), 1 << 20).write(0, filled(SECTORS, 0xaa));
  expect(image).toEqual(anImage());
});

test('ends with its last whole sector', () => {
  expect(new OverlayDisk(imageDisk(new Uint8Array(1500)), 1 << 20).size).toBe(1024);
});

test('takes the last sectors of an image that fills no cluster', () => {
  const disk = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  disk.write((SECTORS - 1) * 512, filled(1, 0xaa));
  expect(contents(disk).slice(-2)).toEqual([SECTORS - 1, 0xaa]);
});

test('is full when what was written reaches its limit, and may still write what it has', () => {
  const disk = new OverlayDisk(imageDisk(anImage()), 4096);
  expect(disk.write(0, filled(1, 1))).toBe(true);
  expect(disk.write(7 * 512, filled(2, 2))).toBe(false);
  expect(contents(disk).slice(7, 9)).toEqual([8, 9]);
  expect(disk.write(0, filled(8, 3))).toBe(true);
  expect(disk.writtenBytes).toBe(4096);
});

test('shows the image again where whole clusters were discarded', () => {
  const disk = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  disk.write(0, filled(SECTORS, 0xaa));
  expect(disk.discard(4 * 512, (SECTORS - 4) * 512)).toBe(true);
  const rest = Array.from({ length: SECTORS - 8 }, (_, index) => index + 9);
  expect(contents(disk)).toEqual([...new Array(8).fill(0xaa), ...rest]);
  expect(disk.writtenBytes).toBe(4096);
});

test('a write that the image fails under changes nothing', () => {
  const disk = new OverlayDisk({ size: 8192, read: () => undefined }, 1 << 20);
  expect(disk.write(0, filled(1, 1))).toBe(false);
  expect(disk.writtenBytes).toBe(0);
});

test('an image that was cut fails to be read, written parts and all', () => {
  let image = anImage();
  const base = {
    size: image.length,
    read: (at: number, length: number) => image.subarray(at, at + length),
  };
  const disk = new OverlayDisk(base, 1 << 20);
  disk.write(16 * 512, filled(1, 0xaa));
  image = image.slice(0, 1000);
  expect(disk.read(0, disk.size)).toBeUndefined();
  expect(disk.write(0, filled(1, 1))).toBe(false);
  expect(disk.read(0, 512)).toEqual(filled(1, 1));
});

test('of a disk that is shown read-only nothing can be written', () => {
  expect(readOnly(new OverlayDisk(imageDisk(anImage()), 1 << 20))).not.toHaveProperty('write');
});

test('comes back to a captured moment, however much is written in between', () => {
  const disk = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  disk.write(0, filled(3, 0xaa));
  const image = disk.capture();
  const before = contents(disk);
  disk.write(512, filled(10, 0xbb));
  disk.discard(0, disk.size);
  disk.restore(image);
  expect(contents(disk)).toEqual(before);
  disk.write(0, filled(1, 0xcc));
  expect(image.clusters[0]?.[1][0]).toBe(0xaa);
});

test('captures the same whatever the order of writes', () => {
  const one = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  const other = new OverlayDisk(imageDisk(anImage()), 1 << 20);
  one.write(0, filled(1, 1));
  one.write(9 * 512, filled(1, 2));
  other.write(9 * 512, filled(1, 2));
  other.write(0, filled(1, 1));
  expect(other.capture()).toEqual(one.capture());
});

test('any writes read back as from a plain array', () => {
  const aWrite = fc.tuple(fc.nat(SECTORS - 1), fc.nat(SECTORS), fc.nat(255));
  fc.assert(
    fc.property(fc.array(aWrite, { maxLength: 20 }), (writes) => {
      const plain = anImage();
      const disk = new OverlayDisk(imageDisk(anImage()), 1 << 20);
      for (const [sector, length, value] of writes) {
        const bytes = filled(Math.min(length, SECTORS - sector), value);
        plain.set(bytes, sector * 512);
        disk.write(sector * 512, bytes);
      }
      const bytes = disk.read(0, disk.size) ?? new Uint8Array(0);
      expect(plain.findIndex((byte, at) => byte !== bytes[at])).toBe(-1);
    }),
  );
});
