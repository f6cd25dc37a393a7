/**
 * ELF notes in which a kernel describes itself to Xen's domain builder.
 *
 * They lie in the `PT_NOTE` segments; only where those hold none of Xen's, in `SHT_NOTE` sections.
 * Old linkers write a note segment at offset 0, which is the ELF header: it is passed over.
 *
 * Sources: `xen/include/public/elfnote.h`, `xen/common/libelf/libelf-dominfo.c`; the form of a note
 * is that of the System V Application Binary Interface, chapter 5, "Note Section".
 */

import { XEN_ELFNOTE } from '../abi/elfnote.ts';
import { nameOf } from '../abi/names.ts';
import type { BootClaims, PaeMode, ValidPattern } from './boot-claims.ts';
import { contentsOf, type ElfFile, type Part, PT, SHT } from './elf.ts';
import { hex, KernelError } from './kernel-error.ts';

/** A note whose name is "Xen". */
export interface XenNote {
  /** One of `XEN_ELFNOTE`, or a number that is not known here. */
  readonly type: number;
  readonly bytes: Uint8Array;
}

const HEADER_SIZE = 12;

/** The name of Xen's notes with its final zero. */
const XEN = [0x58, 0x65, 0x6e, 0];

/** As many notes as Xen reads; a file may name the same bytes again and again. */
const MOST_NOTES = 65_536;

/** As long as Xen lets a text be. */
const LONGEST_TEXT = 4096;

/** Xen's notes in the order of the file. */
export function xenNotesOf(file: ElfFile): readonly XenNote[] {
  const segments = file.segments.filter(({ type, offset }) => type === PT.NOTE && offset !== 0);
  const notes = notesOfParts(file, segments);
  if (notes.length > 0) {
    return notes;
  }
  return notesOfParts(
    file,
    file.sections.filter(({ type }) => type === SHT.NOTE),
  );
}

/** What the notes say; `undefined` without any. Of two notes of one type the later one counts. */
export function claimsOfNotes(file: ElfFile): BootClaims | undefined {
  const all = xenNotesOf(file);
  if (all.length === 0) {
    return undefined;
  }
  const notes = new Map(all.map((note) => [note.type, note]));
  const text = (type: number) => textOf(notes.get(type));
  const address = (type: number) => addressOf(notes.get(type));
  const hypercallPage = address(XEN_ELFNOTE.HYPERCALL_PAGE);
  return {
    format: 'elf notes',
    virtBase: address(XEN_ELFNOTE.VIRT_BASE),
    paddrOffset: address(XEN_ELFNOTE.PADDR_OFFSET),
    entry: address(XEN_ELFNOTE.ENTRY),
    hypercallPage: hypercallPage === undefined ? undefined : { address: hypercallPage },
    features: text(XEN_ELFNOTE.FEATURES),
    supportedFeatures: supportedFeaturesOf(notes.get(XEN_ELFNOTE.SUPPORTED_FEATURES)),
    paeMode: paeModeOf(text(XEN_ELFNOTE.PAE_MODE)),
    loader: text(XEN_ELFNOTE.LOADER),
    guestOs: text(XEN_ELFNOTE.GUEST_OS),
    guestVersion: text(XEN_ELFNOTE.GUEST_VERSION),
    xenVersion: text(XEN_ELFNOTE.XEN_VERSION),
    hvStartLow: address(XEN_ELFNOTE.HV_START_LOW),
    l1MfnValid: patternsOf(notes.get(XEN_ELFNOTE.L1_MFN_VALID)),
    suspendCancel: isSet(notes.get(XEN_ELFNOTE.SUSPEND_CANCEL)),
    modStartPfn: isSet(notes.get(XEN_ELFNOTE.MOD_START_PFN)),
    initP2m: integerOf(notes.get(XEN_ELFNOTE.INIT_P2M)),
    bsdSymtab: text(XEN_ELFNOTE.BSD_SYMTAB) === 'yes',
  };
}

function notesOfParts(file: ElfFile, parts: readonly Part[]): XenNote[] {
  const notes: XenNote[] = [];
  let left = MOST_NOTES;
  for (const part of parts) {
    for (const note of notesOf(file, part)) {
      left -= 1;
      if (left < 0) {
        throw new KernelError(`The file has more than ${MOST_NOTES} notes.`);
      }
      if (note.isOfXen) {
        notes.push({ type: note.type, bytes: note.bytes });
      }
    }
  }
  return notes;
}

/**
 * All notes of a part, whoever they are for. What is too short for a note at the end is padding.
 *
 * A note has to begin in its part and may run over the end, even over that of the file: the last
 * note of GRUB's image has 4 bytes and says that it has 12. As in Xen, what is there counts.
 */
function* notesOf(file: ElfFile, part: Part) {
  const { length } = contentsOf(file, part);
  const rest = file.bytes.subarray(part.offset);
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  let offset = 0;
  while (offset + HEADER_SIZE <= length) {
    const nameSize = view.getUint32(offset, true);
    const size = view.getUint32(offset + 4, true);
    const type = view.getUint32(offset + 8, true);
    const start = offset + HEADER_SIZE + roundedUp(nameSize);
    const name = rest.subarray(offset + HEADER_SIZE, offset + HEADER_SIZE + nameSize);
    const isOfXen = nameSize === XEN.length && XEN.every((byte, index) => name[index] === byte);
    yield { type, isOfXen, bytes: rest.subarray(start, start + size) };
    offset = start + roundedUp(size);
  }
}

/** The parts of a note are aligned to 4 bytes. */
function roundedUp(size: number): number {
  return Math.ceil(size / 4) * 4;
}

/** A text ends with a zero or with its note. */
function textOf(note: XenNote | undefined): string {
  if (note === undefined) {
    return '';
  }
  const end = note.bytes.indexOf(0);
  const text = end === -1 ? note.bytes : note.bytes.subarray(0, end);
  if (text.length > LONGEST_TEXT) {
    throw new KernelError(`${labelOf(note)} is a text of ${text.length} bytes.`);
  }
  return String.fromCharCode(...text);
}

function integerOf(note: XenNote | undefined): bigint | undefined {
  if (note === undefined) {
    return undefined;
  }
  const { bytes } = note;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (bytes.length) {
    case 4:
      return BigInt(view.getUint32(0, true));
    case 8:
      return view.getBigUint64(0, true);
  }
  throw new KernelError(`${labelOf(note)} is a number of ${bytes.length} bytes, not 4 or 8.`);
}

function addressOf(note: XenNote | undefined): number | undefined {
  const value = integerOf(note);
  if (note !== undefined && value !== undefined && value > 0xffff_ffffn) {
    throw new KernelError(`${labelOf(note)} is 0x${value.toString(16)}, more than 32 bits.`);
  }
  return value === undefined ? undefined : Number(value);
}

function isSet(note: XenNote | undefined): boolean {
  return (integerOf(note) ?? 0n) !== 0n;
}

/** Only the first word: there is one submap of features. */
function supportedFeaturesOf(note: XenNote | undefined): number {
  if (note === undefined) {
    return 0;
  }
  if (note.bytes.length < 4) {
    throw new KernelError(
      `${labelOf(note)} has ${note.bytes.length} bytes, not 4 for each submap.`,
    );
  }
  const { bytes } = note;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
}

/**
 * Pairs of a mask and a value, each as wide as a page-table entry. Kernels for PAE write 64 bits,
 * and a note of 8 bytes can then only be a pair of 32-bit words.
 */
function patternsOf(note: XenNote | undefined): ValidPattern[] {
  if (note === undefined) {
    return [];
  }
  const { bytes } = note;
  const width = bytes.length % 16 === 0 ? 8 : 4;
  if (bytes.length % (2 * width) !== 0 || bytes.length > LONGEST_TEXT) {
    throw new KernelError(`${labelOf(note)} has ${bytes.length} bytes, which are no pairs.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (offset: number) =>
    width === 8 ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
  return Array.from({ length: bytes.length / (2 * width) }, (_, index) => ({
    mask: word(index * 2 * width),
    value: word(index * 2 * width + width),
  }));
}

/** A note has no word for tables that must lie below 4 GB: plain "yes" is the extended form. */
function paeModeOf(text: string): PaeMode {
  if (text.includes('bimodal')) {
    return 'bimodal';
  }
  return text === 'yes' ? 'extended-cr3' : 'no';
}

function labelOf({ type }: XenNote): string {
  return `The note ${nameOf(XEN_ELFNOTE, type) ?? hex(type)}`;
}
