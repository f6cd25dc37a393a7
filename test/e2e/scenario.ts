/** Ways of a user through the editor, and what is to be seen on them. */

import { Editor, type EditorOptions } from './editor.ts';
import { LAUNCHES, launchFolder } from './sample.ts';

type Begin = (name: string) => void;
type Way = (editor: Editor, begin: Begin) => Promise<void>;

/**
 * Answers what went wrong, in a sentence.
 *
 * @param names of the ways to go, in their order
 */
export async function workThrough(
  options: EditorOptions,
  names: readonly WayName[],
): Promise<string | undefined> {
  const editor = await Editor.open(options);
  let step = 'opening the folder';
  const begin = (name: string): void => {
    step = name;
    console.log(`    ${name}`);
  };
  try {
    for (const name of names) {
      await WAYS[name](editor, begin);
    }
    return undefined;
  } catch (error) {
    await editor.picture('failed').catch(() => undefined);
    return `${step}: ${error instanceof Error ? error.message : error}`;
  } finally {
    await editor.close();
  }
}

/** From an open folder to the handler of an event. */
const toTheHandler: Way = async (editor, begin) => {
  const { page } = editor;
  begin('setting a breakpoint by a click');
  await editor.openFile('upcalls/main.c');
  await editor.clickGutter(45);

  begin('F5 without a launch.json');
  await editor.press('F5');
  await page.locator('.debug-toolbar').waitFor();
  await editor.press('Control+Shift+D');
  await editor.stackShows('_start');
  await editor.picture('entry');

  begin('on to the breakpoint');
  await editor.press('F5');
  await editor.stackShows('masks');
  await page.locator('.debug-variables .monaco-list-row', { hasText: 'result' }).first().waitFor();
  await editor.settle();
  await editor.picture('breakpoint');

  begin('a break on every hypercall');
  await editor.command('Ringside: Break on Every Hypercall');
  // The tool bar offers the opposite now; the adapter is told in the same moment.
  await page.locator('[aria-label^="Pass Hypercalls"]').first().waitFor();
  await page.waitForTimeout(500);
  await editor.press('F5');
  await editor.stackShows('hypercall_page');
  await editor.settle();
  await editor.picture('hypercall');

  begin('into the hypervisor, stage by stage');
  await editor.press('F11');
  await editor.stackShows('fetch number and arguments');
  for (const stage of ['carry out the call', 'copy the argument in', 'check and act']) {
    await editor.press('F11');
    await editor.stackShows(stage);
  }
  await editor.press('F11');
  await editor.stackShows('set pending bit');
  await editor.settle();
  await editor.picture('stages');

  begin('why a port gets nothing');
  await editor.command('Ringside: Why Is an Event Not Delivered?');
  const list = page.locator('.quick-input-list .monaco-list-row');
  await list.filter({ hasText: 'Port 3' }).first().click();
  await page.locator('.quick-input-title', { hasText: 'Port 3' }).waitFor();
  await editor.settle();
  await editor.picture('why');
  await editor.press('Escape');

  begin('out of the hypervisor again');
  await editor.press('Shift+F11');
  await editor.stackShows('(send)');
  await editor.settle();
};

const THEMES = ['Dark Modern', 'Dark High Contrast', 'Light Modern'] as const;

/** The trees and the page tables, as they look in three themes. */
const throughTheViews: Way = async (editor, begin) => {
  const { page } = editor;
  begin('the views of the machine');
  await editor.command('View: Show Xen');
  await page.locator('.pane-header', { hasText: 'Event Channels' }).first().waitFor();
  const port = page.locator('.pane-body .monaco-list-row', { hasText: 'xenstore' });
  await port.first().waitFor();
  await editor.settle();
  await editor.picture('views');

  begin('the page tables');
  await editor.command('Ringside: Show Page Tables');
  await page.locator('.tab.active', { hasText: 'Page Tables' }).waitFor();
  await page.waitForTimeout(1500);
  for (const theme of THEMES) {
    begin(`the look: ${theme}`);
    await editor.command('Preferences: Color Theme');
    await editor.pickRow(theme);
    await editor.settle();
    await editor.picture(`page-tables-${theme.toLowerCase().replaceAll(' ', '-')}`);
  }

  begin('to the end');
  await editor.command('Remove All Breakpoints');
  await editor.press('F5');
  await editor.terminalShows('SUCCESS');
  await editor.sessionEnds();
  await editor.settle();
  await editor.picture('end');
};

/** Typing to guests, over a restart; a mistake in launch.json; two guests at once. */
const throughConsoles: Way = async (editor, begin) => {
  const { page } = editor;
  begin('a console that is typed into');
  await editor.openFolder(launchFolder());
  await editor.openFile('console/main.c');
  await editor.press('F5');
  await editor.terminalShows('ready');
  await page.locator('.xterm').first().click();
  await page.keyboard.type('hello from the browser\r');
  await editor.terminalShows('echo: hello from the browser');
  await editor.picture('console');

  begin('a console after a restart');
  await editor.command('Debug: Restart');
  await editor.terminalShows('begins again');
  await page.locator('.xterm').first().click();
  await page.keyboard.type('still here\r');
  await editor.terminalShows('echo: still here');
  await editor.picture('restarted');
  await editor.press('Shift+F5');
  await editor.sessionEnds();

  begin('a mistake in launch.json');
  await editor.pick('Control+P', `debug ${LAUNCHES.mistaken}`, LAUNCHES.mistaken);
  const dialog = page.locator('.monaco-dialog-box');
  await dialog.waitFor();
  await dialog.getByText('"memroy" means nothing here').first().waitFor();
  await editor.picture('mistake');
  await editor.press('Escape');

  begin('two guests in one machine');
  await editor.pick('Control+P', `debug ${LAUNCHES.both}`, LAUNCHES.both);
  await editor.press('Control+Shift+D');
  await editor.stackShows('processors (d2) vCPU 0');
  await editor.settle();
  await editor.picture('two-guests');
  await editor.press('Shift+F5');
  await editor.sessionEnds();

  begin('the walkthrough');
  await editor.command('Welcome: Open Walkthrough...');
  await editor.pickRow('Debug a Xen guest kernel');
  await page.locator('.getting-started-step, .step-list-container').first().waitFor();
  await editor.settle();
  await editor.picture('walkthrough');
};

/** The views go on where the handler was reached. */
const WAYS = { handler: toTheHandler, views: throughTheViews, consoles: throughConsoles } as const;
export type WayName = keyof typeof WAYS;
export const WAY_NAMES = Object.keys(WAYS) as readonly WayName[];
