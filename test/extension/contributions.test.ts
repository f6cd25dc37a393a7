/** What package.json declares to VS Code and what the code relies on are the same. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { SYNTAXES } from '../../debug-adapter/disassembly/listing.ts';
import {
  DISASSEMBLE_COMMAND,
  LISTING_EXTENSION,
  SYNTAX_SETTING,
} from '../../extension/contributions.ts';
import {
  breakpointsContribution,
  debuggerContribution,
  withLaunchTable,
} from '../../extension/manifest/debugger-contribution.ts';

const root = resolve(import.meta.dirname, '../..');
const manifest = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
const { commands, menus, configuration, languages, grammars } = manifest.contributes;

test('the command is declared, alone and in the Explorer', () => {
  expect(commands).toContainEqual(expect.objectContaining({ command: DISASSEMBLE_COMMAND }));
  expect(menus['explorer/context']).toMatchObject([{ command: DISASSEMBLE_COMMAND }]);
});

test('the syntax setting offers what a listing can be written in', () => {
  const {
    enum: values,
    enumDescriptions,
    default: unset,
  } = configuration.properties[SYNTAX_SETTING];
  expect(values).toEqual(SYNTAXES);
  expect(enumDescriptions).toHaveLength(SYNTAXES.length);
  expect(unset).toBe(SYNTAXES[0]);
});

test('a listing has the language whose colours are declared', () => {
  expect(languages).toMatchObject([{ extensions: [LISTING_EXTENSION] }]);
  expect(grammars).toMatchObject([{ language: languages[0].id }]);
});

test.each([
  'build.o',
  'xen.ko',
  'kernel.elf',
  'libc.so',
  'libc.so.6',
  'grub-i386-xen.bin',
  'vmlinux',
])('the Explorer offers the command on %s', (name) => {
  expect(extensionsOffered().test(extensionOf(name))).toBe(true);
});

test.each(['notes.txt', 'main.c', 'package.json', 'picture.png', 'README.md'])(
  'the Explorer does not offer the command on %s',
  (name) => {
    expect(extensionsOffered().test(extensionOf(name))).toBe(false);
  },
);

test('the extension runs in a browser: the same program, without a host of its own', () => {
  expect(manifest.browser).toBe(manifest.main);
  expect(manifest.scripts.build).toContain('--platform=neutral');
});

/** The regular expression in the menu's condition. */
function extensionsOffered(): RegExp {
  const [{ when }] = menus['explorer/context'];
  return new RegExp(/resourceExtname =~ \/(.*)\/$/.exec(when)?.[1] ?? 'none');
}

/** As VS Code's `resourceExtname`. */
const extensionOf = (name: string): string => /\.[^.]*$/.exec(name)?.[0] ?? '';

test('package.json says of the debugger what npm run fix writes', () => {
  expect(manifest.contributes.debuggers).toEqual([debuggerContribution()]);
  expect(manifest.contributes.breakpoints).toEqual(breakpointsContribution());
});

test('the README has the table of launch.json that npm run fix writes', () => {
  const readme = readFileSync(resolve(root, 'README.md'), 'utf8');
  expect(readme).toBe(withLaunchTable(readme));
});
