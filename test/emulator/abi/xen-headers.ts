/** What a C compiler makes of Xen's public headers, as Debian installs them. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Place } from './declarations.ts';

/** A struct or union to ask about: how C names its type, and which of its fields. */
export interface Question {
  readonly type: string;
  readonly fields: readonly string[];
}

export interface Answer {
  readonly size: number;
  readonly fields: ReadonlyMap<string, Place>;
}

const headers = [
  'stddef.h',
  'stdint.h',
  'xen/errno.h',
  'xen/xen.h',
  'xen/event_channel.h',
  'xen/grant_table.h',
  'xen/memory.h',
  'xen/sched.h',
  'xen/vcpu.h',
  'xen/physdev.h',
  'xen/version.h',
  'xen/features.h',
  'xen/callback.h',
  'xen/nmi.h',
  'xen/elfnote.h',
  'xen/io/ring.h',
  'xen/io/blkif.h',
  'xen/io/console.h',
  'xen/io/netif.h',
  'xen/io/xenbus.h',
  'xen/io/xs_wire.h',
];

/** The newest interface that the headers know, with what they have for toolstacks only. */
const options = [
  '-m32',
  '-ffreestanding',
  '-w',
  '-D__XEN_TOOLS__',
  '-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__',
];

/** Sizes and offsets, in the order of the questions. */
export function askForLayouts(questions: readonly Question[]): readonly Answer[] {
  const numbers = evaluate(
    questions.flatMap(({ type, fields }) => [
      `sizeof(${type})`,
      ...fields.flatMap((field) => [
        `offsetof(${type}, ${field})`,
        `sizeof(((${type} *)0)->${field})`,
      ]),
    ]),
  ).values();
  const next = () => Number(numbers.next().value);
  return questions.map(({ fields }) => ({
    size: next(),
    fields: new Map(fields.map((field) => [field, [next(), next()]])),
  }));
}

/**
 * The values of constant expressions of C: macros, enumerators, sizes.
 *
 * The program is compiled for i386 but never run, so that any host can ask; its one array is cut
 * out of the object file.
 */
export function evaluate(expressions: readonly string[]): readonly bigint[] {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-abi-'));
  try {
    const object = join(folder, 'answers.o');
    const answers = join(folder, 'answers');
    const includes = headers.map((header) => `#include <${header}>\n`).join('');
    const elements = expressions.map((expression) => `(long long)(${expression}),\n`).join('');
    const input = `${includes}__attribute__((section(".answers"))) long long answers[] = {\n${elements}};\n`;
    execFileSync('gcc', [...options, '-x', 'c', '-c', '-o', object, '-'], { input, stdio: 'pipe' });
    execFileSync('objcopy', ['-O', 'binary', '--only-section=.answers', object, answers]);
    const { buffer, byteOffset, byteLength } = readFileSync(answers);
    const view = new DataView(buffer, byteOffset, byteLength);
    return expressions.map((_, index) => view.getBigInt64(index * 8, true));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
