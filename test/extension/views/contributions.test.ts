/** What package.json declares of views and what the code registers are the same. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { commands, menus, views, viewsContainers, viewsWelcome } = manifest.contributes;

const code = ['views', 'page-tables']
  .flatMap((folder) =>
    readdirSync(join(root, 'extension', folder))
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readFileSync(join(root, 'extension', folder, name), 'utf8')),
  )
  .join('\n');

const PREFIX = 'ringside.views.';
const isOurs = ({ command }: { command: string }): boolean => command.startsWith(PREFIX);
const declared = commands.filter(isOurs).map(({ command }: { command: string }) => command);
const declaredViews = views['ringside-xen'].map(({ id }: { id: string }) => id);

/** In the order of the alphabet, each once. */
const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

test('each declared view has rows, and no other has', () => {
  const shown = [...code.matchAll(/view(?: =|:) '(ringside\.views\.\w+)'/g)].map(
    ([, id = '']) => id,
  );
  expect(sorted(shown)).toEqual(sorted(declaredViews));
});

test('each declared command is registered, and no other is', () => {
  const short = [...code.matchAll(/\bcommand\(\s*'(\w+)'/g)].map(([, name]) => `${PREFIX}${name}`);
  const long = [...code.matchAll(/registerCommand\('(ringside\.views\.\w+)'/g)].map(
    ([, name = '']) => name,
  );
  expect(sorted([...short, ...long])).toEqual(sorted(declared));
});

test('menus and welcomes name only what is declared', () => {
  const items: { command: string; when: string }[] = Object.values(menus).flat() as never;
  expect(items.filter(isOurs).filter(({ command }) => !declared.includes(command))).toEqual([]);
  const named = items.flatMap(({ when = '' }) => /view == (\S+)/.exec(when)?.[1] ?? []);
  const welcomed = viewsWelcome.map(({ view }: { view: string }) => view);
  const ours = [...named, ...welcomed].filter((id) => id.startsWith(PREFIX));
  expect(ours.filter((id) => !declaredViews.includes(id))).toEqual([]);
});

test('what acts on a row is not offered in the palette, where there is none', () => {
  const hidden = menus.commandPalette
    .filter(({ when }: { when: string }) => when === 'false')
    .map(({ command }: { command: string }) => command);
  const needsRow = ['whoMaps', 'whyNotDelivered', 'editNode', 'removeNode', 'goToCaller'];
  expect(sorted(hidden.filter((name: string) => name.startsWith(PREFIX)))).toEqual(
    sorted(needsRow.map((name) => `${PREFIX}${name}`)),
  );
});

test('files that a package must have are in it', () => {
  const [{ icon }] = viewsContainers.activitybar;
  expect(existsSync(join(root, icon))).toBe(true);
  expect(manifest.files).toEqual(expect.arrayContaining([icon, 'out/page-tables.*']));
  expect(manifest.scripts['build:page-tables']).toContain(
    'extension/page-tables/page/main.ts extension/page-tables/page/page.css',
  );
});
