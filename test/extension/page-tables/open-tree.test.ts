/** A tree of which only open rows are held. */

import { beforeEach, describe, expect, test } from 'vitest';
import { OpenTree, type TreeRow } from '../../../extension/page-tables/open-tree.ts';

/** `a` and `b`, below each two tables with two pages, below each page a text. */
function row(id: string, depth = 0): TreeRow {
  const kinds = ['kernel', 'entry', 'entry', 'detail'] as const;
  const below = (): Promise<readonly TreeRow[]> =>
    Promise.resolve(['1', '2'].map((name) => row(`${id}.${name}`, depth + 1)));
  return {
    id,
    kind: kinds[depth] ?? 'detail',
    cells: () => [id],
    isBranch: depth < 2,
    span: [id.length * 10, id.length * 10 + 5],
    ...(depth < 3 ? { children: below } : {}),
  };
}

const roots = ['a', 'b'].map((id) => row(id));
let tree = new OpenTree();
const ids = (): string[] => tree.rows.map(({ row: { id } }) => id);

beforeEach(async () => {
  tree = new OpenTree();
  await tree.setRoots(roots);
});

test('is closed at first', () => {
  expect(ids()).toEqual(['a', 'b']);
  expect(tree.rows[1]).toMatchObject({ depth: 0, position: 2, siblings: 2, isOpen: false });
});

test('opens and closes a row, with all that is open below it', async () => {
  await tree.open(0);
  await tree.open(1);
  expect(ids()).toEqual(['a', 'a.1', 'a.1.1', 'a.1.2', 'a.2', 'b']);
  expect(tree.rows[2]).toMatchObject({ depth: 2, position: 1, siblings: 2 });
  tree.close(0);
  expect(ids()).toEqual(['a', 'b']);
});

test('opens down to each page, but not what is told of it', async () => {
  await tree.openAll(0);
  expect(ids()).toEqual(['a', 'a.1', 'a.1.1', 'a.1.2', 'a.2', 'a.2.1', 'a.2.2', 'b']);
});

test('keeps open at the next look what was open', async () => {
  await tree.open(1);
  await tree.setRoots(roots);
  expect(ids()).toEqual(['a', 'b', 'b.1', 'b.2']);
});

test('is closed again when it is to forget', async () => {
  await tree.open(1);
  tree.forget();
  await tree.setRoots(roots);
  expect(ids()).toEqual(['a', 'b']);
});

test('knows what a row is below', async () => {
  await tree.openAll(0);
  expect([0, 1, 3, 6, 7].map((index) => tree.parentOf(index))).toEqual([
    undefined,
    0,
    1,
    4,
    undefined,
  ]);
});

describe('a look that comes while a row opens', () => {
  test('wins', async () => {
    const opening = tree.open(0);
    await tree.setRoots([row('c')]);
    await opening;
    expect(ids()).toEqual(['c']);
  });
});

test('finds the innermost open row of an address', async () => {
  await tree.open(0);
  expect(tree.indexOfAddress(32)).toBe(2);
  expect(tree.indexOfAddress(7)).toBeUndefined();
});
