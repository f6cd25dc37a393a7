/**
 * GRUB starts another paravirtual kernel from its disk: it makes the page tables and `start_info`
 * of a new kernel in its own domain, lets go of its devices, and jumps.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { SHUTDOWN } from '../../../emulator/abi/sched.ts';
import { needs } from '../../support/oracle.ts';
import { guestsFolder, type Image, imageFile } from '../build.ts';
import { factsOf } from '../facts.ts';
import { ext2 } from './disk.ts';
import { GrubSession } from './session.ts';

vi.setConfig({ testTimeout: 120_000 });

beforeEach(needs('grub-i386-xen.bin', 'mke2fs'));

const SUCCESS = 'Test result: SUCCESS';

/** A session in which GRUB has loaded a guest of ours and is just told to start it. */
function chainLoading(image: Image): GrubSession {
  const kernel = new Uint8Array(readFileSync(imageFile(image)));
  const session = new GrubSession({ memory: 128, disk: ext2({ kernel, module: 'module' }) });
  session.untilPrompt();
  const load = ['multiboot (xen/xvda)/kernel arg1 arg2', 'module (xen/xvda)/module'];
  expect(session.command(...load)).toEqual(['', '']);
  session.type('boot\n');
  return session;
}

/** What a guest says of its end, with the checks that failed. */
const verdict = (printed: string): string[] =>
  printed.split('\n').filter((line) => /^(?:FAIL|Test result)/.test(line));

test('a probe started by GRUB finds what one found under real Xen', () => {
  const session = chainLoading({ guest: 'probe', variant: 'low' });
  const printed = session.until();
  const found = factsOf(printed);
  const recording = readFileSync(join(guestsFolder(), 'grub/xen-4.17-chain-loaded.txt'), 'utf8');
  const recorded = factsOf(recording);
  const same = new Map([...recorded.keys()].map((name) => [name, found.get(name)]));
  expect(same).toEqual(recorded);
  expect(verdict(printed)).toEqual([SUCCESS]);
  expect(session.shutdown).toBe(SHUTDOWN.poweroff);
});

test('a block front-end connects to the disk that GRUB has let go', () => {
  const printed = chainLoading({ guest: 'block', variant: 'direct' }).until();
  expect(verdict(printed)).toEqual([SUCCESS]);
});

test('a guest goes on with the connection to xenstore', () => {
  const printed = chainLoading({ guest: 'xenstore', variant: 'direct' }).until();
  expect(verdict(printed)).toEqual([SUCCESS]);
});

test('the console goes on both ways', () => {
  const session = chainLoading({ guest: 'console', variant: 'direct' });
  session.until((printed) => printed.endsWith('ready\n'));
  session.type('hello\nquit\n');
  const printed = session.until();
  expect(printed).toContain('echo: hello\n');
  expect(verdict(printed)).toEqual([SUCCESS]);
});
