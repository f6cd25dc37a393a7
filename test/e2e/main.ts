/**
 * `npm run e2e`: the packaged extension in a real VS Code, in both hosts that extensions run in: tests
 * beside it in the host, and a way through the editor as a user would go. Pictures are in out/e2e.
 *
 * `--install` installs VS Code where it is not; `--node` and `--web` try that host alone, `--beside` and
 * `--way` that part alone; `--handler`, `--views` and `--consoles` go only that part of the way.
 */

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { projectRoot } from '../conformance/project-root.ts';
import { CHROMIUM, type ExtensionHost, packagedExtension } from './editor.ts';
import { runHostTests } from './host-tests.ts';
import { type InstalledEditor, installEditor, installedEditor } from './install.ts';
import { sampleFolder } from './sample.ts';
import { WAY_NAMES, type WayName, workThrough } from './scenario.ts';

const hosts: readonly ExtensionHost[] = ['node', 'web'];
const MOST_PACKAGED = 2 << 20;
const MOST_LOADED = 96 << 10;

type Part = (
  installed: InstalledEditor,
  folder: string,
  host: ExtensionHost,
) => Promise<string | undefined>;

const parts: Readonly<Record<string, Part>> = {
  beside: runHostTests,
  way: (installed, folder, host) =>
    workThrough({ installed, folder, host }, chosen<WayName>(WAY_NAMES, process.argv.slice(2))),
};

/** Those of some names that the command line has, or all. */
const chosen = <Name extends string>(names: readonly Name[], words: readonly string[]): Name[] => {
  const wanted = names.filter((name) => words.includes(`--${name}`));
  return wanted.length === 0 ? [...names] : wanted;
};

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  const mustRun = words.includes('--install') || Boolean(process.env['CI']);
  if (!existsSync(CHROMIUM)) {
    console.log('SKIPPED: there is no chromium, so the extension is not tried in VS Code.');
    return mustRun ? 1 : 0;
  }
  const installed = mustRun ? installEditor() : installedEditor();
  if (installed === undefined) {
    console.log('SKIPPED: VS Code is not installed; "npm run e2e -- --install" does that.');
    return 0;
  }
  let failures = reportSizes();
  mkdirSync(join(projectRoot(), 'out/e2e'), { recursive: true });
  for (const host of chosen(hosts, words)) {
    for (const part of chosen(Object.keys(parts), words)) {
      const start = performance.now();
      const problem = await parts[part]?.(installed, sampleFolder(), host);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      console.log(`${host} extension host, ${part}: ${problem ?? 'as expected'} (${seconds} s)`);
      failures += problem === undefined ? 0 : 1;
    }
  }
  return failures === 0 ? 0 : 1;
}

/** What a user downloads, and what VS Code loads before anybody debugs, as that takes time. */
function reportSizes(): number {
  const sizes = [
    ['The package', packagedExtension(), MOST_PACKAGED],
    ['What is loaded at first', join(projectRoot(), 'out/extension.cjs'), MOST_LOADED],
  ] as const;
  let failures = 0;
  for (const [name, file, most] of sizes) {
    const { size } = statSync(file);
    console.log(`${name} has ${Math.ceil(size / 1024)} KiB of at most ${most / 1024}.`);
    failures += size > most ? 1 : 0;
  }
  return failures;
}

process.exit(await main());
