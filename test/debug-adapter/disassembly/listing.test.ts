import { describe, expect, test } from 'vitest';
import {
  EDITOR_LIMIT,
  type Limit,
  type Listing,
  list,
} from '../../../debug-adapter/disassembly/listing.ts';
import type { SyntaxName } from '../../../emulator/cpu/disassembler.ts';
import { type ElfFile, ET, PF, PT, readElf, SHF, SHT } from '../../../emulator/image/elf.ts';
import { anElfFile, stringTable, symbolTable } from '../../support/an-elf-file.ts';

const TEXT = 0x1000;
const FUNC = 0x12;
const NOTYPE = 0x10;

interface Name {
  readonly name: string;
  readonly value: number;
  readonly info?: number;
  /** 1 is `.text`, 2 is `.init`. */
  readonly section?: number;
}

/** A file with the sections `.text`, at 0x1000, and `.init`, at 0x2000. */
function aFile({
  text,
  init = '',
  names = [],
  type = ET.EXEC,
}: {
  readonly text: string;
  readonly init?: string;
  readonly names?: readonly Name[];
  readonly type?: number;
}): ElfFile {
  const strings = stringTable(names.map(({ name }) => name));
  const symbols = names.map(({ name, value, info = FUNC, section = 1 }) => ({
    name: strings.offsetOf(name),
    value,
    info,
    section,
  }));
  const isLinked = type !== ET.REL;
  const flags = SHF.ALLOC | SHF.EXECINSTR;
  const code = { type: SHT.PROGBITS, flags };
  const tables = [
    { name: '.symtab', type: SHT.SYMTAB, link: 4, entrySize: 16, bytes: symbolTable(symbols) },
    { name: '.strtab', type: SHT.STRTAB, bytes: strings.bytes },
  ];
  const bytes = anElfFile([
    { name: '.text', ...code, virtualAddress: isLinked ? TEXT : 0, bytes: bytesOf(text) },
    { name: '.init', ...code, virtualAddress: isLinked ? 0x2000 : 0, bytes: bytesOf(init) },
    ...(names.length === 0 ? [] : tables),
  ]);
  new DataView(bytes.buffer).setUint16(16, type, true);
  return readElf(bytes);
}

function bytesOf(digits: string): Uint8Array {
  return Uint8Array.from(digits.split(' ').filter(Boolean), (byte) => Number.parseInt(byte, 16));
}

function listed(file: ElfFile, syntax: SyntaxName = 'att', limit: Limit = EDITOR_LIMIT): Listing {
  const work = list(file, { name: 'kernel', syntax, limit });
  for (;;) {
    const step = work.next();
    if (step.done === true) {
      return step.value;
    }
  }
}

const linesOf = ({ text }: Listing): string[] => text.split('\n');
const lineOf = (listing: Listing, part: string): number =>
  linesOf(listing).findIndex((line) => line.includes(part));

test('a listing has a head, each section its own, and below labels the instructions', () => {
  const file = aFile({
    text: 'e8 01 00 00 00 c3 55',
    init: 'f4',
    names: [
      { name: 'start', value: TEXT },
      { name: 'work', value: TEXT + 6 },
    ],
  });
  expect(listed(file).text).toBe(
    [
      '; kernel: executable for the i386, entry at 0x100000',
      '; 8 bytes of code in AT&T syntax',
      '',
      '; section 1 (.text): 0x1000 to 0x1006, 7 bytes',
      '',
      '<start>:',
      '1000:  e8 01 00 00 00           call   0x1006 <work>',
      '1005:  c3                       ret',
      '',
      '<work>:',
      '1006:  55                       push   %ebp',
      '',
      '; section 2 (.init): 0x2000 to 0x2000, 1 byte',
      '2000:  f4                       hlt',
      '',
    ].join('\n'),
  );
});

test('Intel syntax is there too', () => {
  expect(listed(aFile({ text: '89 45 f8' }), 'intel').text).toContain(
    'mov    DWORD PTR [ebp-0x8],eax\n',
  );
});

describe('a jump', () => {
  test('into a function is named by its distance from the label', () => {
    const file = aFile({ text: '90 eb fd', names: [{ name: 'spin', value: TEXT }] });
    expect(listed(file).text).toContain('jmp    0x1000 <spin>');
    const later = aFile({ text: '90 90 eb fd', names: [{ name: 'spin', value: TEXT }] });
    expect(listed(later).text).toContain('jmp    0x1001 <spin+0x1>');
  });

  test('leads to the line of its target', () => {
    const listing = listed(aFile({ text: '90 eb fd' }));
    expect(listing.targetOf(lineOf(listing, 'jmp'))).toBe(lineOf(listing, 'nop'));
  });

  test('leads into another section', () => {
    const file = aFile({
      text: 'e9 fb 0f 00 00',
      init: 'f4',
      names: [{ name: 'halt', value: 0x2000, section: 2 }],
    });
    const listing = listed(file);
    expect(listing.text).toContain('jmp    0x2000 <halt>');
    expect(listing.targetOf(lineOf(listing, 'jmp'))).toBe(lineOf(listing, 'hlt'));
  });

  test('into the midst of an instruction leads nowhere', () => {
    const listing = listed(aFile({ text: 'eb ff' }));
    expect(listing.targetOf(lineOf(listing, 'jmp'))).toBeUndefined();
  });

  test('of an object file stays in its section, though all begin at 0', () => {
    const file = aFile({
      text: 'f4',
      init: '90 eb fd',
      type: ET.REL,
      names: [
        { name: 'halt', value: 0 },
        { name: 'spin', value: 0, section: 2 },
      ],
    });
    const listing = listed(file);
    expect(listing.text).toContain('<spin>:\n   0:  90');
    expect(listing.text).toContain('jmp    0x0 <spin>');
    expect(listing.targetOf(lineOf(listing, 'jmp'))).toBe(lineOf(listing, 'nop'));
    expect(listing.text).toContain('; not linked yet:');
  });

  test('beyond its section has no name of it', () => {
    const file = aFile({ text: 'eb 70', names: [{ name: 'start', value: TEXT }] });
    expect(linesOf(listed(file)).at(-2)).toMatch(/jmp +0x1072$/);
  });
});

test('a label ends an instruction that does not end before it', () => {
  const file = aFile({ text: 'b8 90 90', names: [{ name: 'inside', value: TEXT + 1 }] });
  expect(linesOf(listed(file)).slice(4, -1)).toEqual([
    '1000:  b8                       .byte  0xb8',
    '',
    '<inside>:',
    '1001:  90                       nop',
    '1002:  90                       nop',
  ]);
});

test('of several names the function’s, then the global one names jumps; all are labels', () => {
  const listing = listed(
    aFile({
      text: 'eb fe',
      names: [
        { name: 'global_function', value: TEXT },
        { name: 'local_function', value: TEXT, info: 0x02 },
        { name: 'global_label', value: TEXT, info: NOTYPE },
      ],
    }),
  );
  expect(listing.text).toContain('<global_label>:\n<local_function>:\n<global_function>:\n');
  expect(listing.text).toContain('jmp    0x1000 <global_function>');
});

test('many zeros are one line, which leaves the zeros of the instruction after them', () => {
  const zeros = Array(18).fill('00').join(' ');
  const lines = linesOf(listed(aFile({ text: `${zeros} c0 90` })));
  expect(lines.slice(5, -1)).toEqual([
    '1000:  00 …                     16 zeros',
    '1010:  00 00                    add    %al,(%eax)',
    '1012:  c0                       .byte  0xc0',
    '1013:  90                       nop',
  ]);
});

test('entries tell which lines belong to a section and to a name in it', () => {
  const listing = listed(
    aFile({
      text: '90 90 c3 90',
      names: [
        { name: 'start', value: TEXT },
        { name: 'done', value: TEXT + 2, info: NOTYPE },
        { name: 'also_done', value: TEXT + 2, info: NOTYPE },
      ],
    }),
  );
  const [section] = listing.entries;
  expect(section).toMatchObject({ name: 'section 1 (.text)', kind: 'code' });
  const shown = section?.entries.map(({ name, kind, firstLine, lastLine }) => ({
    name,
    kind,
    lines: linesOf(listing)
      .slice(firstLine, lastLine + 1)
      .map((line) => line.slice(32)),
  }));
  expect(shown).toEqual([
    { name: 'start', kind: 'function', lines: ['', 'nop', 'nop'] },
    { name: 'done', kind: 'label', lines: [''] },
    { name: 'also_done', kind: 'label', lines: ['', 'ret', 'nop'] },
  ]);
});

test('a name takes one line, whatever is in it', () => {
  const name = `two\nlines\u202e${'x'.repeat(300)}`;
  const { entries } = listed(aFile({ text: '90', names: [{ name, value: TEXT }] }));
  expect(entries[0]?.entries[0]?.name).toBe(`two?lines?${'x'.repeat(190)}…`);
});

test('a listing that would be too long ends with a sentence', () => {
  const limit = { lines: 1000, characters: 1_000_000 };
  const text = Array(3000).fill('90').join(' ');
  const listing = listed(aFile({ text }), 'att', limit);
  expect(listing.shortfall).toBe(
    'Listed are the first 995 of 3,000 bytes of code: the limit is 1,000 lines.',
  );
  expect(linesOf(listing).at(-2)).toBe(`; ${listing.shortfall}`);
});

test('a long listing pauses on its way and tells how far it is', () => {
  const text = Array(5000).fill('90').join(' ');
  const work = list(aFile({ text }), { name: 'kernel', syntax: 'att', limit: EDITOR_LIMIT });
  expect(work.next()).toEqual({ done: false, value: { done: 2000, total: 5000 } });
  expect(work.next()).toEqual({ done: false, value: { done: 4000, total: 5000 } });
  expect(work.next().done).toBe(true);
});

test('where no section says what is code, whole segments are listed', () => {
  const segment = { type: PT.LOAD, flags: PF.X, virtualAddress: TEXT, memorySize: 1 };
  const { text } = listed(readElf(anElfFile([], [{ ...segment, bytes: bytesOf('f4') }])));
  expect(text).toContain('; no section says what is code');
  expect(text).toContain('; segment 0: 0x1000 to 0x1000, 1 byte\n1000:  f4');
});

test('a file without code is an error', () => {
  expect(() => listed(readElf(anElfFile([])))).toThrow(
    'There is no code in this file: no section or segment is executable.',
  );
});
