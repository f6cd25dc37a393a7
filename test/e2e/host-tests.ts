/**
 * Has a VS Code run the tests of `extension-host.ts` in one of its extension hosts.
 *
 * VS Code's own server is started, without what code-server puts around it: with the switch for smoke tests
 * it lets the address name an extension and its tests, and reports through two functions of the page.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { projectRoot } from '../conformance/project-root.ts';
import { answers, BROWSER_OPTIONS, type ExtensionHost, freePort, settingsFor } from './editor.ts';
import type { InstalledEditor } from './install.ts';

const PATIENCE = 180_000;

/** Answers what went wrong, in a sentence. */
export async function runHostTests(
  { node, server }: InstalledEditor,
  folder: string,
  host: ExtensionHost,
): Promise<string | undefined> {
  const home = mkdtempSync(join(tmpdir(), 'ringside-host-'));
  mkdirSync(join(home, 'data/User'), { recursive: true });
  writeFileSync(join(home, 'data/User/settings.json'), JSON.stringify(settingsFor(host)));
  const port = await freePort();
  const log = openSync(join(home, 'server.log'), 'w');
  const program = spawn(
    node,
    [
      ...[server, '--accept-server-license-terms', '--host', '127.0.0.1', '--port', `${port}`],
      ...['--without-connection-token', '--enable-smoke-test-driver', '--server-data-dir', home],
      ...['--user-data-dir', join(home, 'data'), '--extensions-dir', join(home, 'extensions')],
      ...['--telemetry-level', 'off', '--disable-workspace-trust'],
    ],
    { env: { ...process.env, HOME: home }, stdio: ['ignore', log, log] },
  );
  const address = `http://127.0.0.1:${port}`;
  const remote = (path: string) => `vscode-remote://127.0.0.1:${port}${path}`;
  const payload = [
    ...(host === 'web' ? [['extensionDevelopmentKind', 'web']] : []),
    ['extensionDevelopmentPath', remote(projectRoot())],
    ['extensionTestsPath', remote(join(projectRoot(), 'out/extension-host.cjs'))],
  ];
  try {
    await answers(`${address}/version`);
    const query = new URLSearchParams({ folder, payload: JSON.stringify(payload) });
    return await reported(`${address}/?${query}`, host);
  } finally {
    program.kill();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function reported(url: string, host: ExtensionHost): Promise<string | undefined> {
  const browser = await chromium.launch(BROWSER_OPTIONS);
  try {
    const page = await browser.newPage();
    const code = new Promise<number>((resolve, reject) => {
      void page.exposeFunction('codeAutomationExit', resolve);
      setTimeout(() => reject(new Error('The tests do not end.')), PATIENCE).unref();
    });
    await page.exposeFunction('codeAutomationLog', (_type: string, words: unknown[]) => {
      const line = words.map(String).join(' ');
      // VS Code has much to say besides.
      if (/^ {4}(?:ok|FAIL) /.test(line)) {
        console.log(line);
      }
    });
    await page.goto(url);
    try {
      return (await code) === 0 ? undefined : 'a test inside the extension host failed';
    } catch (error) {
      await page.screenshot({ path: join(projectRoot(), `out/e2e/failed-host-${host}.png`) });
      return error instanceof Error ? error.message : String(error);
    }
  } finally {
    await browser.close();
  }
}
