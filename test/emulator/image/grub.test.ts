/** GRUB as Debian builds it for paravirtual domains: its notes beside readelf's reading, and its plan. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { XEN_ELFNOTE } from '../../../emulator/abi/elfnote.ts';
import { planBoot } from '../../../emulator/image/boot-plan.ts';
import { readElf } from '../../../emulator/image/elf.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { xenNotesOf } from '../../../emulator/image/xen-notes.ts';
import { grubImage, needs } from '../../support/oracle.ts';

describe('GRUB for Xen', () => {
  beforeEach(needs('grub-i386-xen.bin', 'readelf'));

  test('has the notes that readelf sees', () => {
    const notes = xenNotesOf(readElf(readFileSync(grubImage)));
    const seen = notesOfReadelf();
    expect(seen.length).toBeGreaterThan(3);
    expect(notes.map(({ type, bytes }) => `${type} ${hexOf(bytes)}`).slice(0, seen.length)).toEqual(
      seen,
    );
  });

  test('has one more note, which readelf refuses because it runs over the end of the file', () => {
    const notes = xenNotesOf(readElf(readFileSync(grubImage)));
    expect(notes).toHaveLength(notesOfReadelf().length + 1);
    expect(notes.at(-1)?.type).toBe(XEN_ELFNOTE.PAE_MODE);
  });

  test('is a direct PAE kernel at 0 that starts there', () => {
    expect(readKernel(readFileSync(grubImage))).toMatchObject({
      ...{ format: 'elf notes', guestOs: 'GRUB', paeMode: 'extended-cr3' },
      ...{ virtBase: 0, virtualStart: 0, entry: 0, hypercallPage: undefined },
      features: { required: 0, supported: 0 },
    });
  });

  test('fits into 128 MiB as Xen lays it out', () => {
    const kernel = readKernel(readFileSync(grubImage));
    const plan = planBoot({
      kernel,
      pageCount: 32_768,
      commandLine: '',
      tableFormat: 'pae',
      model: 'direct',
      builder: 'xen-4.17',
    });
    const kernelPages = Math.ceil(kernel.virtualEnd / 4096);
    // 5.5 MiB of kernel need 8 MiB: a top-level table, four of level 2 and four of level 1.
    expect(plan.mapped).toEqual({ start: 0, end: 0x80_0000 });
    expect(plan.startInfo.nr_pt_frames).toBe(9);
    expect(plan.regions.map(({ name, pfn, count }) => [name, pfn - kernelPages, count])).toEqual([
      ['kernel', -kernelPages, kernelPages],
      ['p2m', 0, 32],
      ['start_info', 32, 1],
      ['xenstore', 33, 1],
      ['console', 34, 1],
      ['page tables', 35, 9],
      ['boot stack', 44, 1],
    ]);
  });
});

/** Type and contents of each note of Xen, as `6 47 52 …`; those it finds broken are not there. */
function notesOfReadelf(): string[] {
  const text = execFileSync('readelf', ['-n', grubImage], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const types =
    /Xen\s+0x[0-9a-f]+\s+(?:Unknown note type: \(0x([0-9a-f]+)\)|NT_VERSION).*\n(?:.*\n)?\s+description data: ([0-9a-f ]+)/g;
  // readelf gives type 1 the name that it has in notes of others.
  return [...text.matchAll(types)].map(
    ([, type = '1', bytes = '']) => `${Number.parseInt(type, 16)} ${bytes.trim()}`,
  );
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
