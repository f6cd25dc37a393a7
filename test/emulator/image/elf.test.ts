import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  codeOf,
  contentsOf,
  ElfError,
  ET,
  PF,
  PT,
  readElf,
  SHF,
  SHT,
  STB,
  STT,
  symbolsOf,
} from '../../../emulator/image/elf.ts';
import {
  anElfFile,
  type SectionPlan,
  stringTable,
  symbolTable,
} from '../../support/an-elf-file.ts';

const code = Uint8Array.of(0x90, 0xf4, 0xeb, 0xfd);

const names = stringTable(['start', 'counter', 'external', 'shared', 'fixed']);

const symbols = symbolTable([
  { name: 0, value: 0x10_0000, info: STT.SECTION, section: 1 },
  { name: names.offsetOf('counter'), value: 0x20_0000, size: 4, info: STT.OBJECT, section: 2 },
  { name: names.offsetOf('start'), value: 0x10_0000, size: 4, info: 0x12, section: 1 },
  { name: names.offsetOf('external'), info: 0x20, section: 0 },
  { name: names.offsetOf('shared'), value: 4, size: 16, info: 0x11, section: 0xfff2 },
  { name: names.offsetOf('fixed'), value: 7, info: 0x10, section: 0xfff1 },
]);

/** Sections of a small kernel, in this order: 1 .text, 2 .bss, 3 .symtab, 4 .strtab. */
const kernelSections = [
  {
    name: '.text',
    type: SHT.PROGBITS,
    flags: SHF.ALLOC | SHF.EXECINSTR,
    virtualAddress: 0x10_0000,
    bytes: code,
  },
  {
    name: '.bss',
    type: SHT.NOBITS,
    flags: SHF.ALLOC | SHF.WRITE,
    virtualAddress: 0x20_0000,
    size: 0x7000_0000,
  },
  { name: '.symtab', type: SHT.SYMTAB, link: 4, info: 3, entrySize: 16, bytes: symbols },
  { name: '.strtab', type: SHT.STRTAB, bytes: names.bytes },
] as const satisfies SectionPlan[];

const kernelSegment = {
  type: PT.LOAD,
  flags: PF.R | PF.X,
  virtualAddress: 0x10_0000,
  memorySize: 0x1000,
  bytes: code,
};

const kernel = anElfFile(kernelSections, [kernelSegment]);

/** The small kernel with one of its sections made otherwise. */
function kernelWith(name: string, change: Partial<SectionPlan>): Uint8Array {
  const sections = kernelSections.map((section) =>
    section.name === name ? { ...section, ...change } : section,
  );
  return anElfFile(sections, [kernelSegment]);
}

/** The small kernel with one 16-bit field of its ELF header made otherwise. */
function kernelWithField(offset: number, value: number): Uint8Array {
  const bytes = kernel.slice();
  new DataView(bytes.buffer).setUint16(offset, value, true);
  return bytes;
}

describe('a sound file', () => {
  const file = readElf(kernel);

  test('says what it is and where it starts', () => {
    expect(file).toMatchObject({ type: ET.EXEC, entry: 0x10_0000 });
  });

  test('gives its sections their names', () => {
    expect(file.sections.map(({ name }) => name).join(' ')).toBe(
      ' .text .bss .symtab .strtab .shstrtab',
    );
  });

  test('tells where a section is in memory and in the file', () => {
    const text = file.sections[1];
    expect(text).toMatchObject({
      label: 'section 1 (.text)',
      virtualAddress: 0x10_0000,
      size: 4,
      fileSize: 4,
      offset: 52,
    });
    expect(contentsOf(file, text!)).toEqual(code);
  });

  test('needs no bytes for a section without contents, however large', () => {
    const bss = file.sections[2];
    expect(bss).toMatchObject({ size: 0x7000_0000, fileSize: 0 });
    expect(contentsOf(file, bss!)).toHaveLength(0);
  });

  test('tells what is loaded', () => {
    expect(file.segments).toMatchObject([
      { type: PT.LOAD, flags: PF.R | PF.X, virtualAddress: 0x10_0000, memorySize: 0x1000 },
    ]);
    expect(contentsOf(file, file.segments[0]!)).toEqual(code);
  });

  test('lists its symbols with their places', () => {
    const seen = symbolsOf(file).map(({ name, place }) => [
      name,
      typeof place === 'string' ? place : place.name,
    ]);
    expect(seen).toEqual([
      ['', 'undefined'],
      ['', '.text'],
      ['counter', '.bss'],
      ['start', '.text'],
      ['external', 'undefined'],
      ['shared', 'common'],
      ['fixed', 'absolute'],
    ]);
  });

  test('tells value, size, binding and type of a symbol', () => {
    expect(symbolsOf(file)[3]).toMatchObject({
      name: 'start',
      value: 0x10_0000,
      size: 4,
      binding: STB.GLOBAL,
      type: STT.FUNC,
    });
  });

  test('shows its executable sections', () => {
    expect(codeOf(file)).toEqual([{ label: 'section 1 (.text)', address: 0x10_0000, bytes: code }]);
  });
});

test('without sections the code is in the executable segments', () => {
  const stripped = kernel.slice();
  const header = new DataView(stripped.buffer);
  header.setUint32(32, 0, true);
  header.setUint16(48, 0, true);
  const file = readElf(stripped);
  expect(file.sections).toEqual([]);
  expect(symbolsOf(file)).toEqual([]);
  expect(codeOf(file)).toEqual([{ label: 'segment 0', address: 0x10_0000, bytes: code }]);
});

test('where no section says that it is code, the code is in the executable segments', () => {
  const file = readElf(kernelWith('.text', { flags: 0 }));
  expect(codeOf(file)).toEqual([{ label: 'segment 0', address: 0x10_0000, bytes: code }]);
});

test('a name may be UTF-8, or bytes of no known encoding', () => {
  const bytes = Uint8Array.from([0, ...new TextEncoder().encode('größe'), 0, 0xff, 0x41, 0]);
  const table = symbolTable([1, 9].map((name) => ({ name, section: 1 })));
  const sections = kernelSections.map((section) => {
    const contents: Record<string, Uint8Array> = { '.symtab': table, '.strtab': bytes };
    return { ...section, bytes: contents[section.name] ?? code };
  });
  const file = readElf(anElfFile(sections));
  expect(symbolsOf(file).map(({ name }) => name)).toEqual(['', 'größe', 'ÿA']);
});

test('names may share their ends', () => {
  const offset = names.offsetOf('counter') + 'coun'.length;
  const file = readElf(
    kernelWith('.symtab', { bytes: symbolTable([{ name: offset, section: 1 }]) }),
  );
  expect(symbolsOf(file)[1]?.name).toBe('ter');
});

test('counts too large for the ELF header are in the null section', () => {
  const bytes = kernelWithField(48, 0);
  const view = new DataView(bytes.buffer);
  const nullSection = view.getUint32(32, true);
  view.setUint16(50, 0xffff, true);
  view.setUint16(44, 0xffff, true);
  view.setUint32(nullSection + 20, 6, true);
  view.setUint32(nullSection + 24, 5, true);
  view.setUint32(nullSection + 28, 1, true);
  const { sections, segments } = readElf(bytes);
  expect(sections.slice(1)).toEqual(readElf(kernel).sections.slice(1));
  expect(segments).toEqual(readElf(kernel).segments);
});

test('section numbers too large for a symbol are in a table of their own', () => {
  const file = readElf(
    anElfFile([
      kernelSections[0],
      kernelSections[1],
      { ...kernelSections[2], bytes: symbolTable([{ name: 1, section: 0xffff }]) },
      kernelSections[3],
      {
        name: '.symtab_shndx',
        type: SHT.SYMTAB_SHNDX,
        link: 3,
        bytes: Uint8Array.of(0, 0, 0, 0, 2, 0, 0, 0),
      },
    ]),
  );
  expect(symbolsOf(file)[1]?.place).toBe(file.sections[2]);
});

describe('a file that does not add up is refused with what and where:', () => {
  test.each([
    [Uint8Array.of(), 'The ELF header should be 52 bytes at 0, but the file has 0.'],
    [new Uint8Array(64), 'This is not an ELF file: it does not start with 7f 45 4c 46.'],
    [kernelWithField(4, 0x0102), 'EI_CLASS is 2, not 1 (a 32-bit file)'],
    [kernelWithField(4, 0x0201), 'EI_DATA is 2, not 1 (a little-endian file)'],
    [kernelWithField(18, 62), 'e_machine is 62, not 3 (a file for the i386)'],
    [kernelWithField(42, 56), 'e_phentsize is 56, not 32'],
    [kernelWithField(44, 0x7000), 'The program header table should be 917504 bytes at'],
    [kernelWithField(46, 64), 'e_shentsize is 64, not 40'],
    [kernelWithField(48, 0x7000), 'The section table should be 1146880 bytes at'],
    [kernelWithField(50, 1), 'e_shstrndx is 1, which is no string table'],
    [kernelWithField(50, 99), 'e_shstrndx is 99, which is no string table'],
    [kernel.subarray(0, 100), 'The section table should be'],
    [
      anElfFile([], [{ ...kernelSegment, memorySize: 3 }]),
      'Segment 0 has 4 bytes for 3 of memory.',
    ],
  ])('%#: %o', (bytes, sentence) => {
    expect(() => readElf(bytes)).toThrow(ElfError);
    expect(() => readElf(bytes)).toThrow(sentence);
  });

  test.each([
    [
      kernelWith('.symtab', { entrySize: 24 }),
      'The symbol table, section 3 (.symtab), has entries of 24 bytes, not 16.',
    ],
    [
      kernelWith('.symtab', { link: 1 }),
      'The symbol table, section 3 (.symtab), names section 1 as its string table, which is none.',
    ],
    [
      kernelWith('.symtab', { size: 0x1000_0000 }),
      'Section 3 (.symtab) should be 268435456 bytes at',
    ],
    [
      kernelWith('.symtab', { bytes: symbolTable([{ name: 999, section: 1 }]) }),
      'Symbol 1 of section 3 (.symtab) has its name at 999, outside section 4 (.strtab).',
    ],
    [kernelWith('.strtab', { bytes: Uint8Array.of(0, 0x41) }), 'outside section 4 (.strtab)'],
    [
      kernelWith('.symtab', { bytes: symbolTable([{ name: 0, section: 77 }]) }),
      'Symbol 1 of section 3 (.symtab) lies in section 77, which is not there.',
    ],
    [
      kernelWith('.symtab', { bytes: symbolTable([{ name: 0, section: 0xffff }]) }),
      'Symbol 1 of section 3 (.symtab) lies in section SHN_XINDEX, which is not there.',
    ],
    [
      kernelWith('.bss', { type: SHT.SYMTAB }),
      'There may be one symbol table, but section 3 (.symtab) is a second one.',
    ],
  ])('symbols %#: %o', (bytes, sentence) => {
    const file = readElf(bytes);
    expect(() => symbolsOf(file)).toThrow(ElfError);
    expect(() => symbolsOf(file)).toThrow(sentence);
  });

  test('contents that end beyond the file', () => {
    const file = readElf(kernelWith('.text', { size: 0xffff_ffff }));
    expect(() => codeOf(file)).toThrow('Section 1 (.text) should be 4294967295 bytes at 52');
  });
});

test('a file cannot make its names larger than a few times itself', () => {
  const length = 20_000;
  const long = new Uint8Array(length + 1).fill(0x41, 0, length);
  const table = symbolTable(Array.from({ length }, (_, name) => ({ name, section: 1 })));
  const sections = kernelSections.map((section) => {
    const contents: Record<string, Uint8Array> = { '.symtab': table, '.strtab': long };
    return { ...section, bytes: contents[section.name] ?? code };
  });
  expect(() => symbolsOf(readElf(anElfFile(sections)))).toThrow('overlap too much to be names');
});

test('whatever is done to a file, it is read or refused with an ElfError', () => {
  const interesting = fc.constantFrom(
    0,
    1,
    2,
    39,
    40,
    0x7f,
    0xff,
    0xffff,
    0xffff_ffff,
    kernel.length,
  );
  const patch = fc.record({
    offset: fc.nat(kernel.length - 4),
    value: fc.oneof(interesting, fc.nat(0xffff_ffff)),
  });
  const damage = fc.record({
    patches: fc.array(patch, { maxLength: 6 }),
    length: fc.oneof(fc.constant(kernel.length), fc.nat(kernel.length)),
  });
  fc.assert(
    fc.property(damage, ({ patches, length }) => {
      const bytes = kernel.slice();
      for (const { offset, value } of patches) {
        new DataView(bytes.buffer).setUint32(offset, value, true);
      }
      expect(outcomeOf(bytes.subarray(0, length))).toMatch(/^(?:read|refused)$/);
    }),
    { numRuns: 5000 },
  );
});

/** Reads all that there is to read of a file. */
function outcomeOf(bytes: Uint8Array): string {
  try {
    const file = readElf(bytes);
    symbolsOf(file);
    codeOf(file);
    for (const part of [...file.sections, ...file.segments]) {
      contentsOf(file, part);
    }
    return 'read';
  } catch (error) {
    return error instanceof ElfError ? 'refused' : String(error);
  }
}
