import { expect, test } from 'vitest';
import { Copies } from '../../../emulator/hypervisor/copies.ts';

test('buffers of one entry into the hypervisor are all different', () => {
  const copies = new Copies();
  copies.begin();
  const views = Array.from({ length: 100 }, () => copies.take(12).view);
  expect(new Set(views).size).toBe(100);
  expect(new Set(views.map(({ buffer }) => buffer)).size).toBe(100);
});

test('they come back in the next', () => {
  const copies = new Copies();
  const [first, second] = [copies.take(12), copies.take(12)];
  copies.begin();
  expect(copies.take(12)).toBe(first);
  expect(copies.take(8)).not.toBe(second);
  expect(copies.take(12)).toBe(second);
});

test.each([0, 1, 128, 129, 4096])('a buffer has exactly %i bytes', (length) => {
  const copies = new Copies();
  for (let i = 0; i < 2; i++) {
    copies.begin();
    const { view, bytes } = copies.take(length);
    expect([view.byteLength, bytes.length, view.buffer.byteLength]).toEqual(Array(3).fill(length));
  }
});
