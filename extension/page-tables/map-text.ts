/** Ranges, entries, walks and frames in words, for the page and for what is exported. */

import type {
  AddressMapData,
  FrameData,
  FrameMappingsData,
  TableData,
  TableLevel,
  WalkData,
} from '../../debug-adapter/custom-requests.ts';
import { address, counted, hexadecimal, memorySize } from '../views/figures.ts';

export type MapRange = AddressMapData['rows'][number];
export type TableEntry = TableData['rows'][number];
type FrameMapping = FrameMappingsData['rows'][number];

/** R is always so: whatever is mapped can be read. */
export function rightsText(range: MapRange): string {
  if (range.kind === 'hole') {
    return '';
  }
  return [
    'R',
    range.isWritable ? 'W' : '-',
    range.isExecutable ? 'X' : '-',
    range.kind === 'user' ? 'U' : '-',
    range.isGlobal ? 'G' : '-',
  ].join('');
}

export const spanText = ({ start, end }: MapRange): string => `${address(start)}–${address(end)}`;

export const rangeSize = ({ start, end }: MapRange): string => memorySize(end - start + 1);

export function pagesText({ pages, pageSize }: MapRange): string {
  return pageSize === 0 ? '' : `${counted(pages, 'page')} of ${memorySize(pageSize)}`;
}

export function machineText({ machineStart, isContiguous, pages }: MapRange): string {
  if (machineStart === undefined) {
    return '';
  }
  return `${hexadecimal(machineStart, 8)}${isContiguous || pages <= 1 ? '' : ', scattered'}`;
}

export const entryName = ({ name, index }: TableEntry): string => `${name}[${index}]`;

/** Machine frame and the guest's own number of it. */
export function framesText(entry: TableEntry): string {
  const { machineFrame, pseudoPhysicalFrame, frame } = entry;
  const machine = machineFrame ?? frame;
  const parts = [
    ...(machine === undefined ? [] : [`mfn ${hexadecimal(machine)}`]),
    ...(pseudoPhysicalFrame === undefined ? [] : [`pfn ${hexadecimal(pseudoPhysicalFrame)}`]),
  ];
  return parts.join(', ');
}

function ownerText({ owner }: FrameData): string {
  return owner.kind === 'domain' ? `d${owner.domain}` : owner.kind;
}

export function frameText(frame: FrameData | undefined): string {
  if (frame === undefined) {
    return '';
  }
  if (!frame.isRam) {
    return 'no RAM of this machine';
  }
  const { type, typeCount, references, purpose, isPinned } = frame;
  return [
    `${ownerText(frame)}: ${purpose ?? type}`,
    ...(purpose === undefined || purpose === type ? [] : [type]),
    `type count ${typeCount}`,
    counted(references, 'reference'),
    ...(isPinned ? ['pinned'] : []),
  ].join(', ');
}

/** Bytes that one entry of a level translates. */
export function entrySpan(level: TableLevel, isPae: boolean): number {
  switch (level) {
    case 1:
      return 2 ** 12;
    case 2:
      return isPae ? 2 ** 21 : 2 ** 22;
    case 3:
      return 2 ** 30;
  }
}

const BIT_MEANINGS: Readonly<Record<string, string>> = {
  P: 'present',
  RW: 'writable',
  US: 'user mode may use it',
  PWT: 'write-through',
  PCD: 'not cached',
  A: 'has been accessed',
  D: 'has been written',
  PS: 'maps a large page',
  PAT: 'page attribute table',
  G: 'global: kept when CR3 is loaded',
  NX: 'must not be executed',
};

export const bitsSentence = (names: readonly string[]): string =>
  names.length === 0
    ? 'no bit is set: not present'
    : names
        .map((name) =>
          BIT_MEANINGS[name] === undefined ? name : `${name} (${BIT_MEANINGS[name]})`,
        )
        .join(', ');

/** A heading and the lines below it. */
export interface Explanation {
  readonly heading: string;
  readonly lines: readonly string[];
}

/** Each level of a walk in a sentence or two, and what comes of it. */
export function walkExplanation(walk: WalkData): Explanation {
  const { domain, vcpu, root, levels, tableFormat } = walk;
  const begin =
    root === undefined
      ? 'The virtual processor has no page table yet.'
      : `CR3 names mfn ${hexadecimal(root)}; the tables are ${tableFormat === 'pae' ? 'PAE' : 'two-level'}.`;
  return {
    heading: `Walk of ${address(walk.address)} by d${domain} vCPU ${vcpu}`,
    lines: [begin, ...levels.map(levelLine), outcomeLine(walk.outcome)],
  };
}

function levelLine(entry: WalkData['levels'][number]): string {
  const { table, tableFrame, value, bitNames, isLarge, isXen } = entry;
  const names = framesText(entry);
  const leadsTo =
    names === ''
      ? ''
      : ` It names ${isLarge ? 'a large page at ' : ''}${names} (${frameText(entry.target)}).`;
  return (
    `${entryName(entry)} at ${hexadecimal(entry.address, 8)} in mfn ${hexadecimal(table)} (${frameText(tableFrame)}) ` +
    `is ${value}: ${bitsSentence(bitNames)}.${isXen ? ' The entry is the hypervisor’s own.' : ''}${leadsTo}`
  );
}

function outcomeLine(outcome: WalkData['outcome']): string {
  if (outcome.kind === 'fault') {
    const { errorCode, errorBits, reason } = outcome;
    return `Page fault, error code ${errorCode} (${errorBits.length === 0 ? 'no bits' : errorBits.join(' ')}): ${reason}`;
  }
  const { machineAddress, pseudoPhysicalAddress, pageSize } = outcome;
  const pseudo =
    pseudoPhysicalAddress === undefined
      ? ''
      : `, pseudo-physical ${hexadecimal(pseudoPhysicalAddress, 8)}`;
  const rights = [
    outcome.isWritable ? 'writable' : 'read only',
    outcome.isUser ? 'for user mode too' : 'for the kernel only',
    ...(outcome.isExecutable ? ['executable'] : ['not executable']),
    ...(outcome.isGlobal ? ['global'] : []),
  ];
  return `Machine address ${hexadecimal(machineAddress, 8)}${pseudo}: a page of ${memorySize(pageSize)}, ${rights.join(', ')}.`;
}

export function mappingText(mapping: FrameMapping): string {
  const { domain, root, isWritable, isUser, isExecutable, pageSize } = mapping;
  const rights = `R${isWritable ? 'W' : '-'}${isExecutable ? 'X' : '-'}${isUser ? 'U' : '-'}`;
  return `d${domain} at ${address(mapping.address)}, ${rights}, ${memorySize(pageSize)}, by the tables of mfn ${hexadecimal(root)}`;
}

export function mappingsExplanation(data: FrameMappingsData): Explanation {
  const { frame, rows, total, roots, grants, isCutOff } = data;
  const least = isCutOff ? 'at least ' : '';
  return {
    heading: `Who maps mfn ${hexadecimal(frame.frame)} (${frameText(frame)})`,
    lines: [
      `${least}${counted(total, 'mapping')} in ${counted(roots.length, 'address space')}.`,
      ...rows.map(mappingText),
      ...grants.map(({ domain, handle }) => `d${domain} by a grant, handle ${handle}`),
    ],
  };
}

/** A map as text, a range on each line. */
export function mapAsText(title: string, ranges: readonly MapRange[]): string {
  const lines = ranges.map((range) =>
    [
      spanText(range),
      rangeSize(range).padStart(10),
      range.kind.padEnd(10),
      rightsText(range).padEnd(5),
      pagesText(range).padEnd(24),
      machineText(range),
    ]
      .join('  ')
      .trimEnd(),
  );
  return `${[title, '', ...lines].join('\n')}\n`;
}

const CSV_COLUMNS =
  'start,end,bytes,kind,writable,executable,user,global,page size,pages,machine start,contiguous';

/** The same as RFC 4180 has tables; addresses in hexadecimal. */
export function mapAsCsv(ranges: readonly MapRange[]): string {
  const lines = ranges.map((range) =>
    [
      address(range.start),
      address(range.end),
      range.end - range.start + 1,
      range.kind,
      range.isWritable,
      range.isExecutable,
      range.kind === 'user',
      range.isGlobal,
      range.pageSize,
      range.pages,
      range.machineStart === undefined ? '' : hexadecimal(range.machineStart, 8),
      range.isContiguous,
    ].join(','),
  );
  return `${[CSV_COLUMNS, ...lines].join('\r\n')}\r\n`;
}
