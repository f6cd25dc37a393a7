import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BootPlan, planBoot } from '../../../emulator/image/boot-plan.ts';
import { ET, PF, PT, SHF, SHT, STT } from '../../../emulator/image/elf.ts';
import { hasFeature } from '../../../emulator/image/feature-names.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { KernelError } from '../../../emulator/image/kernel-error.ts';
import {
  aKernel,
  aNote,
  joined,
  type KernelPlan,
  necessaryNotes,
  noteBytes,
  probeSegment,
} from '../../support/a-kernel.ts';
import { anElfFile, stringTable, symbolTable } from '../../support/an-elf-file.ts';

const kernelOf = (plan: KernelPlan) => readKernel(aKernel(plan));

const legacy = 'GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,LOADER=generic';

/** A segment whose virtual and physical address are the same. */
const segmentAt = (virtualAddress: number, memorySize = 0x2000) => ({
  ...probeSegment,
  virtualAddress,
  memorySize,
});

describe('a kernel with notes', () => {
  test('lies from the virtual base 0 on when it gives none', () => {
    const kernel = kernelOf({});
    expect(kernel).toMatchObject({ format: 'elf notes', virtBase: 0, paddrOffset: 0 });
    expect(kernel).toMatchObject({ virtualStart: 0x10_0000, virtualEnd: 0x12_1000 });
  });

  test('has its physical addresses counted from 0, whatever the virtual base', () => {
    const kernel = kernelOf({ notes: { VIRT_BASE: 0xc000_0000, ENTRY: 0xc010_0000 } });
    expect(kernel).toMatchObject({ paddrOffset: 0, virtualStart: 0xc010_0000 });
  });

  test('has them counted from PADDR_OFFSET where that is given', () => {
    const kernel = kernelOf({
      notes: { VIRT_BASE: 0xc000_0000, PADDR_OFFSET: 0xc000_0000 },
      segments: [segmentAt(0xc010_0000)],
      entry: 0xc010_0000,
    });
    expect(kernel).toMatchObject({ paddrOffset: 0xc000_0000, virtualStart: 0xc010_0000 });
  });

  test('starts at its note and not at the ELF header’s entry, as Linux needs', () => {
    const notes = { VIRT_BASE: 0xc000_0000, ENTRY: 0xc010_0010 };
    expect(kernelOf({ notes, entry: 0x10_0000 }).entry).toBe(0xc010_0010);
  });

  test('starts at the ELF header’s entry without that note', () => {
    expect(kernelOf({ entry: 0x10_0008 }).entry).toBe(0x10_0008);
  });

  test('may write numbers in 8 bytes', () => {
    expect(kernelOf({ notes: { HYPERCALL_PAGE: 0x10_9000n } }).hypercallPage).toBe(0x10_9000);
  });

  test('says that its top-level table may lie anywhere with PAE_MODE "yes"', () => {
    expect(kernelOf({}).paeMode).toBe('extended-cr3');
    expect(kernelOf({ notes: { PAE_MODE: undefined } }).paeMode).toBe('no');
    expect(kernelOf({ notes: { PAE_MODE: 'yes,bimodal' } }).paeMode).toBe('bimodal');
  });

  test('has all that Linux 5.4 says', () => {
    const kernel = kernelOf({
      notes: {
        GUEST_OS: 'linux',
        GUEST_VERSION: '2.6',
        VIRT_BASE: 0xc000_0000,
        INIT_P2M: 0xffff_8000_0000_0000n,
        ENTRY: 0xc010_0000,
        HYPERCALL_PAGE: 0xc010_1000,
        FEATURES: '!writable_page_tables|pae_pgdir_above_4gb',
        SUPPORTED_FEATURES: 0x8801,
        L1_MFN_VALID: new Uint8Array(BigUint64Array.of(1n, 1n).buffer),
        SUSPEND_CANCEL: 1,
        MOD_START_PFN: 1,
        HV_START_LOW: 0xf580_0000,
      },
    });
    expect(kernel).toMatchObject({
      guestOs: 'linux',
      guestVersion: '2.6',
      loader: 'generic',
      xenVersion: 'xen-3.0',
      initP2m: 0xffff_8000_0000_0000n,
      hypercallPage: 0xc010_1000,
      features: { required: 1, supported: 0x8811 },
      l1MfnValid: [{ mask: 1n, value: 1n }],
      suspendCancel: true,
      modStartPfn: true,
      hvStartLow: 0xf580_0000,
      bsdSymtab: false,
    });
  });

  test('may have pairs of 32 bits for entries of that size', () => {
    const pair = new Uint8Array(Uint32Array.of(3, 1).buffer);
    expect(kernelOf({ notes: { L1_MFN_VALID: pair } }).l1MfnValid).toEqual([
      { mask: 3n, value: 1n },
    ]);
  });

  test('does not have those of others', () => {
    const bytes = joined([
      aNote('Linux', 3, 0x1000),
      noteBytes(necessaryNotes),
      aNote('Xen\0', 3, 7),
    ]);
    const file = anElfFile([], [probeSegment, { ...noteSegment, bytes }]);
    expect(readKernel(file).virtBase).toBe(0);
  });

  test('may have them in sections alone', () => {
    const bytes = noteBytes({ ...necessaryNotes, GUEST_VERSION: '7' });
    const file = anElfFile([{ name: '.note', type: SHT.NOTE, bytes }], [probeSegment]);
    expect(readKernel(file).guestVersion).toBe('7');
  });

  test('has those in sections passed over when segments have some', () => {
    const section = { name: '.note', type: SHT.NOTE, bytes: noteBytes({ VIRT_BASE: 4096 }) };
    expect(kernelOf({ sections: [section] }).virtBase).toBe(0);
  });

  test('may say in its last note that there is more than the file has, as GRUB does', () => {
    const bytes = noteBytes({ ...necessaryNotes, PAE_MODE: undefined, FEATURES: undefined });
    const last = aNote('Xen', 9, 'yes');
    new DataView(last.buffer).setUint32(4, 12, true);
    const file = anElfFile([], [probeSegment, { ...noteSegment, bytes: joined([bytes, last]) }]);
    expect(readKernel(file).paeMode).toBe('extended-cr3');
  });
});

describe('a kernel with the legacy section', () => {
  const seed: KernelPlan = {
    legacy: `${legacy},VIRT_BASE=0xC0000000,HYPERCALL_PAGE=0x101,PAE=yes`,
    segments: [segmentAt(0xc010_0000)],
    entry: 0xc010_0000,
  };

  test('has its physical addresses counted from the virtual base', () => {
    expect(kernelOf(seed)).toMatchObject({
      format: 'legacy section',
      virtBase: 0xc000_0000,
      paddrOffset: 0xc000_0000,
      virtualStart: 0xc010_0000,
    });
  });

  test('numbers its hypercall page in hexadecimal, with or without 0x', () => {
    expect(kernelOf(seed).hypercallPage).toBe(0xc010_1000);
    const text = `${legacy},VIRT_BASE=0xC0000000,HYPERCALL_PAGE=101`;
    expect(kernelOf({ ...seed, legacy: text }).hypercallPage).toBe(0xc010_1000);
  });

  test('has ELF_PADDR_OFFSET where it says so', () => {
    const text = `${legacy},VIRT_BASE=0xC0000000,ELF_PADDR_OFFSET=0x0`;
    const plan = { legacy: text, segments: [segmentAt(0x10_0000)], entry: 0xc010_0000 };
    expect(kernelOf(plan)).toMatchObject({ paddrOffset: 0, virtualStart: 0xc010_0000 });
  });

  test('begins at its lowest address without a virtual base, as in 2006', () => {
    const plan = { legacy, segments: [segmentAt(0xc000_0000)], entry: 0xc000_0000 };
    expect(kernelOf(plan)).toMatchObject({ virtBase: 0xc000_0000, virtualStart: 0xc000_0000 });
  });

  test('starts at VIRT_ENTRY where it gives one', () => {
    expect(kernelOf({ ...seed, legacy: `${seed.legacy},VIRT_ENTRY=0xC0100004` }).entry).toBe(
      0xc010_0004,
    );
  });

  test.each([
    { text: 'PAE=yes', mode: 'yes' },
    { text: 'PAE=yes[extended-cr3]', mode: 'extended-cr3' },
    { text: 'PAE=no', mode: 'no' },
    { text: 'LOADER=generic', mode: 'no' },
  ])('with $text has the mode $mode', ({ text, mode }) => {
    const plan = { legacy: `${legacy},VIRT_BASE=0xC0000000,${text}` };
    expect(kernelOf({ ...seed, ...plan }).paeMode).toBe(mode);
  });

  test('reads numbers as C does', () => {
    const at = (number: string) =>
      kernelOf({ ...seed, legacy: `${legacy},VIRT_BASE=${number}` }).virtBase;
    expect([at('0xc0000000'), at('3221225472'), at('030000000000')]).toEqual(
      Array.from({ length: 3 }, () => 0xc000_0000),
    );
  });

  test('is not asked where there are notes', () => {
    const section = {
      name: '__xen_guest',
      type: SHT.PROGBITS,
      bytes: new TextEncoder().encode('LOADER=other\0'),
    };
    expect(kernelOf({ sections: [section] }).loader).toBe('generic');
  });
});

describe('features', () => {
  test('with ! are required, and supported too', () => {
    const { features } = kernelOf({
      notes: { FEATURES: '!auto_translated_physmap|pae_pgdir_above_4gb|hvm_callback_vector' },
    });
    expect(features).toEqual({ required: 0b100, supported: 0b1_0001_0100 });
    expect(hasFeature(features.required, 'auto_translated_physmap')).toBe(true);
  });

  test('that nobody knows may be supported', () => {
    expect(kernelOf({ notes: { FEATURES: 'of_tomorrow' } }).features.supported).toBe(0);
  });

  test('writable page tables may be required by a kernel that gets none', () => {
    expect(() => kernelOf({ notes: { FEATURES: '!writable_page_tables' } })).not.toThrow();
  });
});

describe('what is loaded', () => {
  test('is each segment with its bytes and the zeros after them', () => {
    const { segments } = kernelOf({
      segments: [segmentAt(0x20_0000), { ...probeSegment, flags: PF.R, memorySize: 3 }],
    });
    expect(segments).toEqual([
      { virtualAddress: 0x10_0000, bytes: Uint8Array.of(0xeb, 0xfe, 0xf4), memorySize: 3 },
      { virtualAddress: 0x20_0000, bytes: Uint8Array.of(0xeb, 0xfe, 0xf4), memorySize: 0x2000 },
    ]);
  });

  test('is nothing that no one may read, write or execute', () => {
    const hidden = { ...segmentAt(0x20_0000), flags: 0 };
    expect(kernelOf({ segments: [probeSegment, hidden] }).segments).toHaveLength(1);
  });
});

describe('symbols', () => {
  const names = stringTable(['start', 'second', 'alias', 'constant', 'counter']);
  const table = symbolTable([
    { name: names.offsetOf('second'), value: 0x10_0010, size: 4, info: 0x12, section: 1 },
    { name: names.offsetOf('start'), value: 0x10_0000, info: 0x12, section: 1 },
    { name: names.offsetOf('alias'), value: 0x10_0010, info: 0x00, section: 1 },
    { name: names.offsetOf('constant'), value: 0x10_0008, info: 0x10, section: 0xfff1 },
    { name: 0, value: 0x10_0000, info: STT.SECTION, section: 1 },
  ]);
  const sections = [
    {
      name: '.text',
      type: SHT.PROGBITS,
      flags: SHF.ALLOC | SHF.EXECINSTR,
      virtualAddress: 0x10_0000,
      bytes: new Uint8Array(32),
    },
    { name: '.symtab', type: SHT.SYMTAB, link: 3, info: 1, entrySize: 16, bytes: table },
    { name: '.strtab', type: SHT.STRTAB, bytes: names.bytes },
  ];
  const { symbols } = kernelOf({ sections });

  test('are what has an address', () => {
    expect(symbols.count).toBe(3);
    expect(symbols.addressOf('alias')).toBe(0x10_0010);
    expect(symbols.addressOf('constant')).toBeUndefined();
  });

  test.each([
    { address: 0x10_0000, place: { name: 'start', offset: 0 } },
    { address: 0x10_000f, place: { name: 'start', offset: 15 } },
    { address: 0x10_0013, place: { name: 'second', offset: 3 } },
    { address: 0x10_0014, place: undefined },
    { address: 0xf_ffff, place: undefined },
  ])('name $address', ({ address, place }) => {
    expect(symbols.symbolAt(address)).toEqual(place);
  });

  test('are none in a table that cannot be read, which is no reason not to run', () => {
    const broken = sections.map((section) => ({ ...section, entrySize: 15 }));
    const kernel = kernelOf({ sections: broken });
    expect(kernel.symbols.count).toBe(0);
    expect(kernel.symbols.problem).toMatch(/entries of 15 bytes/);
    expect(kernel.symbols.symbolAt(0x10_0000)).toBeUndefined();
  });

  test('are loaded after a kernel that says BSD_SYMTAB', () => {
    const kernel = kernelOf({ notes: { BSD_SYMTAB: 'yes' }, sections });
    const loaded = kernel.segments.at(-1);
    expect(loaded?.virtualAddress).toBe(0x12_1000);
    expect(kernel.virtualEnd).toBe(0x12_1000 + (loaded?.memorySize ?? 0));
    const image = loaded?.bytes ?? new Uint8Array(0);
    const view = new DataView(image.buffer);
    const size = view.getUint32(0, true);
    expect(image.length).toBe(4 + Math.ceil(size / 4) * 4);
    // Behind the size is an ELF file with the null section, the symbols and their names.
    expect(view.getUint32(4)).toBe(0x7f45_4c46);
    expect(view.getUint32(4 + 32, true)).toBe(52);
    expect([42, 44, 46, 48, 50].map((offset) => view.getUint16(4 + offset, true))).toEqual([
      0, 0, 40, 3, 0,
    ]);
    const header = (section: number, field: number) =>
      view.getUint32(4 + 52 + 40 * section + field, true);
    expect([header(1, 4), header(1, 20), header(1, 24)]).toEqual([SHT.SYMTAB, table.length, 2]);
    expect([header(2, 4), header(2, 20)]).toEqual([SHT.STRTAB, names.bytes.length]);
    const contents = (section: number) => {
      const start = 4 + header(section, 16);
      return image.subarray(start, start + header(section, 20));
    };
    expect(contents(1)).toEqual(table);
    expect(contents(2)).toEqual(names.bytes);
    expect(size).toBe(header(2, 16) + names.bytes.length);
  });
});

const noteSegment = {
  type: PT.NOTE,
  flags: PF.R,
  virtualAddress: 0,
  memorySize: 0,
  bytes: new Uint8Array(0),
};

describe('is no kernel:', () => {
  test.each<{ what: string; plan: KernelPlan; sentence: RegExp }>([
    {
      what: 'one whose entry lies outside',
      plan: { entry: 0x12_1001 },
      sentence: /entry, 0x121001, lies outside of it: it reaches from 0x100000 to 0x121000/,
    },
    {
      what: 'PADDR_OFFSET without VIRT_BASE',
      plan: { notes: { PADDR_OFFSET: 0 } },
      sentence: /gives PADDR_OFFSET without a VIRT_BASE/,
    },
    {
      what: 'ELF_PADDR_OFFSET without VIRT_BASE',
      plan: { legacy: `${legacy},ELF_PADDR_OFFSET=0` },
      sentence: /gives ELF_PADDR_OFFSET without a VIRT_BASE/,
    },
    {
      what: 'one that requires what nobody knows',
      plan: { notes: { FEATURES: 'dom0|!of_tomorrow' } },
      sentence: /requires the feature "of_tomorrow", which Xen does not have/,
    },
    {
      what: 'one that requires ring 0',
      plan: { notes: { FEATURES: '!supervisor_mode_kernel' } },
      sentence: /"supervisor_mode_kernel", but kernels run in ring 1/,
    },
    {
      what: 'one for domain 0 alone',
      plan: { notes: { FEATURES: '!dom0' } },
      sentence: /"dom0", but the domain is unprivileged/,
    },
    {
      what: 'one for another loader',
      plan: { notes: { LOADER: 'special' } },
      sentence: /LOADER is "special" and its GUEST_OS "XTF"/,
    },
    {
      what: 'one for another interface',
      plan: { notes: { XEN_VERSION: 'xen-2.0' } },
      sentence: /for Xen interface "xen-2.0", not "xen-3.0"/,
    },
    {
      what: 'one without segments',
      plan: { segments: [] },
      sentence: /no segment to load/,
    },
    {
      what: 'one below its base',
      plan: { notes: { VIRT_BASE: 0xc000_0000, PADDR_OFFSET: 0x20_0000 } },
      sentence: /segment at 0xbff00000 lies below the kernel's virtual base, 0xc0000000/,
    },
    {
      what: 'overlapping segments',
      plan: { segments: [segmentAt(0x10_0000, 0x2000), segmentAt(0x10_1fff)] },
      sentence: /segment at 0x101fff overlaps the one that ends at 0x102000/,
    },
    {
      what: 'a segment beyond 4 GB',
      plan: { segments: [segmentAt(0x10_0000), segmentAt(0xffff_0000, 0x1_0001)] },
      sentence: /segment at 0xffff0000 has 0x10001 bytes and ends beyond 4 GB/,
    },
    {
      what: 'a base inside a page',
      plan: { notes: { VIRT_BASE: 0x800 } },
      sentence: /virtual base, 0x800, is no page boundary/,
    },
    {
      what: 'a hypercall page inside a page',
      plan: { notes: { HYPERCALL_PAGE: 0x10_9010 } },
      sentence: /hypercall page, 0x109010, is no page above 0x0/,
    },
    {
      what: 'a number of 3 bytes',
      plan: { notes: { VIRT_BASE: new Uint8Array(3) } },
      sentence: /note VIRT_BASE is a number of 3 bytes, not 4 or 8/,
    },
    {
      what: 'an address of more than 32 bits',
      plan: { notes: { ENTRY: 0x1_0000_0000n } },
      sentence: /note ENTRY is 0x100000000, more than 32 bits/,
    },
    {
      what: 'pairs that are none',
      plan: { notes: { L1_MFN_VALID: new Uint8Array(12) } },
      sentence: /note L1_MFN_VALID has 12 bytes, which are no pairs/,
    },
    {
      what: 'a text without end',
      plan: { notes: { GUEST_OS: 'x'.repeat(5000) } },
      sentence: /note GUEST_OS is a text of 5000 bytes/,
    },
    {
      what: 'a legacy number that is none',
      plan: { legacy: `${legacy},VIRT_BASE=here` },
      sentence: /VIRT_BASE in __xen_guest is "here", which is no 32-bit number/,
    },
    {
      what: 'a legacy page number that is none',
      plan: { legacy: `${legacy},VIRT_BASE=0,HYPERCALL_PAGE=0x100000` },
      sentence: /HYPERCALL_PAGE in __xen_guest is "0x100000", which is no page number/,
    },
  ])('$what', ({ plan, sentence }) => {
    expect(() => kernelOf(plan)).toThrow(KernelError);
    expect(() => kernelOf(plan)).toThrow(sentence);
  });

  test('an ELF file that says nothing of Xen', () => {
    expect(() => readKernel(anElfFile([], [probeSegment]))).toThrow(/needs CONFIG_XEN_PV/);
  });

  test('an object file', () => {
    const file = aKernel();
    new DataView(file.buffer).setUint16(16, ET.REL, true);
    expect(() => readKernel(file)).toThrow(/e_type is 1: it is no linked program/);
  });

  test('a file that is no ELF file', () => {
    expect(() => readKernel(new Uint8Array(100))).toThrow(KernelError);
  });
});

const request = {
  pageCount: 2048,
  commandLine: '',
  tableFormat: 'pae',
  model: 'direct',
  builder: 'xen-4.17',
} as const;

function expectWithinMemory({ copies, regions, pageTables }: BootPlan): void {
  const end = request.pageCount * 4096;
  expect(copies.every(({ address, bytes }) => address >= 0 && address + bytes.length <= end)).toBe(
    true,
  );
  expect(regions.every(({ pfn, count }) => pfn >= 0 && pfn + count <= request.pageCount)).toBe(
    true,
  );
  expect(pageTables.length).toBeLessThan(20);
}

const pristine = aKernel({
  notes: { VIRT_BASE: 0, HYPERCALL_PAGE: 0x10_9000, FEATURES: 'dom0', BSD_SYMTAB: 'yes' },
});

const damagedFile = fc
  .tuple(
    fc.integer({ min: 0, max: pristine.length }),
    fc.array(fc.tuple(fc.nat(pristine.length - 1), fc.nat(255)), { maxLength: 12 }),
  )
  .map(([length, changes]) => {
    const file = Uint8Array.from(pristine);
    for (const [offset, value] of changes) {
      file[offset] = value;
    }
    return file.subarray(0, length > pristine.length / 2 ? pristine.length : length);
  });

test('whatever is done to a kernel, it fits into its memory or is refused with a KernelError', () => {
  fc.assert(
    fc.property(damagedFile, (file) => {
      try {
        const kernel = readKernel(file);
        expect(kernel.symbols.count).toBeGreaterThanOrEqual(0);
        expectWithinMemory(planBoot({ ...request, kernel }));
      } catch (error) {
        expect(error).toBeInstanceOf(KernelError);
      }
    }),
    { numRuns: 2000 },
  );
});
