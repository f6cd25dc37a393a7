/** The guest, as it is committed and as it is built anew, on an emulator that is not ours. */

import { beforeEach, describe, expect, test } from 'vitest';
import { needs } from '../../support/oracle.ts';
import { benchmarks, indexOf } from '../benchmarks.ts';
import { v86 } from '../engines/v86.ts';
import { build, recordedDigest, sourceDigest } from './build.ts';
import { selecting, selectingImage } from './image.ts';

/** How to run a benchmark within a second, and what comes out; a loop takes any scale. */
const quickOnes = benchmarks
  .filter(({ kind, name }) => kind === 'loop' || ['list', 'state', 'repmovs'].includes(name))
  .map(({ kind, name, short }) =>
    kind === 'loop' ? { name, scale: 256, checksum: '00000100' } : { name, ...short },
  );
const slowOnes = benchmarks.filter(
  ({ kind, name }) => kind === 'kernel' && !quickOnes.some((quick) => quick.name === name),
);

test('the committed image was built from the source beside it: npm run bench -- --rebuild', () => {
  expect(recordedDigest()).toBe(sourceDigest());
});

describe('the committed image', () => {
  test.each(quickOnes)('computes what is known of $name', async ({ name, scale, checksum }) => {
    const timing = await v86.runHere(selectingImage(indexOf(name), scale));
    expect(timing).toMatchObject({ name, checksum });
  });

  test.each(slowOnes)('knows $name by its index', async ({ name }) => {
    const timing = await v86.runHere(selectingImage(indexOf(name), 0));
    expect(timing.name).toBe(name);
  });
});

describe('the image built anew', () => {
  beforeEach(needs('gcc -m32'));
  let image: Uint8Array | undefined;
  const some = quickOnes.filter(({ name }) => ['list', 'int-ring3', 'fault-map'].includes(name));

  test.each(some)('computes what is known of $name', async ({ name, scale, checksum }) => {
    image ??= build().image;
    const timing = await v86.runHere(selecting(image, indexOf(name), scale));
    expect(timing).toMatchObject({ name, checksum });
  });
});
