/** Plans of domains, beside the layouts that a real Xen 4.17 made and recorded. */

import { describe, expect, test } from 'vitest';
import { type BootPlan, type PlanRequest, planBoot } from '../../../emulator/image/boot-plan.ts';
import { PF, PT } from '../../../emulator/image/elf.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { KernelError } from '../../../emulator/image/kernel-error.ts';
import { aKernel, type KernelPlan } from '../../support/a-kernel.ts';

function plan(kernel: KernelPlan = {}, request: Partial<PlanRequest> = {}): BootPlan {
  return planBoot({
    kernel: readKernel(aKernel(kernel)),
    pageCount: 32_768,
    commandLine: '',
    tableFormat: 'pae',
    model: 'direct',
    builder: 'xen-4.17',
    ...request,
  });
}

/** `name page +count`, in hexadecimal as the recordings have it. */
function layoutOf({ regions }: BootPlan): string[] {
  return regions.map(({ name, pfn, count }) => `${name} ${pfn.toString(16)} +${count}`);
}

/** `L1 14a: first..last index -> first page, flags`, a line for each run in a table. */
function tablesOf({ pageTables }: BootPlan): string[] {
  return pageTables.flatMap(({ pfn, level, entries }) => {
    const runs: { first: number; last: number; pfn: number; flags: number }[] = [];
    for (const { index, pfn: target, flags } of entries) {
      const run = runs.at(-1);
      const length = run === undefined ? 0 : run.last - run.first + 1;
      if (run?.last === index - 1 && run.flags === flags && run.pfn + length === target) {
        run.last = index;
      } else {
        runs.push({ first: index, last: index, pfn: target, flags });
      }
    }
    const lines = runs.map(
      (run) =>
        `${run.first.toString(16)}..${run.last.toString(16)} -> ${run.pfn.toString(16)} ` +
        run.flags.toString(16).padStart(3, '0'),
    );
    return [`L${level} ${pfn.toString(16)}: ${lines.join(', ')}`];
  });
}

/** A kernel linked as Linux is, at 0xc0100000. */
const linuxLike: KernelPlan = {
  notes: { VIRT_BASE: 0xc000_0000, ENTRY: 0xc010_0000, HYPERCALL_PAGE: 0xc010_1000 },
};

/** Of May 2006, `VIRT_BASE` and physical addresses alike. */
const seedLike: KernelPlan = {
  legacy:
    'GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x101,' +
    'FEATURES=!writable_page_tables|!auto_translated_physmap,LOADER=generic',
  entry: 0xc010_0000,
  segments: [
    {
      type: PT.LOAD,
      flags: PF.R | PF.W | PF.X,
      virtualAddress: 0xc010_0000,
      memorySize: 0x2_1000,
      bytes: Uint8Array.of(0xf4),
    },
  ],
};

describe('the probe of 128 MiB, as recorded', () => {
  const recorded = plan({ notes: { HYPERCALL_PAGE: 0x10_9000 } });

  test('regions follow one another from the kernel on', () => {
    expect(layoutOf(recorded)).toEqual([
      'kernel 100 +33',
      'p2m 121 +32',
      'start_info 141 +1',
      'xenstore 142 +1',
      'console 143 +1',
      'page tables 144 +7',
      'boot stack 14b +1',
    ]);
  });

  test('page tables map 4 MiB and themselves read-only', () => {
    expect(tablesOf(recorded)).toEqual([
      'L3 144: 0..3 -> 145 067',
      'L2 145: 0..1 -> 149 067',
      'L2 146: ',
      'L2 147: ',
      'L2 148: ',
      'L1 149: 0..143 -> 0 023, 144..14a -> 144 021, 14b..1ff -> 14b 023',
      'L1 14a: 0..1ff -> 200 023',
    ]);
  });

  test('start_info has the values that no machine frame goes into', () => {
    expect(recorded.startInfo).toEqual({
      magic: 'xen-3.0-x86_32p',
      nr_pages: 0x8000,
      flags: 0,
      pt_base: 0x14_4000,
      nr_pt_frames: 7,
      mfn_list: 0x12_1000,
      mod_start: 0,
      mod_len: 0,
      cmd_line: '',
    });
  });

  test('registers', () => {
    expect(recorded.registers).toEqual({ eip: 0x10_0000, esp: 0x14_c000, esi: 0x14_1000 });
  });

  test('grant 0 is the console’s page, grant 1 xenstore’s', () => {
    expect(recorded.reservedGrants).toEqual([
      { reference: 0, pfn: 0x143 },
      { reference: 1, pfn: 0x142 },
    ]);
  });

  test('the hypercall page is the one at its address', () => {
    expect(recorded.hypercallPfn).toBe(0x109);
  });
});

describe('the probe of 96 MiB with a ramdisk, as recorded', () => {
  const ramdisk = new Uint8Array(100_000).fill(7);
  const recorded = plan({}, { pageCount: 0x6000, ramdisk, commandLine: 'root=/dev/xvda1 quiet' });

  test('the ramdisk comes after the kernel', () => {
    expect(layoutOf(recorded)).toEqual([
      'kernel 100 +33',
      'ramdisk 121 +25',
      'p2m 13a +24',
      'start_info 152 +1',
      'xenstore 153 +1',
      'console 154 +1',
      'page tables 155 +7',
      'boot stack 15c +1',
    ]);
  });

  test('start_info tells its address and its size in bytes', () => {
    expect(recorded.startInfo).toMatchObject({
      nr_pages: 0x6000,
      flags: 0,
      pt_base: 0x15_5000,
      nr_pt_frames: 7,
      mfn_list: 0x13_a000,
      mod_start: 0x12_1000,
      mod_len: 0x1_86a0,
      cmd_line: 'root=/dev/xvda1 quiet',
    });
  });

  test('page tables are read-only where they lie', () => {
    expect(tablesOf(recorded).slice(-2)).toEqual([
      'L1 15a: 0..154 -> 0 023, 155..15b -> 155 021, 15c..1ff -> 15c 023',
      'L1 15b: 0..1ff -> 200 023',
    ]);
  });

  test('registers', () => {
    expect(recorded.registers).toEqual({ eip: 0x10_0000, esp: 0x15_d000, esi: 0x15_2000 });
  });

  test('its bytes and the kernel’s are to be copied', () => {
    expect(recorded.copies).toEqual([
      { address: 0x10_0000, bytes: Uint8Array.of(0xeb, 0xfe, 0xf4) },
      { address: 0x12_1000, bytes: ramdisk },
    ]);
  });
});

describe('domain 0 of 256 MiB, as recorded, which Xen’s own builder lays out alike at first', () => {
  test.each([
    { what: 'without a ramdisk', ramdisk: undefined, list: 0x12_1000, startInfo: 0x16_1000 },
    {
      what: 'with one',
      ramdisk: new Uint8Array(100_000),
      list: 0x13_a000,
      startInfo: 0x17_a000,
    },
  ])('$what: the list of frames and start_info', ({ ramdisk, list, startInfo }) => {
    const { startInfo: values, registers } = plan({}, { pageCount: 65_536, ramdisk });
    expect(values.mfn_list).toBe(list);
    expect(registers.esi).toBe(startInfo);
    expect(values.nr_pt_frames).toBe(7);
  });
});

describe('a ramdisk that need not be mapped', () => {
  const ramdisk = new Uint8Array(5000);
  const notes = { MOD_START_PFN: 1 };

  test('lies after the mapping and is told by its page', () => {
    const { regions, startInfo } = plan({ notes }, { ramdisk });
    expect(regions.at(-1)).toEqual({
      name: 'ramdisk',
      pfn: 0x400,
      count: 2,
      virtualAddress: undefined,
    });
    expect(startInfo).toMatchObject({ flags: 8, mod_start: 0x400, mod_len: 8192 });
  });

  test('is copied to that page', () => {
    expect(plan({ notes }, { ramdisk }).copies.at(-1)).toEqual({
      address: 0x40_0000,
      bytes: ramdisk,
    });
  });

  test('is mapped by the builder of 2006, which knows no such wish', () => {
    const { startInfo } = plan({ notes }, { ramdisk, builder: 'xen-3.0' });
    expect(startInfo).toMatchObject({ flags: 0, mod_start: 0x12_1000, mod_len: 5000 });
  });

  test('needs memory of its own', () => {
    expect(() => plan({ notes }, { ramdisk, pageCount: 0x401 })).toThrow(
      /and its ramdisk need 1026 pages/,
    );
    expect(() => plan({ notes }, { ramdisk, pageCount: 0x402 })).not.toThrow();
  });
});

describe('a kernel at 0xc0000000', () => {
  test('has one PAE level 2 table, for the last gigabyte', () => {
    expect(tablesOf(plan(linuxLike)).map((line) => line.slice(0, 20))).toEqual([
      'L3 144: 3..3 -> 145 ',
      'L2 145: 0..1 -> 146 ',
      'L1 146: 0..143 -> 0 ',
      'L1 147: 0..1ff -> 20',
    ]);
  });

  test('has all its addresses there', () => {
    const { startInfo, registers, mapped } = plan(linuxLike);
    expect(mapped).toEqual({ start: 0xc000_0000, end: 0xc040_0000 });
    expect(startInfo).toMatchObject({ pt_base: 0xc014_4000, mfn_list: 0xc012_1000 });
    expect(registers).toEqual({ eip: 0xc010_0000, esp: 0xc014_9000, esi: 0xc014_1000 });
  });

  test('has the hypercall page at its place above the base', () => {
    expect(plan(linuxLike).hypercallPfn).toBe(0x101);
  });
});

describe('the builder of 2006', () => {
  const seed = plan(seedLike, {
    tableFormat: 'two-level',
    model: 'translated',
    builder: 'xen-3.0',
  });

  test('gives a translated domain a page for shared_info', () => {
    expect(layoutOf(seed)).toEqual([
      'kernel 100 +33',
      'p2m 121 +32',
      'start_info 141 +1',
      'xenstore 142 +1',
      'console 143 +1',
      'shared_info 144 +1',
      'page tables 145 +2',
      'boot stack 147 +1',
    ]);
    expect(seed.sharedInfoPfn).toBe(0x144);
  });

  test('leaves the tables of a translated domain writable', () => {
    expect(tablesOf(seed)).toEqual(['L2 145: 300..300 -> 146 067', 'L1 146: 0..3ff -> 0 023']);
  });

  test('makes two-level tables read-only in a direct domain', () => {
    expect(tablesOf(plan(seedLike, { tableFormat: 'two-level', builder: 'xen-3.0' }))).toEqual([
      'L2 144: 300..300 -> 145 067',
      'L1 145: 0..143 -> 0 023, 144..145 -> 144 021, 146..3ff -> 146 023',
    ]);
  });

  test('sets only the present bit in a PAE top-level table', () => {
    expect(tablesOf(plan(seedLike, { builder: 'xen-3.0' }))[0]).toBe('L3 144: 3..3 -> 145 001');
  });

  test('makes level 2 tables for what is mapped and for the last gigabyte', () => {
    const tables = tablesOf(plan({}, { builder: 'xen-3.0' }));
    expect(tables.map((line) => line.slice(0, 7))).toEqual([
      'L3 144:',
      'L2 145:',
      'L2 146:',
      'L1 147:',
      'L1 148:',
    ]);
    expect(tables[0]).toBe('L3 144: 0..0 -> 145 001, 3..3 -> 146 001');
  });

  test('names no PAE in the magic of a domain without', () => {
    expect(seed.startInfo.magic).toBe('xen-3.0-x86_32');
  });

  test('has a start_info that ends with the command line, and reserves no grants', () => {
    expect(seed.builder.startInfoSize).toBe(1104);
    expect(seed.reservedGrants).toEqual([]);
  });

  test('takes the hypercall page by its number', () => {
    expect(seed.hypercallPfn).toBe(0x101);
  });
});

describe('the end of the mapping', () => {
  /** Kernels that end a page apart, around where 512 KiB are just left before 4 MiB. */
  const endFor = (pages: number) => {
    const segment = { ...aSegment(pages * 4096 - 0x10_0000) };
    return plan({ segments: [segment] }).mapped.end;
  };

  test('is 4 MiB where 512 KiB are left after the stack', () => {
    // 32 + 3 + 7 + 1 pages come after the kernel, and 128 are to be left of 1024.
    expect(endFor(1024 - 128 - 43)).toBe(0x40_0000);
  });

  test('is 4 MiB further where a page less is left', () => {
    expect(endFor(1024 - 128 - 42)).toBe(0x80_0000);
  });
});

describe('a kernel that does not fit', () => {
  test.each([
    {
      what: 'into the memory',
      kernel: {},
      request: { pageCount: 1023 },
      sentence: 'The kernel needs 1024 pages of memory to start (4 MiB), but the domain has 1023.',
    },
    {
      what: 'with its zeros',
      kernel: { segments: [aSegment(0x4000_0000)] },
      request: {},
      sentence: /needs 263168 pages of memory to start \(1028 MiB\), but the domain has 32768/,
    },
    {
      what: 'below the hypervisor',
      kernel: {
        notes: { VIRT_BASE: 0xf500_0000, ENTRY: 0xf510_0000 },
        segments: [aSegment(0x70_0000)],
      },
      request: {},
      sentence: /leaves no room for page tables below the hypervisor at 0xf5800000/,
    },
    {
      what: 'because its hypercall page lies elsewhere',
      kernel: { notes: { HYPERCALL_PAGE: 0x40_0000 } },
      request: {},
      sentence: /hypercall page, 0x400000, lies beyond its initial mapping, which ends at 0x400000/,
    },
  ])('$what is an error', ({ kernel, request, sentence }) => {
    expect(() => plan(kernel, request)).toThrow(KernelError);
    expect(() => plan(kernel, request)).toThrow(sentence);
  });
});

describe('the command line', () => {
  test('is cut where start_info has no more room', () => {
    expect(plan({}, { commandLine: 'x'.repeat(2000) }).startInfo.cmd_line).toHaveLength(1023);
  });

  test.each(['root=→', 'a\0b'])('may not have characters that bytes cannot say', (commandLine) => {
    expect(() => plan({}, { commandLine })).toThrow(/not Latin-1/);
  });
});

function aSegment(memorySize: number) {
  return {
    type: PT.LOAD,
    flags: PF.R | PF.W | PF.X,
    virtualAddress: 0x10_0000,
    memorySize,
    bytes: Uint8Array.of(0xf4),
  };
}
