/** A section of an ELF file under construction; what is left out is 0. */
export interface SectionPlan {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly virtualAddress?: number;
  readonly link?: number;
  readonly info?: number;
  readonly entrySize?: number;
  readonly bytes?: Uint8Array;

  /** For a section that takes no room in the file. */
  readonly size?: number;
}

export interface SegmentPlan {
  readonly type: number;
  readonly flags: number;
  readonly virtualAddress: number;
  readonly memorySize: number;
  readonly bytes: Uint8Array;
}

export interface SymbolPlan {
  readonly name: number;
  readonly value?: number;
  readonly size?: number;
  readonly info?: number;
  readonly section: number;
}

/**
 * Lays out an i386 ELF file: header, contents, program headers, section headers.
 *
 * The null section comes first and the table of section names last, both by themselves.
 */
export function anElfFile(
  sections: readonly SectionPlan[],
  segments: readonly SegmentPlan[] = [],
): Uint8Array {
  const names = stringTable(['.shstrtab', ...sections.map(({ name }) => name)]);
  const all: SectionPlan[] = [
    { name: '', type: 0 },
    ...sections,
    { name: '.shstrtab', type: 3, bytes: names.bytes },
  ];
  const chunks: Uint8Array[] = [new Uint8Array(52)];
  const end = () => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const place = (bytes: Uint8Array) => {
    const offset = end();
    chunks.push(bytes);
    return offset;
  };
  const sectionHeaders = all.map((section) =>
    words([
      section.name === '' ? 0 : names.offsetOf(section.name),
      section.type,
      section.flags ?? 0,
      section.virtualAddress ?? 0,
      place(section.bytes ?? new Uint8Array(0)),
      section.size ?? section.bytes?.length ?? 0,
      section.link ?? 0,
      section.info ?? 0,
      1,
      section.entrySize ?? 0,
    ]),
  );
  const segmentHeaders = segments.map(({ type, flags, virtualAddress, memorySize, bytes }) =>
    words([type, place(bytes), virtualAddress, virtualAddress, bytes.length, memorySize, flags, 1]),
  );
  const segmentTable = segments.length === 0 ? 0 : end();
  segmentHeaders.forEach(place);
  const sectionTable = end();
  sectionHeaders.forEach(place);
  const file = new Uint8Array(end());
  chunks.reduce((offset, chunk) => {
    file.set(chunk, offset);
    return offset + chunk.length;
  }, 0);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const view = new DataView(file.buffer);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  [1, 0x10_0000, segmentTable, sectionTable].forEach((value, i) => {
    view.setUint32(20 + 4 * i, value, true);
  });
  [52, 32, segments.length, 40, all.length, all.length - 1].forEach((value, i) => {
    view.setUint16(40 + 2 * i, value, true);
  });
  return file;
}

/** The contents of a symbol table; as any, it begins with the null symbol. */
export function symbolTable(symbols: readonly SymbolPlan[]): Uint8Array {
  const all: SymbolPlan[] = [{ name: 0, section: 0 }, ...symbols];
  const rows = all.map(({ name, value = 0, size = 0, info = 0, section }) =>
    words([name, value, size, info | (section << 16)]),
  );
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}

/** Names one after another, each ended by a zero, after an empty one. */
export function stringTable(names: readonly string[]) {
  const text = `\0${names.join('\0')}\0`;
  return {
    bytes: new TextEncoder().encode(text),
    offsetOf: (name: string) => text.indexOf(`\0${name}\0`) + 1,
  };
}

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
