/** The rows of the address space: ranges, below them the entries of each table, and what they name. */

import type { TableLevel } from '../../debug-adapter/custom-requests.ts';
import { address, memorySize } from '../views/figures.ts';
import {
  bitsSentence,
  entryName,
  entrySpan,
  framesText,
  frameText,
  type MapRange,
  machineText,
  mappingText,
  pagesText,
  rangeSize,
  rightsText,
  spanText,
  type TableEntry,
} from './map-text.ts';
import type { TreeRow } from './open-tree.ts';
import type { AskPage, VcpuChoice } from './page-messages.ts';

/** Above the columns of the rows. */
export const COLUMNS = ['Addresses', 'Size', 'Rights', 'Machine', 'What is there'] as const;

/** As many as one answer may have. */
const PAGE = 4096;

/** A guest with more ranges than this gets no more of them shown. */
const MOST_RANGES = 262_144;

const HIGHEST = 0xffff_ffff;

interface AddressSpace extends VcpuChoice {
  readonly root: number | undefined;
  readonly isPae: boolean;
}

/** All ranges of an address space, in as many answers as it takes. */
export async function allRanges(
  ask: AskPage,
  { domain, vcpu }: VcpuChoice,
): Promise<{ readonly root: number | undefined; readonly ranges: readonly MapRange[] }> {
  const ranges: MapRange[] = [];
  for (;;) {
    const wanted = { domain, vcpu, first: ranges.length, count: PAGE };
    const { rows, total, root } = await ask('ringside/addressMap', wanted);
    ranges.push(...rows);
    if (rows.length === 0 || ranges.length >= Math.min(total, MOST_RANGES)) {
      return { root, ranges };
    }
  }
}

export async function mapRows(
  ask: AskPage,
  choice: VcpuChoice,
  isPae: boolean,
): Promise<readonly TreeRow[]> {
  const { root, ranges } = await allRanges(ask, choice);
  const space = { ...choice, root, isPae };
  return ranges.map((range) => rangeRow(ask, space, range));
}

function rangeRow(ask: AskPage, space: AddressSpace, range: MapRange): TreeRow {
  const { kind, start, end } = range;
  const { root, isPae } = space;
  const isMapped = kind !== 'hole' && root !== undefined;
  const level: TableLevel = isPae ? 3 : 2;
  return {
    id: `${start}`,
    kind,
    cells: () => rangeCells(range),
    isBranch: true,
    span: [start, end],
    ...(isMapped
      ? { children: () => entryRows(ask, space, { frame: root, level, linear: 0, start, end }) }
      : {}),
  };
}

function rangeCells(range: MapRange): readonly string[] {
  const what = [range.kind === 'hole' ? 'not mapped' : range.kind, pagesText(range)];
  return [
    spanText(range),
    rangeSize(range),
    rightsText(range),
    machineText(range),
    what.filter((text) => text !== '').join(', '),
  ];
}

interface TableWanted {
  readonly frame: number;
  readonly level: TableLevel;
  /** The first address that the table translates. */
  readonly linear: number;
  /** Entries that translate none of these are left out. */
  readonly start: number;
  readonly end: number;
}

/** Present entries of a table that translate some of a range. */
async function entryRows(
  ask: AskPage,
  space: AddressSpace,
  table: TableWanted,
): Promise<readonly TreeRow[]> {
  const { domain, isPae } = space;
  const { frame, level, linear, start, end } = table;
  const wanted = { domain, frame, level, linear, presentOnly: true, count: PAGE };
  const { rows } = await ask('ringside/tableEntries', wanted);
  const size = entrySpan(level, isPae);
  return rows
    .filter(({ linear: at = 0 }) => at <= end && at + size - 1 >= start)
    .map((entry) => entryRow(ask, space, entry, table));
}

function entryRow(
  ask: AskPage,
  space: AddressSpace,
  entry: TableEntry,
  { start, end, frame }: TableWanted,
): TreeRow {
  const { level, linear = 0, isLarge, bitNames, value, isXen, target } = entry;
  const size = entrySpan(level, space.isPae);
  const named = entry.machineFrame ?? entry.frame;
  const isTable = level > 1 && !isLarge;
  const id = `${start}/${frame}/${entry.index}`;
  const next = (level - 1) as TableLevel;
  const below = { linear, start, end, level: next };
  const last = Math.min(HIGHEST, linear + size - 1);
  return {
    id,
    kind: 'entry',
    cells: () => [
      `${address(linear)} ${entryName(entry)}`,
      isTable ? 'table' : memorySize(size),
      bitNames.join(' '),
      framesText(entry),
      `${isXen ? 'Xen’s own, ' : ''}${frameText(target)}`,
    ],
    title: () => `${value}: ${bitsSentence(bitNames)}`,
    isBranch: isTable,
    span: [linear, last],
    ...(named === undefined
      ? {}
      : {
          children: () =>
            isTable
              ? entryRows(ask, space, { ...below, frame: named })
              : detailRows(ask, id, entry, named),
        }),
  };
}

/** What is told of a page: its entry bit by bit, and who else maps its frame. */
async function detailRows(
  ask: AskPage,
  id: string,
  { value, bitNames, address: at, table }: TableEntry,
  frame: number,
): Promise<readonly TreeRow[]> {
  const { rows, grants, total, isCutOff } = await ask('ringside/whoMaps', { frame });
  const texts = [
    `Entry ${value} at ${address(at)}, in mfn 0x${table.toString(16)}: ${bitsSentence(bitNames)}`,
    ...rows.map((mapping) => `Mapped by ${mappingText(mapping)}`),
    ...grants.map(({ domain, handle }) => `Mapped by d${domain} through a grant, handle ${handle}`),
    ...(isCutOff || total > rows.length ? [`Mapped at ${total} places or more`] : []),
  ];
  return texts.map((text, index) => ({
    id: `${id}/detail ${index}`,
    kind: 'detail',
    cells: () => [text],
  }));
}
