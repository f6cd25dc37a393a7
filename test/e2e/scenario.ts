/** A user's way from an open folder to the handler of an event, and what is to be seen on it. */

import { Editor, type EditorOptions } from './editor.ts';

/** Answers what went wrong, in a sentence. */
export async function workThrough(options: EditorOptions): Promise<string | undefined> {
  const editor = await Editor.open(options);
  const step = { name: 'opening the folder' };
  try {
    await work(editor, options.host, (name) => {
      step.name = name;
      console.log(`  ${options.host}: ${name}`);
    });
    return undefined;
  } catch (error) {
    await editor.picture(`failed-${options.host}`);
    return `${step.name}: ${error instanceof Error ? error.message : error}`;
  } finally {
    await editor.close();
  }
}

async function work(editor: Editor, host: string, begin: (name: string) => void): Promise<void> {
  const { page } = editor;
  begin('setting a breakpoint by a click');
  await editor.openFile('upcalls/main.c');
  await editor.clickGutter(45);

  begin('F5 without a launch.json');
  await editor.press('F5');
  const choice = page.locator('.quick-input-list .monaco-list-row', { hasText: 'Ringside' });
  await choice
    .first()
    .waitFor({ timeout: 20_000 })
    .then(
      () => choice.first().click(),
      () => undefined,
    );
  await editor.press('Control+Shift+D');
  await editor.stackShows('_start');
  await editor.picture(`entry-${host}`);

  begin('on to the breakpoint');
  await editor.press('F5');
  await editor.stackShows('masks');
  await page
    .locator('.debug-variables .monaco-list-row', { hasText: 'result' })
    .first()
    .waitFor();
  await editor.picture(`breakpoint-${host}`);

  begin('a hypercall by name, with a condition');
  await addFunctionBreakpoint(editor, 'hypercall:event_channel_op/send');
  await editor.press('F5');
  await editor.stackShows('hypercall_page');
  await editor.picture(`hypercall-${host}`);

  begin('into the hypervisor, stage by stage');
  await editor.press('F11');
  await editor.stackShows('fetch number and arguments');
  for (const stage of ['carry out the call', 'copy the argument in', 'check and act']) {
    await editor.press('F11');
    await editor.stackShows(stage);
  }
  await editor.press('F11');
  await editor.stackShows('set pending bit');
  await editor.picture(`stages-${host}`);
  await editor.press('Shift+F11');
  await editor.press('Shift+F11');

  begin('the views of the machine');
  await editor.command('View: Show Xen');
  await page.locator('.pane-header', { hasText: 'Event Channels' }).first().waitFor();
  await page.waitForTimeout(1500);
  await editor.picture(`views-${host}`);

  begin('the page tables');
  await editor.command('Ringside: Show Page Tables');
  await page.locator('.tab.active', { hasText: 'Page Tables' }).waitFor();
  await page.waitForTimeout(1500);
  await editor.picture(`page-tables-${host}`);

  begin('to the end');
  await editor.command('Debug: Remove All Breakpoints');
  await editor.press('F5');
  await page.locator('.terminal-wrapper, .xterm').first().waitFor();
  await page.waitForTimeout(1500);
  await editor.picture(`console-${host}`);
}

async function addFunctionBreakpoint(editor: Editor, name: string): Promise<void> {
  const header = editor.page.locator('.pane-header', { hasText: 'Breakpoints' }).first();
  await header.hover();
  await editor.page.locator('[aria-label^="Add Function Breakpoint"]').first().click();
  const input = editor.page.locator('.debug-breakpoints input').first();
  await input.waitFor();
  await input.fill(name);
  await input.press('Enter');
}
