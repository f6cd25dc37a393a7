/** The address space of a guest that really runs: ranges, tables, pages, walks, and what is exported. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RowsWanted } from '../../../debug-adapter/custom-requests.ts';
import { allRanges, mapRows } from '../../../extension/page-tables/map-rows.ts';
import {
  mapAsCsv,
  mapAsText,
  mappingsExplanation,
  walkExplanation,
} from '../../../extension/page-tables/map-text.ts';
import { OpenTree, type TreeRow } from '../../../extension/page-tables/open-tree.ts';
import type { AskPage } from '../../../extension/page-tables/page-messages.ts';
import { Client, guestFile } from '../../debug-adapter/session/client.ts';

const FIRST_VCPU = { domain: 1, vcpu: 0 };
const client = new Client();
const ask: AskPage = (name, given) => client.ask(name, given);
let rows: readonly TreeRow[] = [];
let kernel: TreeRow | undefined;

beforeAll(async () => {
  await client.launch({ kernel: guestFile('timers'), memory: 64, stopOnEntry: true });
  await client.begin();
  const { domains } = await ask('ringside/machine', {});
  const format = domains.find(({ id }) => id === 1)?.tableFormat;
  rows = await mapRows(ask, FIRST_VCPU, format === 'pae');
  kernel = rows.find(({ kind }) => kind === 'kernel');
});

afterAll(() => client.dispose());

test('the ranges cover all addresses, without a gap', () => {
  expect(rows[0]?.span?.[0]).toBe(0);
  expect(rows.at(-1)?.span?.[1]).toBe(0xffff_ffff);
  for (const [index, { span }] of rows.entries()) {
    expect(span?.[0]).toBe(index === 0 ? 0 : (rows[index - 1]?.span?.[1] ?? 0) + 1);
  }
});

test('each range has one text for each column, and only holes have nothing below them', () => {
  expect(rows.map((each) => each.cells().length)).toEqual(rows.map(() => 5));
  expect(
    rows.filter(({ kind, children }) => (kind === 'hole') === (children !== undefined)),
  ).toEqual([]);
});

test('a range opens, table by table, to exactly its pages', async () => {
  const tree = new OpenTree();
  await tree.setRoots(rows);
  for (const [index, { row }] of [...tree.rows.entries()].reverse()) {
    if (row.kind === 'kernel') {
      await tree.openAll(index);
    }
  }
  const { ranges } = await allRanges(ask, FIRST_VCPU);
  const expected = ranges
    .filter(({ kind }) => kind === 'kernel')
    .reduce((sum, { pages }) => sum + pages, 0);
  const pages = tree.rows.filter(({ row }) => row.kind === 'entry' && row.isBranch === false);
  expect(pages).toHaveLength(expected);
  const ids = tree.rows.map(({ row }) => row.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a page tells its bits, and who maps its frame', async () => {
  let row = kernel;
  while (row?.isBranch === true) {
    row = (await row.children?.())?.[0];
  }
  const details = (await row?.children?.()) ?? [];
  expect(details[0]?.cells()[0]).toMatch(/^Entry 0x[0-9a-f]+ at 0x[0-9a-f]+, .*P \(present\)/);
  expect(details[1]?.cells()[0]).toMatch(/^Mapped by d1 at 0xc0000000, RW/);
});

describe('a walk', () => {
  test('is told level by level, to the machine address', async () => {
    const address = kernel?.span?.[0] ?? 0;
    const walk = await ask('ringside/walk', { ...FIRST_VCPU, address });
    const { heading, lines } = walkExplanation(walk);
    expect(heading).toBe('Walk of 0xc0000000 by d1 vCPU 0');
    expect(lines).toHaveLength(walk.levels.length + 2);
    expect(lines[0]).toMatch(/^CR3 names mfn 0x/);
    expect(lines.at(-1)).toMatch(/^Machine address 0x.*: a page of 4 KiB, writable/);
  });

  test('of a hole ends in the fault that it would be', async () => {
    const walk = await ask('ringside/walk', { ...FIRST_VCPU, address: 0x1000 });
    expect(walkExplanation(walk).lines.at(-1)).toMatch(/^Page fault, error code \d/);
  });
});

test('who maps a frame has the frame in its heading and each place in a line', async () => {
  const { root = 0 } = await allRanges(ask, FIRST_VCPU);
  const data = await ask('ringside/whoMaps', { frame: root });
  const { heading, lines } = mappingsExplanation(data);
  expect(heading).toContain(`mfn 0x${root.toString(16)}`);
  expect(lines).toHaveLength(1 + data.rows.length + data.grants.length);
});

describe('an export', () => {
  test('as CSV has as many fields in each line as in the first', async () => {
    const { ranges } = await allRanges(ask, FIRST_VCPU);
    const lines = mapAsCsv(ranges).trimEnd().split('\r\n');
    expect(lines).toHaveLength(ranges.length + 1);
    expect(new Set(lines.map((line) => line.split(',').length))).toEqual(new Set([12]));
  });

  test('as text has a line for each range below its title', async () => {
    const { ranges } = await allRanges(ask, FIRST_VCPU);
    const lines = mapAsText('Title', ranges).trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['Title', '']);
    expect(lines).toHaveLength(ranges.length + 2);
  });
});

test('so many pages of 4 KiB as 64 MB have are shown in 300 ms, and hold no more rows than ranges', async () => {
  const scattered: AskPage = (name, given) =>
    name === 'ringside/addressMap'
      ? (Promise.resolve(everyOtherPage(given as RowsWanted)) as never)
      : ask(name, given);
  const tree = new OpenTree();
  const began = performance.now();
  await tree.setRoots(await mapRows(scattered, FIRST_VCPU, true));
  expect(performance.now() - began).toBeLessThan(300);
  expect(tree.rows).toHaveLength(PAGES);
});

const PAGES = 16_384;

/** The worst map: no page has the rights of the one before. */
function everyOtherPage({ first = 0, count = 256 }: RowsWanted) {
  const length = Math.min(count, PAGES - first);
  const rows = Array.from({ length }, (_, offset) => {
    const start = 0xc000_0000 + (first + offset) * 4096;
    const isWritable = offset % 2 === 0;
    const rights = { isWritable, isExecutable: true, isGlobal: false, isContiguous: true };
    const page = { pageSize: 4096, pages: 1, machineStart: offset * 4096 };
    return { start, end: start + 4095, kind: 'kernel', ...rights, ...page };
  });
  return { rows, first, total: PAGES, root: 1, domain: 1, vcpu: 0, mappedPages: PAGES };
}
