/** Folders that are opened: guests of ours with their sources, as a kernel developer would have them. */

import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestsFolder } from '../guests/build.ts';

/** One kernel, its sources, and no launch.json. */
export function sampleFolder(): string {
  const folder = newFolder('events');
  copy(folder, 'framework', 'framework');
  copy(folder, 'upcalls/main.c', 'upcalls/main.c');
  copy(folder, 'upcalls/debuggable.elf', 'upcalls.elf');
  // A name that nobody would look for a kernel at: F5 is to find one.
  copy(folder, 'console/debuggable.elf', 'echo.guest');
  return folder;
}

/** Launch configurations in the order of launch.json; the first is what F5 starts. */
export const LAUNCHES = {
  echo: 'Say everything back',
  mistaken: 'A key that is none',
  both: 'Two guests',
} as const;

/** Two kernels with a launch.json. */
export function launchFolder(): string {
  const folder = newFolder('guests');
  copy(folder, 'framework', 'framework');
  copy(folder, 'console/main.c', 'console/main.c');
  copy(folder, 'console/debuggable.elf', 'echo.elf');
  copy(folder, 'smp/debuggable.elf', 'smp.elf');
  const head = { type: 'ringside', request: 'launch' };
  const kernel = 'echo.elf';
  const configurations = [
    { ...head, name: LAUNCHES.echo, kernel, commandLine: 'console=hvc0' },
    { ...head, name: LAUNCHES.mistaken, kernel, memroy: 64 },
    {
      ...{ ...head, name: LAUNCHES.both, stopOnEntry: true },
      domains: [
        { name: 'echo', kernel, memory: 32 },
        { name: 'processors', kernel: 'smp.elf', memory: 32, vcpus: 4 },
      ],
    },
  ];
  mkdirSync(join(folder, '.vscode'));
  writeFileSync(
    join(folder, '.vscode/launch.json'),
    JSON.stringify({ version: '0.2.0', configurations }, undefined, 2),
  );
  return folder;
}

function newFolder(name: string): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'ringside-sample-')), name);
  mkdirSync(folder);
  return folder;
}

function copy(folder: string, from: string, to: string): void {
  cpSync(join(guestsFolder(), from), join(folder, to), { recursive: true });
}
