/** A real VS Code with the packaged extension, opened in a browser without a screen. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { projectRoot } from '../conformance/project-root.ts';
import type { InstalledEditor } from './install.ts';

export const CHROMIUM = '/usr/bin/chromium';

/** In which host the extension runs: a Node.js, or a worker of the browser. */
export type ExtensionHost = 'node' | 'web';

const SETTINGS = {
  'workbench.startupEditor': 'none',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'chat.disableAIFeatures': true,
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'workbench.tips.enabled': false,
  'extensions.ignoreRecommendations': true,
  'update.mode': 'none',
  'git.enabled': false,
  'remote.autoForwardPorts': false,
  'debug.toolBarLocation': 'docked',
  'window.commandCenter': false,
  'editor.minimap.enabled': false,
};

export interface EditorOptions {
  readonly installed: InstalledEditor;
  readonly folder: string;
  readonly host: ExtensionHost;
  readonly theme?: string;
  readonly port?: number;
}

/** The server alone, with the extension of this project installed. */
export async function startServer({
  installed,
  folder,
  host,
  theme,
  port: wanted,
}: EditorOptions): Promise<{ url: string; stop(): void }> {
  const home = mkdtempSync(join(tmpdir(), 'ringside-editor-'));
  const user = join(home, 'data');
  mkdirSync(join(user, 'User'), { recursive: true });
  const settings = {
    ...SETTINGS,
    ...(theme === undefined ? {} : { 'workbench.colorTheme': theme }),
    ...(host === 'web' ? { 'remote.extensionKind': { 'ringside.ringside': ['web'] } } : {}),
  };
  writeFileSync(join(user, 'User/settings.json'), JSON.stringify(settings));
  const { node, entry } = installed;
  const common = ['--user-data-dir', user, '--extensions-dir', join(home, 'extensions')];
  const env = { ...process.env, HOME: home };
  const log = openSync(join(home, 'server.log'), 'w');
  execFileSync(node, [entry, ...common, '--install-extension', packagedExtension()], {
    env,
    stdio: ['ignore', log, log],
  });
  const port = wanted ?? (await freePort());
  const server: ChildProcess = spawn(
    node,
    [
      ...[entry, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...common],
      ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'],
      '--disable-getting-started-override',
    ],
    { env, stdio: ['ignore', log, log] },
  );
  const url = `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}`;
  await answers(url);
  return {
    url,
    stop() {
      server.kill();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function packagedExtension(): string {
  const name = readdirSync(projectRoot()).find((file) => /^ringside-.*\.vsix$/.test(file));
  if (name === undefined) {
    throw new Error('There is no packaged extension: run "npm run package" first.');
  }
  return join(projectRoot(), name);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

async function answers(url: string): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    try {
      if ((await fetch(url)).ok) {
        return;
      }
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The editor does not answer.');
}

/** What a user does with the editor, and sees of it. */
export class Editor {
  readonly page: Page;
  readonly #browser: Browser;
  readonly #stop: () => void;
  readonly #pictures: string;

  private constructor(page: Page, browser: Browser, stop: () => void, pictures: string) {
    this.page = page;
    this.#browser = browser;
    this.#stop = stop;
    this.#pictures = pictures;
  }

  static async open(options: EditorOptions): Promise<Editor> {
    const { url, stop } = await startServer(options);
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
        ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ],
    });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    const pictures = join(projectRoot(), 'out/e2e');
    mkdirSync(pictures, { recursive: true });
    await page.goto(url);
    await page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: 90_000 });
    return new Editor(page, browser, stop, pictures);
  }

  async picture(name: string): Promise<void> {
    await this.page.screenshot({ path: join(this.#pictures, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#stop();
  }

  /** Has a command carried out by its name in the palette. */
  async command(name: string): Promise<void> {
    await this.page.keyboard.press('F1');
    const input = this.page.locator('.quick-input-box input');
    await input.waitFor();
    await input.fill(`>${name}`);
    await this.page
      .locator('.quick-input-list .monaco-list-row', { hasText: name })
      .first()
      .click();
  }

  async openFile(path: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    const input = this.page.locator('.quick-input-box input');
    await input.waitFor();
    await input.fill(path);
    const name = path.slice(path.lastIndexOf('/') + 1);
    await this.page
      .locator('.quick-input-list .monaco-list-row', { hasText: name })
      .first()
      .click();
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
    await this.page.waitForSelector('.editor-instance .view-line');
  }

  async goToLine(line: number): Promise<void> {
    await this.page.keyboard.press('Control+G');
    const input = this.page.locator('.quick-input-box input');
    await input.waitFor();
    await input.fill(`:${line}`);
    await this.page.keyboard.press('Enter');
  }

  /** Clicks beside a line number until a breakpoint is there. */
  async clickGutter(line: number): Promise<void> {
    await this.goToLine(line);
    const number = this.page
      .locator('.editor-instance .margin-view-overlays .line-numbers', {
        hasText: new RegExp(`^${line}$`),
      })
      .first();
    for (let tries = 0; tries < 5; tries++) {
      const at = await number.boundingBox();
      const margin = await this.page.locator('.editor-instance .margin').first().boundingBox();
      const x = (margin?.x ?? 0) + 8;
      const y = (at?.y ?? 0) + (at?.height ?? 0) / 2;
      await this.page.mouse.move(x, y - 1);
      await this.page.mouse.click(x, y);
      const breakpoint = this.page.locator('.editor-instance [class*="codicon-debug-breakpoint"]');
      try {
        await breakpoint.first().waitFor({ timeout: 3000 });
        return;
      } catch {
        // Clicks are lost until the extension is known.
      }
    }
    throw new Error(`No breakpoint appears at line ${line}.`);
  }

  /** Waits until the top of the call stack says so. */
  async stackShows(text: string | RegExp): Promise<void> {
    await this.page
      .locator('.debug-call-stack .monaco-list-row', { hasText: text })
      .first()
      .waitFor({ timeout: 30_000 });
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }
}
