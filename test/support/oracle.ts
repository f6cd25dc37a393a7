/**
 * Oracles: programs and files that no one here wrote and that the emulator is compared with.
 *
 * They come from Debian packages and not every machine has them. A test that needs one says so;
 * without it the test is skipped on a user's machine and fails where `CI` is set, so that CI
 * cannot pass by comparing nothing. One oracle no package brings: a kernel that runs 32-bit
 * programs. Where it does not, tests that need it are skipped with a note, in CI too.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';

interface Recipe {
  /** Undefined for what a machine has or has not. */
  readonly packages?: string;
  isThere(): boolean;
}

/** GRUB as Debian builds it for 32-bit Xen paravirtual domains: a real guest kernel in ELF. */
export const grubImage = '/usr/lib/grub-xen/grub-i386-xen.bin';

/** Xen's own XenStore as Debian builds it. */
export const xenstored = '/usr/lib/xen-4.17/bin/xenstored';

const recipes = {
  'gcc -m32': {
    packages: 'gcc gcc-multilib libc6-dev-i386',
    isThere: () => of32BitProgram((compiled) => compiled),
  },
  'a kernel that runs 32-bit programs': {
    isThere: () => of32BitProgram((compiled, program) => !compiled || runsQuietly(program)),
  },
  'gcc -m32 -nostdlib': { packages: 'gcc binutils', isThere: builds32BitKernels },
  gdb: { packages: 'gdb', isThere: () => runs('gdb') },
  objdump: { packages: 'binutils', isThere: () => runs('objdump') },
  readelf: { packages: 'binutils', isThere: () => runs('readelf') },
  bochs: {
    packages: 'bochs bochs-term bochsbios vgabios',
    isThere: () =>
      onPath('bochs') &&
      existsSync('/usr/share/bochs/BIOS-bochs-latest') &&
      existsSync('/usr/share/vgabios/vgabios.bin'),
  },
  xenstored: {
    packages: 'gcc libc6-dev xen-utils-4.17',
    isThere: () => runs('gcc') && existsSync(xenstored),
  },
  'xen/xen.h': {
    packages: 'libxen-dev gcc binutils',
    isThere: () => existsSync('/usr/include/xen/xen.h') && runs('gcc') && runs('objcopy'),
  },
  mke2fs: { packages: 'e2fsprogs', isThere: () => mke2fsAnswers() },
  'grub-i386-xen.bin': { packages: 'grub-xen-host', isThere: () => existsSync(grubImage) },
} as const satisfies Record<string, Recipe>;

export type Oracle = keyof typeof recipes;

const answers = new Map<Oracle, boolean>();

/** Why the oracle cannot be asked here, with the cure; `undefined` when it can. */
export function missing(oracle: Oracle): string | undefined {
  const { packages, isThere }: Recipe = recipes[oracle];
  const there = answers.get(oracle) ?? isThere();
  answers.set(oracle, there);
  const cure = packages === undefined ? '' : ` (Debian: apt install ${packages})`;
  return there ? undefined : `needs ${oracle}${cure}`;
}

const canBeInstalled = (oracle: Oracle): boolean =>
  (recipes[oracle] satisfies Recipe as Recipe).packages !== undefined;

/**
 * Makes a hook that lets a test run only where all the oracles are.
 *
 *     beforeEach(needs('gcc -m32', 'objdump'));                   // for a whole file or suite
 *     test('…', (context) => { needs('readelf')(context); … });   // for one test
 */
export function needs(...oracles: readonly Oracle[]): (context: TestContext) => void {
  return (context) => {
    for (const oracle of oracles) {
      demand(missing(oracle), context, canBeInstalled(oracle) ? process.env : {});
    }
  };
}

/** What becomes of a test that cannot ask its oracle: skipped, or failed where `CI` is set. */
export function demand(
  reason: string | undefined,
  context: Pick<TestContext, 'skip'>,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  if (reason === undefined) {
    return;
  }
  if (environment['CI']) {
    throw new Error(`${reason}, and CI may not do without`);
  }
  context.skip(reason);
}

function runs(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** The only one of its options that makes nothing. */
const mke2fsAnswers = (): boolean => spawnSync('mke2fs', ['-V'], { stdio: 'ignore' }).status === 0;

/** Unlike `runs`, asks nothing of the program: Bochs takes every option for a machine to start. */
function onPath(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  return folders.some((folder) => existsSync(join(folder, program)));
}

/** What is true of a small program built for 32 bits. */
function of32BitProgram(isTrue: (compiled: boolean, program: string) => boolean): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-oracle-'));
  try {
    const program = join(folder, 'program');
    const compiled = spawnSync('gcc', ['-m32', '-x', 'c', '-o', program, '-'], {
      input: '#include <stdlib.h>\nint main(void) { return EXIT_SUCCESS; }\n',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    return isTrue(compiled.status === 0, program);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const runsQuietly = (program: string): boolean =>
  spawnSync(program, { stdio: 'ignore' }).status === 0;

/** Needs neither a C library nor a kernel that runs 32-bit programs. */
function builds32BitKernels(): boolean {
  const options = ['-m32', '-nostdlib', '-static', '-x', 'c', '-o', '/dev/null', '-'];
  const input = 'void _start(void) {}\n';
  return spawnSync('gcc', options, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
}
