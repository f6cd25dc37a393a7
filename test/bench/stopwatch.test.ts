import { expect, test } from 'vitest';
import { Stopwatch } from './stopwatch.ts';

/** Counts one second and ten instructions each time that it is asked. */
function aStopwatch() {
  let asked = 0;
  const stopwatch = new Stopwatch({
    seconds: () => {
      asked += 1;
      return asked;
    },
    instructions: () => 10 * asked,
  });
  const hears = (text: string) =>
    [...Buffer.from(text)].map((byte) => stopwatch.write(byte)).includes(true);
  return { stopwatch, hears };
}

test('time runs from the line before the benchmark to the line after it', async () => {
  const { stopwatch, hears } = aStopwatch();
  expect(hears('\nS\nB list\nE list 0123abcd')).toBe(false);
  expect(hears('\n')).toBe(true);
  expect(await stopwatch.finished).toMatchObject({
    name: 'list',
    checksum: '0123abcd',
    seconds: 1,
    instructions: 10,
  });
});

test('lines may end as on a terminal', async () => {
  const { stopwatch, hears } = aStopwatch();
  expect(hears('S\r\nB list\r\nE list 0123abcd\r\n')).toBe(true);
  expect((await stopwatch.finished).checksum).toBe('0123abcd');
});

test('what an emulator prints itself is passed over', () => {
  const { hears } = aStopwatch();
  expect(hears('E list 0123abcd\nEverything is fine\nB list\nE is not a checksum\n')).toBe(false);
});

test('an emulator that does not count instructions has no number of them', async () => {
  const stopwatch = new Stopwatch({ seconds: () => 0 });
  const text = 'B list\nE list 0123abcd\n';
  for (const byte of Buffer.from(text)) {
    stopwatch.write(byte);
  }
  expect((await stopwatch.finished).instructions).toBeUndefined();
});
