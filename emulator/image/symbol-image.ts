/**
 * The symbol table as NetBSD wants to find it: in memory, right after the kernel.
 *
 * A word with the size of what follows it, then a small ELF file with three sections: the null
 * section, the symbol table and its names. Each part begins on a multiple of 4.
 *
 * Source: `xen/common/libelf/libelf-loader.c`.
 */

import { contentsOf, type ElfFile, type Section, SHT } from './elf.ts';
import { KernelError } from './kernel-error.ts';

const SIZE_WORD = 4;
const HEADER_SIZE = 52;
const SECTION_HEADER_SIZE = 40;

/** The section numbers of the small file. */
const SYMBOLS = 1;
const NAMES = 2;
const SECTIONS = 3;

/** What to put after the kernel; `undefined` when the file has no symbol table. */
export function symbolImageOf(file: ElfFile): Uint8Array | undefined {
  const symbols = file.sections.find(({ type }) => type === SHT.SYMTAB);
  if (symbols === undefined) {
    return undefined;
  }
  const names = file.sections[symbols.link];
  if (names?.type !== SHT.STRTAB) {
    throw new KernelError(`The symbol table, ${symbols.label}, has no table of names.`);
  }
  // Offsets of the small file count from its header, which comes after the size.
  const symbolsOffset = HEADER_SIZE + SECTIONS * SECTION_HEADER_SIZE;
  const namesOffset = symbolsOffset + roundedUp(symbols.fileSize);
  const size = namesOffset + names.fileSize;
  const image = new Uint8Array(SIZE_WORD + roundedUp(size));
  const view = new DataView(image.buffer);
  view.setUint32(0, size, true);
  image.set(file.bytes.subarray(0, HEADER_SIZE), SIZE_WORD);
  writeHeader(new DataView(image.buffer, SIZE_WORD, HEADER_SIZE));
  writeSection(sectionHeader(image, SYMBOLS), symbols, symbolsOffset, NAMES);
  writeSection(sectionHeader(image, NAMES), names, namesOffset, names.link);
  image.set(contentsOf(file, symbols), SIZE_WORD + symbolsOffset);
  image.set(contentsOf(file, names), SIZE_WORD + namesOffset);
  return image;
}

/** Changes in the copied header what is different in the small file (gABI 4, "ELF Header"). */
function writeHeader(header: DataView): void {
  header.setUint32(20, 1, true);
  header.setUint32(28, 0, true);
  header.setUint32(32, HEADER_SIZE, true);
  header.setUint16(40, HEADER_SIZE, true);
  header.setUint16(42, 0, true);
  header.setUint16(44, 0, true);
  header.setUint16(46, SECTION_HEADER_SIZE, true);
  header.setUint16(48, SECTIONS, true);
  header.setUint16(50, 0, true);
}

/** gABI 4, "Section Header". The name is left empty, as there is no table to find it in. */
function writeSection(header: DataView, section: Section, offset: number, link: number): void {
  const { type, flags, virtualAddress, fileSize, info, entrySize } = section;
  [0, type, flags, virtualAddress, offset, fileSize, link, info, 1, entrySize].forEach(
    (value, index) => {
      header.setUint32(4 * index, value, true);
    },
  );
}

function sectionHeader(image: Uint8Array, index: number): DataView {
  const offset = SIZE_WORD + HEADER_SIZE + index * SECTION_HEADER_SIZE;
  return new DataView(image.buffer, offset, SECTION_HEADER_SIZE);
}

function roundedUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}
