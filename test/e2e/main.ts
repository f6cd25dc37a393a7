/**
 * `npm run e2e`: the packaged extension in a real VS Code, in both hosts that extensions run in, as a user
 * would work with it. Pictures of each view are in out/e2e.
 */

import { existsSync } from 'node:fs';
import process from 'node:process';
import { CHROMIUM, type ExtensionHost } from './editor.ts';
import { installEditor, installedEditor } from './install.ts';
import { sampleFolder } from './sample.ts';
import { workThrough } from './scenario.ts';

const hosts: readonly ExtensionHost[] = ['node', 'web'];

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  if (!existsSync(CHROMIUM)) {
    console.log('SKIPPED: there is no chromium, so the extension is not tried in VS Code.');
    return words.includes('--install') ? 1 : 0;
  }
  const installed = words.includes('--install') ? installEditor() : installedEditor();
  if (installed === undefined) {
    console.log('SKIPPED: VS Code is not installed; "npm run e2e -- --install" does that.');
    return 0;
  }
  const wanted = hosts.filter((host) => !words.includes(`--not-${host}`));
  let failures = 0;
  for (const host of wanted) {
    const start = performance.now();
    const problem = await workThrough({ installed, folder: sampleFolder(), host });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${host} extension host: ${problem ?? 'all as expected'} (${seconds} s)`);
    failures += problem === undefined ? 0 : 1;
  }
  return failures === 0 ? 0 : 1;
}

process.exit(await main());
