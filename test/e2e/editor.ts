/** A real VS Code with the packaged extension, opened in a browser without a screen. */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { projectRoot } from '../conformance/project-root.ts';
import type { InstalledEditor } from './install.ts';

export const CHROMIUM = '/usr/bin/chromium';

/** A browser without a screen that asks nobody for anything. */
export const BROWSER_OPTIONS = {
  executablePath: CHROMIUM,
  args: [
    ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ],
};

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
  // What terminals show can then be read.
  'terminal.integrated.gpuAcceleration': 'off',
  'window.commandCenter': false,
  'editor.minimap.enabled': false,
};

/** What makes VS Code quiet, and lets the extension run where it is to run. */
export const settingsFor = (host: ExtensionHost): Readonly<Record<string, unknown>> => ({
  ...SETTINGS,
  ...(host === 'web' ? { 'remote.extensionKind': { 'ringside.ringside': ['web'] } } : {}),
});

export interface EditorOptions {
  readonly installed: InstalledEditor;
  readonly folder: string;
  readonly host: ExtensionHost;
  readonly theme?: string;
  readonly port?: number;
}

export interface EditorServer {
  /** The address of the editor with a folder open. */
  urlOf(folder: string): string;
  readonly url: string;
  stop(): void;
}

/** The server alone, with the extension of this project installed. */
export async function startServer({
  installed,
  folder,
  host,
  theme,
  port: wanted,
}: EditorOptions): Promise<EditorServer> {
  const home = mkdtempSync(join(tmpdir(), 'ringside-editor-'));
  const user = join(home, 'data');
  mkdirSync(join(user, 'User'), { recursive: true });
  const settings = {
    ...settingsFor(host),
    ...(theme === undefined ? {} : { 'workbench.colorTheme': theme }),
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
  const server = spawn(
    node,
    [
      ...[entry, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...common],
      ...['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'],
      '--disable-getting-started-override',
    ],
    { env, stdio: ['ignore', log, log] },
  );
  const urlOf = (path: string) => `http://127.0.0.1:${port}/?folder=${encodeURIComponent(path)}`;
  await answers(urlOf(folder));
  return {
    url: urlOf(folder),
    urlOf,
    stop() {
      server.kill();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

export function packagedExtension(): string {
  const name = readdirSync(projectRoot()).find((file) => /^ringside-.*\.vsix$/.test(file));
  if (name === undefined) {
    throw new Error('There is no packaged extension: run "npm run package" first.');
  }
  return join(projectRoot(), name);
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

/** Waits until a server does. */
export async function answers(url: string): Promise<void> {
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
  readonly #server: EditorServer;
  readonly #suffix: string;

  private constructor(page: Page, browser: Browser, server: EditorServer, suffix: string) {
    this.page = page;
    this.#browser = browser;
    this.#server = server;
    this.#suffix = suffix;
  }

  static async open(options: EditorOptions): Promise<Editor> {
    const server = await startServer(options);
    const browser = await chromium.launch(BROWSER_OPTIONS);
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    const editor = new Editor(page, browser, server, options.host);
    await editor.openFolder(options.folder);
    return editor;
  }

  async openFolder(folder: string): Promise<void> {
    await this.page.goto(this.#server.urlOf(folder));
    await this.page.waitForSelector('.explorer-folders-view .monaco-list-row', { timeout: 90_000 });
  }

  /** Of the whole window, named for the host too. */
  async picture(name: string): Promise<void> {
    const path = join(projectRoot(), `out/e2e/${name}-${this.#suffix}.png`);
    await this.page.screenshot({ path });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.stop();
  }

  /** Has a command carried out by its name in the palette. */
  async command(name: string): Promise<void> {
    await this.pick('F1', `>${name}`, name);
  }

  /**
   * Opens a list by a key, narrows it and clicks the row that says `name`. While the editor moves
   * the focus, as to a line where a guest stops, keys are lost and lists close again.
   */
  async pick(key: string, text: string, name: string): Promise<void> {
    const { page } = this;
    const input = page.locator('.quick-input-widget:visible .quick-input-box input');
    const row = page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first();
    for (let tries = 1; ; tries++) {
      try {
        if (!(await input.isVisible())) {
          await page.keyboard.press(key);
        }
        await input.fill(text, { timeout: 3000 });
        await row.click({ timeout: 5000 });
        return;
      } catch (error) {
        if (tries === 6) {
          throw error;
        }
        await page.keyboard.press('Escape');
      }
    }
  }

  /** Clicks a row of the list that is open, after narrowing it. */
  async pickRow(name: string): Promise<void> {
    const { page } = this;
    await page.locator('.quick-input-widget:visible .quick-input-box input').fill(name);
    await page.locator('.quick-input-list .monaco-list-row', { hasText: name }).first().click();
  }

  async openFile(path: string): Promise<void> {
    const name = path.slice(path.lastIndexOf('/') + 1);
    await this.pick('Control+P', path, name);
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

  /** Waits until a terminal has printed it. */
  async terminalShows(text: string): Promise<void> {
    await this.page.locator('.xterm-rows', { hasText: text }).first().waitFor({ timeout: 30_000 });
  }

  /** Waits until nothing is debugged any more. */
  async sessionEnds(): Promise<void> {
    await this.page.locator('.debug-toolbar').waitFor({ state: 'hidden', timeout: 30_000 });
  }

  /** Lets what was asked for be drawn, before a picture. */
  async settle(): Promise<void> {
    await this.page.waitForTimeout(1000);
  }
}
