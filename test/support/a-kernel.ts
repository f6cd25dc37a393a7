import { XEN_ELFNOTE } from '../../emulator/abi/elfnote.ts';
import { PF, PT, SHT } from '../../emulator/image/elf.ts';
import { anElfFile, type SectionPlan, type SegmentPlan } from './an-elf-file.ts';

/** What a note holds: a text, a number of 4 bytes, one of 8, or bytes as they are. */
export type NoteValue = string | number | bigint | Uint8Array;

export type NoteName = keyof typeof XEN_ELFNOTE;

/** The least that a kernel has to say, as XTF says it. */
export const necessaryNotes: Partial<Record<NoteName, NoteValue>> = {
  GUEST_OS: 'XTF',
  GUEST_VERSION: '0',
  LOADER: 'generic',
  XEN_VERSION: 'xen-3.0',
  PAE_MODE: 'yes',
};

/** A segment of memory at 1 MiB, as large as the probe's in the recordings. */
export const probeSegment: SegmentPlan = {
  type: PT.LOAD,
  flags: PF.R | PF.W | PF.X,
  virtualAddress: 0x10_0000,
  memorySize: 0x2_1000,
  bytes: Uint8Array.of(0xeb, 0xfe, 0xf4),
};

export interface KernelPlan {
  /** Over the necessary ones; `undefined` takes one away. */
  readonly notes?: { readonly [name in NoteName]?: NoteValue | undefined };

  /** The text of a section `__xen_guest` in the place of notes. */
  readonly legacy?: string;
  readonly segments?: readonly SegmentPlan[];
  readonly sections?: readonly SectionPlan[];
  readonly entry?: number;
}

/** An ELF file for readers of kernels; with nothing said, what the recorded probe is. */
export function aKernel(plan: KernelPlan = {}): Uint8Array {
  const { legacy, segments = [probeSegment], sections = [], entry = 0x10_0000 } = plan;
  const notes = { ...necessaryNotes, ...plan.notes };
  const noteSegment: SegmentPlan = {
    type: PT.NOTE,
    flags: PF.R,
    virtualAddress: 0,
    memorySize: 0,
    bytes: noteBytes(notes),
  };
  const guestSection: SectionPlan = {
    name: '__xen_guest',
    type: SHT.PROGBITS,
    bytes: new TextEncoder().encode(`${legacy}\0`),
  };
  const file =
    legacy === undefined
      ? anElfFile(sections, [...segments, noteSegment])
      : anElfFile([guestSection, ...sections], segments);
  new DataView(file.buffer).setUint32(24, entry, true);
  return file;
}

/** Notes of Xen one after another. */
export function noteBytes(
  notes: {
    readonly [name in NoteName]?: NoteValue | undefined;
  },
): Uint8Array {
  return joined(
    Object.entries(notes).flatMap(([name, value]) =>
      value === undefined ? [] : [aNote('Xen', XEN_ELFNOTE[name as NoteName], value)],
    ),
  );
}

/** One note with any name and type. */
export function aNote(name: string, type: number, value: NoteValue): Uint8Array {
  const nameBytes = new TextEncoder().encode(`${name}\0`);
  const bytes = valueBytes(value);
  const nameRoom = Math.ceil(nameBytes.length / 4) * 4;
  const note = new Uint8Array(12 + nameRoom + Math.ceil(bytes.length / 4) * 4);
  const view = new DataView(note.buffer);
  view.setUint32(0, nameBytes.length, true);
  view.setUint32(4, bytes.length, true);
  view.setUint32(8, type, true);
  note.set(nameBytes, 12);
  note.set(bytes, 12 + nameRoom);
  return note;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function valueBytes(value: NoteValue): Uint8Array {
  switch (typeof value) {
    case 'string':
      return new TextEncoder().encode(`${value}\0`);
    case 'number':
      return new Uint8Array(Uint32Array.of(value).buffer);
    case 'bigint':
      return new Uint8Array(BigUint64Array.of(value).buffer);
    default:
      return value;
  }
}
