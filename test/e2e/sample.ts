/** The folder that is opened: a guest of ours with its sources, as a kernel developer would have it. */

import { cpSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestsFolder } from '../guests/build.ts';

export function sampleFolder(): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ringside-sample-')), 'events');
  mkdirSync(folder);
  cpSync(join(guestsFolder(), 'framework'), join(folder, 'framework'), { recursive: true });
  mkdirSync(join(folder, 'upcalls'));
  for (const [from, to] of [
    ['upcalls/main.c', 'upcalls/main.c'],
    ['upcalls/debuggable.elf', 'upcalls.elf'],
  ] as const) {
    cpSync(join(guestsFolder(), from), join(folder, to));
  }
  return folder;
}
