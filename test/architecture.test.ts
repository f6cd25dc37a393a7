/**
 * Who may know whom, and what may stand where: the rules of the project that no tool checks.
 *
 * Rules look at paths and text alone, so each is also tried on a planted violation.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

interface SourceFile {
  /** From the root of the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Each complaint is a sentence; none means that the file keeps the rule. */
type Rule = (file: SourceFile) => string[];

/**
 * A component may import itself and what stands beside it here; a package is named as imported.
 * Folders of the emulator and its files at the top are components each.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'emulator/assert.ts': [],
  'emulator/plain-data.ts': [],
  'emulator/webassembly.d.ts': [],
  'emulator/wasm': [],
  'emulator/abi': ['emulator/assert.ts'],
  'emulator/memory': ['emulator/assert.ts'],
  'emulator/cpu': ['emulator/assert.ts', 'emulator/memory', 'emulator/wasm'],
  'emulator/image': ['emulator/assert.ts', 'emulator/abi'],
  'emulator/devices': ['emulator/assert.ts', 'emulator/abi'],
  'emulator/bare-metal': ['emulator/assert.ts', 'emulator/memory', 'emulator/cpu'],
  'emulator/xenstore': ['emulator/assert.ts', 'emulator/abi'],
  'emulator/hypervisor': [
    'emulator/assert.ts',
    'emulator/plain-data.ts',
    'emulator/abi',
    'emulator/memory',
    'emulator/cpu',
    'emulator/image',
  ],
  'emulator/introspection': [
    'emulator/abi',
    'emulator/cpu',
    'emulator/hypervisor',
    'emulator/memory',
  ],
  'emulator/machine': [
    'emulator/abi',
    'emulator/assert.ts',
    'emulator/plain-data.ts',
    'emulator/abi',
    'emulator/cpu',
    'emulator/devices',
    'emulator/hypervisor',
    'emulator/image',
    'emulator/memory',
    'emulator/xenstore',
  ],
  'debug-adapter': ['emulator', '@vscode/debugprotocol'],
  'debug-adapter/kernel-file/gzip.ts': ['debug-adapter', 'fflate'],
  'debug-adapter/main.ts': ['debug-adapter', 'emulator', 'node:'],
  'debug-adapter/program': ['debug-adapter', 'emulator', 'node:'],
  'debug-adapter/symbols/dwarf/debug-sections.ts': ['debug-adapter', 'emulator', 'fflate'],
  'debug-adapter/prepare/main.ts': ['emulator', 'node:'],
  extension: ['debug-adapter', 'vscode'],
  'extension/manifest/debugger-contribution.ts': ['debug-adapter'],
  'extension/manifest/main.ts': ['extension', 'node:'],
  test: [
    ...['extension', 'debug-adapter', 'emulator', 'fast-check', 'node:', 'v86', 'vitest'],
    ...['@vscode/debugprotocol', '@vscode/debugadapter-testsupport', 'playwright-core'],
  ],
};

/** A run of the machine is a function of its inputs: what could make two runs differ stays out. */
const hostFacilities: Readonly<Record<string, RegExp>> = {
  'a clock': /(?<![.\w$#])(?:Date|performance)\b/,
  dice: /\bMath\s*\.\s*random\b|(?<![.\w$#])(?:crypto|WeakRef|FinalizationRegistry)\b/,
  'a timer': /(?<![.\w$#])(?:(?:set|clear)(?:Timeout|Interval|Immediate)|queueMicrotask)\b/,
  asynchrony: /(?<![.\w$#])(?:async|await|Promise)\b/,
  'a console': /(?<![.\w$#])console\s*\./,
  'the DOM': /(?<![.\w$#])(?:(?:document|window|navigator)\s*\.|requestAnimationFrame\b)/,
  'the host': /(?<![.\w$#])(?:(?:process|globalThis)\s*\.|(?:require|eval)\s*\()/,
};

const commentOrString =
  /\/\/.*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;

const namelessFolders = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'shared', 'lib'];

const topLevel = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'extension',
  'debug-adapter',
  'emulator',
  'test',
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'LICENSE',
];

const importsOnlyWhatItMay: Rule = (file) => {
  const component = componentOf(file.path);
  const allowed = mayImport[component];
  if (allowed === undefined) {
    return [`${component} has no row in the table of who may import whom`];
  }
  return importsOf(file)
    .filter((target) => ![component, ...allowed].some((prefix) => isWithin(target, prefix)))
    .map((target) => `${file.path} imports ${target}`);
};

const emulatorHasNoHost: Rule = (file) => {
  if (!isWithin(file.path, 'emulator')) {
    return [];
  }
  const code = withoutText(file.text);
  return Object.entries(hostFacilities)
    .filter(([, pattern]) => pattern.test(code))
    .map(([facility]) => `${file.path} uses ${facility}`);
};

const foldersSayWhatTheyHold: Rule = (file) =>
  file.path
    .split('/')
    .slice(0, -1)
    .filter((folder) => namelessFolders.includes(folder))
    .map((folder) => `${file.path} lies in ${folder}/, which says nothing of what is in it`);

const namesNoMachineOfOurs: Rule = (file) =>
  /\/work\//.test(file.text) ? [`${file.path} names a folder of one developer's machine`] : [];

const topLevelIsShort: Rule = (file) => {
  const [first = ''] = file.path.split('/');
  return first.startsWith('.') || topLevel.includes(first)
    ? []
    : [`${first} does not belong at the top level`];
};

const files = filesBelow(resolve(import.meta.dirname, '..'));
const sources = files.filter(({ path }) => path.endsWith('.ts'));

test.each([
  { says: 'a component imports only what the table allows', rule: importsOnlyWhatItMay },
  { says: 'the emulator has no clock, no dice and no host', rule: emulatorHasNoHost },
])('$says', ({ rule }) => {
  expect(sources.flatMap(rule)).toEqual([]);
});

test.each([
  { says: 'every folder is named for what it holds', rule: foldersSayWhatTheyHold },
  { says: 'no file names a folder of a developer’s machine', rule: namesNoMachineOfOurs },
  { says: 'the top level holds the components and the usual documents', rule: topLevelIsShort },
])('$says', ({ rule }) => {
  expect(files.flatMap(rule)).toEqual([]);
});

test.each([
  'emulator/cpu',
  'emulator/memory',
  'emulator/wasm',
  'debug-adapter',
  'extension',
  'test',
])('the scan sees the sources of %s', (component) => {
  const seen = sources.filter(({ path }) => componentOf(path) === component);
  expect(seen.length).toBeGreaterThan(0);
});

test('the scan sees the imports of this very file', () => {
  const itself = sources.filter(({ path }) => path === 'test/architecture.test.ts');
  expect(itself.flatMap(importsOf)).toEqual(['node:fs', 'node:path', 'vitest']);
});

describe('a planted violation is found:', () => {
  test.each([
    ['emulator/cpu/decoder.ts', "import { x } from '../../debug-adapter/session.ts';"],
    ['emulator/cpu/decoder.ts', "import { x } from '../bare-metal/machine.ts';"],
    ['emulator/cpu/decoder.ts', "import type {\n  X,\n} from '../index.ts';"],
    ['emulator/cpu/decoder.ts', 'import fs from "node:fs";'],
    ['emulator/memory/ram.ts', "import { x } from '../cpu/flags.ts';"],
    ['emulator/wasm/code.ts', "import { x } from '../memory/ram.ts';"],
    ['emulator/bare-metal/machine.ts', "export { x } from '../wasm/code.ts';"],
    ['emulator/assert.ts', "import { x } from './cpu/flags.ts';"],
    ['emulator/new-file.ts', "import { x } from './cpu/flags.ts';"],
    ['emulator/new-folder/a.ts', ''],
    ['debug-adapter/session.ts', "import { x } from '../extension/activate.ts';"],
    ['debug-adapter/session.ts', "import * as vscode from 'vscode';"],
    ['debug-adapter/disassembly/labels.ts', "import 'node:fs';"],
    ['debug-adapter/session.ts', "const fs = await import('node:fs');"],
    ['extension/activate.ts', "import { x } from '../emulator/cpu/flags.ts';"],
    ['test/emulator/cpu.test.ts', "import _ from 'lodash';"],
  ])('%s: %s', (path, text) => {
    expect(importsOnlyWhatItMay({ path, text })).toHaveLength(1);
  });

  test.each([
    'const start = Date.now();',
    'const start = performance.now();',
    'const roll = Math.random();',
    'crypto.getRandomValues(bytes);',
    'setTimeout(next, 10);',
    'queueMicrotask(next);',
    'async function run() {}',
    'return Promise.resolve(machine);',
    'console.log(machine);',
    'document.title = name;',
    'process.exit(1);',
    "const fs = require('fs');",
    `const text = ${template('at ', 'Date.now()')};`,
  ])('%s', (text) => {
    expect(emulatorHasNoHost({ path: 'emulator/cpu/a.ts', text })).toHaveLength(1);
  });

  test('a folder that says nothing of what is in it', () => {
    expect(foldersSayWhatTheyHold({ path: 'emulator/utils/bits.ts', text: '' })).toHaveLength(1);
  });

  test('a folder of a developer’s machine', () => {
    const text = `see ${['', 'work', 'notes.md'].join('/')}`;
    expect(namesNoMachineOfOurs({ path: 'README.md', text })).toHaveLength(1);
  });

  test('a stray file at the top level', () => {
    expect(topLevelIsShort({ path: 'build.js', text: '' })).toHaveLength(1);
  });
});

describe('what looks like a violation and is none is let through:', () => {
  test.each([
    '// Unlike Date, guest time is counted.',
    '/* setTimeout( would be\n   a timer */',
    "const sentence = 'console. Promise. It\\'s Math.random';",
    `const sentence = ${template('a Date of ', 'guestTime')};`,
    'machine.console.write(byte);',
    'const { updates, asyncs } = process;',
  ])('%s', (text) => {
    expect(emulatorHasNoHost({ path: 'emulator/cpu/a.ts', text })).toEqual([]);
  });

  test('an import inside a comment', () => {
    const text = "// as in: import { x } from '../index.ts';";
    expect(importsOnlyWhatItMay({ path: 'emulator/cpu/a.ts', text })).toEqual([]);
  });

  test('node’s modules in the main file of the debug adapter', () => {
    const text = "import { stdin } from 'node:process';\nimport { serve } from './session.ts';";
    expect(importsOnlyWhatItMay({ path: 'debug-adapter/main.ts', text })).toEqual([]);
  });
});

test('every dependency is pinned to one version', () => {
  const manifest = files.find(({ path }) => path === 'package.json')?.text ?? '';
  const { dependencies, devDependencies } = JSON.parse(manifest);
  const versions = Object.values<string>({ ...dependencies, ...devDependencies });
  expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

/** The text of a template string, which no plain string of this file may look like. */
function template(text: string, inserted: string): string {
  return `\`${text}\${${inserted}}\``;
}

/** The row of the table that holds for a file. */
function componentOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  if (mayImport[path] !== undefined) {
    return path;
  }
  const isComponent = top === 'emulator' || mayImport[`${top}/${second}`] !== undefined;
  return isComponent ? `${top}/${second}` : top;
}

/** What a file imports: a path from the root of the project, or the name of a package. */
function importsOf({ path, text }: SourceFile): string[] {
  return [...text.matchAll(commentOrString)]
    .filter(({ index }) =>
      /\b(?:from|import)\s*\(?\s*$/.test(text.slice(Math.max(0, index - 40), index)),
    )
    .map(([quoted]) => quoted.slice(1, -1))
    .map((name) => (name.startsWith('.') ? posix.join(posix.dirname(path), name) : name));
}

function isWithin(target: string, prefix: string): boolean {
  return target === prefix || target.startsWith(prefix.endsWith(':') ? prefix : `${prefix}/`);
}

/** Leaves the code only: neither comments nor strings, but what is inserted into a template. */
function withoutText(text: string): string {
  return text.replace(commentOrString, (found) =>
    found.startsWith('`') ? (found.match(/\$\{[^}]*\}/g) ?? []).join(' ') : "''",
  );
}

/** The project's own files, without what is installed or built. */
function filesBelow(root: string): SourceFile[] {
  const isOurs = (path: string) => !/(?:^|\/)(?:node_modules|out|\.git)(?:\/|$)/.test(path);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => isOurs(path) && statSync(join(root, path)).isFile())
    .map((path) => ({ path, text: readFileSync(join(root, path), 'latin1') }));
}
