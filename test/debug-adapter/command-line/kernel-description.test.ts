import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeKernel } from '../../../debug-adapter/command-line/kernel-description.ts';
import { unwrapKernel } from '../../../debug-adapter/kernel-file/kernel-file.ts';
import { KernelError } from '../../../emulator/image/kernel-error.ts';
import { aKernel, type KernelPlan } from '../../support/a-kernel.ts';
import { grubImage, needs } from '../../support/oracle.ts';

const described = (plan: KernelPlan) =>
  describeKernel('vmlinux', { elf: aKernel(plan), wrappings: ['bzImage', 'gzip'] });

test('a kernel with notes', () => {
  const notes = {
    HYPERCALL_PAGE: 0x10_9000,
    FEATURES: '!writable_page_tables|pae_pgdir_above_4gb',
    L1_MFN_VALID: new Uint8Array(BigUint64Array.of(1n, 1n).buffer),
  };
  expect(described({ notes })).toBe(`\
File:               vmlinux (bzImage, gzip)
Guest:              XTF 0
Loader:             generic
Xen interface:      xen-3.0
Described by:       ELF notes
PAE:                extended-cr3
Required features:  writable_page_tables
Supported features: pae_pgdir_above_4gb
Virtual base:       0x00000000
Physical offset:    0x00000000
Entry:              0x00100000
Hypercall page:     0x00109000
Hypervisor from:    none
Kernel:             0x00100000 to 0x00121000
Symbols:            0
Runs as:            a direct domain of xen-4.17 with pae page tables

Load ranges:
  0x00100000 to 0x00121000  3 bytes and 135165 zeros

ELF notes:
  GUEST_OS           "XTF"
  GUEST_VERSION      "0"
  LOADER             "generic"
  XEN_VERSION        "xen-3.0"
  PAE_MODE           "yes"
  HYPERCALL_PAGE     0x00109000
  FEATURES           "!writable_page_tables|pae_pgdir_above_4gb"
  L1_MFN_VALID       01 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00

Sections:
    1  0x00000000         11  .shstrtab
`);
});

test('a kernel with the legacy section', () => {
  const legacy =
    'GUEST_OS=linux,XEN_VER=xen-3.0,LOADER=generic,VIRT_BASE=0x0,' +
    'FEATURES=!auto_translated_physmap';
  const text = described({ legacy });
  expect(text).toContain('Described by:       section __xen_guest\n');
  expect(text).toContain(
    'Runs as:            a translated domain of xen-3.0 with two-level page tables\n',
  );
  expect(text).toContain('__xen_guest:\n  GUEST_OS           linux\n');
});

test('what is no kernel is an error', () => {
  expect(() => described({ notes: { LOADER: 'other' } })).toThrow(KernelError);
});

test('GRUB says that it is GRUB', (context) => {
  needs('grub-i386-xen.bin')(context);
  const text = describeKernel('grub', unwrapKernel(readFileSync(grubImage), 'grub'));
  expect(text).toContain('Guest:              GRUB\n');
});
