/** Debian's GRUB for 32-bit Xen domains, a kernel that no one here wrote, on our own machine. */

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { SHUTDOWN } from '../../../emulator/abi/sched.ts';
import { projectRoot } from '../../conformance/project-root.ts';
import { grubImage, needs } from '../../support/oracle.ts';
import { ext2 } from './disk.ts';
import { GrubSession, plainText } from './session.ts';

/** Longer than what one request of the block ring can carry, and no multiple of anything. */
const large = Uint8Array.from({ length: 123_457 }, (_, i) => (i * i * 7 + (i >>> 5)) & 0xff);
const files = {
  greeting: 'Hello from the disk.\n',
  'boot/large': large,
  empty: '',
};

const sha256 = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

// A machine that does much else at once takes seconds for what takes one alone.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

beforeEach(needs('grub-i386-xen.bin', 'mke2fs'));

/** Asks for everything that the disk has, and halts. Answers what GRUB printed. */
function readAll(session: GrubSession): Record<string, string | undefined> {
  session.untilPrompt();
  const [devices, root, folder, greeting, greetingSum, largeSum, emptySum] = session.command(
    'ls',
    'ls (xen/xvda)/',
    'ls (xen/xvda)/boot',
    'cat (xen/xvda)/greeting',
    'sha256sum (xen/xvda)/greeting',
    'sha256sum (xen/xvda)/boot/large',
    'sha256sum (xen/xvda)/empty',
  );
  session.command('halt');
  return { devices, root, folder, greeting, greetingSum, largeSum, emptySum };
}

/** Lines of GRUB's `sha256sum` are longer than its terminal is wide. */
const sumLine = (content: Uint8Array | string, path: string): string =>
  `${sha256(content)} \n(xen/xvda)/${path}`;

const everything = {
  devices: '(memdisk) (proc) (xen/xvda) ',
  root: 'lost+found/ boot/ empty greeting ',
  folder: 'large ',
  greeting: files.greeting,
  greetingSum: sumLine(files.greeting, 'greeting'),
  largeSum: sumLine(large, 'boot/large'),
  emptySum: sumLine('', 'empty'),
};

describe('GRUB', () => {
  test.each([64, 512])('reads files from its disk and halts, with %i MiB', (memory) => {
    const session = new GrubSession({ memory, disk: ext2(files) });
    expect(readAll(session)).toEqual(everything);
    expect(session.shutdown).toBe(SHUTDOWN.poweroff);
  });

  test('does the same in each run', () => {
    const disk = ext2(files);
    const runs = [1, 2].map(() => {
      const session = new GrubSession({ memory: 16, disk });
      readAll(session);
      const { machine, output } = session;
      return { hash: machine.hash(), instructions: machine.instructions, output };
    });
    expect(runs[1]).toEqual(runs[0]);
  });

  test('boots from a packed file, and reboots', () => {
    const session = new GrubSession({ kernel: gzipSync(readFileSync(grubImage)) });
    expect(session.untilPrompt()).toContain('GNU GRUB  version 2');
    expect(session.command('ls', 'reboot')).toEqual(['(memdisk) (proc) ', '']);
    expect(session.shutdown).toBe(SHUTDOWN.reboot);
  });
});

describe('the program `ringside`', () => {
  beforeAll(() => {
    execFileSync('npm', ['run', '--silent', 'ringside', '--', 'info', grubImage], {
      cwd: projectRoot(),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  });

  function run(input: string, ...options: readonly string[]): Run {
    const program = join(projectRoot(), 'out/ringside.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'run', ...options], {
      input,
      encoding: 'utf8',
    });
    const lines = stderr.trimEnd().split('\n');
    return { status, console: plainText(stdout), outcome: JSON.parse(lines.at(-1) ?? '') };
  }

  test('runs GRUB, its console on standard output, its end as a line of JSON', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringside-grub-'));
    try {
      const disk = join(folder, 'disk.img');
      writeFileSync(disk, ext2(files));
      const script = 'ls (xen/xvda)/\nsha256sum (xen/xvda)/boot/large\nhalt\n';
      const end = run(script, grubImage, '--disk', `${disk},xvda,r`);
      expect(end.console).toContain(`\n${everything.root}\n`);
      expect(end.console).toContain(sumLine(large, 'boot/large'));
      expect(end.outcome).toEqual({
        reason: 'poweroff',
        instructions: expect.any(Number),
        seconds: expect.any(Number),
        hash: expect.stringMatching(/^[\da-f]{16}$/),
      });
      expect(end.status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('ends with code 10 when the guest reboots', () => {
    const { outcome, status } = run('reboot\n', grubImage);
    expect(outcome['reason']).toBe('reboot');
    expect(status).toBe(10);
  });
});

interface Run {
  readonly status: number | null;
  readonly console: string;
  readonly outcome: Readonly<Record<string, unknown>>;
}
