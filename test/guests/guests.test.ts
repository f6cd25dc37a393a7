/** The committed images against their sources, and the probe's expectations against real Xen. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { demand, needs } from '../support/oracle.ts';
import { build, compiler, guestsFolder, imageFile, images, recordedCompiler } from './build.ts';
import { factsOf, probeFacts } from './facts.ts';

describe('the committed images', () => {
  beforeEach((context) => {
    needs('gcc -m32 -nostdlib')(context);
    const made = `the images were made by ${recordedCompiler()}, which this machine has not`;
    demand(compiler() === recordedCompiler() ? undefined : made, context, process.env);
  });

  test.each(images())('$guest/$variant.elf is what npm run guests makes', (image) => {
    const committed = new Uint8Array(readFileSync(imageFile(image)));
    expect(Buffer.compare(build(image), committed), 'npm run guests').toBe(0);
  });
});

describe('the facts that the probe is to print', () => {
  const recording = 'xen-4.17-dom0.txt';
  const recorded = factsOf(readFileSync(join(guestsFolder(), 'probe', recording), 'utf8'));

  test('are no fewer than 600', () => {
    expect(Object.keys(probeFacts()).length).toBeGreaterThanOrEqual(600);
  });

  test('stand in our recording of real Xen where they are taken from it', () => {
    const taken = Object.entries(probeFacts()).filter(([, fact]) => fact.recording === recording);
    expect(taken.length).toBeGreaterThan(10);
    for (const [name, { value }] of taken) {
      expect(recorded.get(name), name).toBe(value);
    }
  });

  test('differ from what a first domain was told in less than a tenth', () => {
    const different = Object.entries(probeFacts()).filter(
      ([name, { value }]) => recorded.has(name) && recorded.get(name) !== value,
    );
    expect(different.length).toBeLessThan(60);
  });
});
