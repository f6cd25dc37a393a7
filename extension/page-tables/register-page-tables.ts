/** The editor of page tables, on the side of VS Code: its frame, its questions, what it exports. */

import * as vscode from 'vscode';
import type { DebuggedMachine } from '../views/debugged-machine.ts';
import type { Row } from '../views/row.ts';
import { sentenceOf } from '../views/rows-view.ts';
import { subjectOf } from '../views/view-commands.ts';
import { allRanges } from './map-rows.ts';
import { mapAsCsv, mapAsText } from './map-text.ts';
import { pageHtml } from './page-html.ts';
import {
  type AskPage,
  type FromPage,
  PAGE_REQUESTS,
  type ToPage,
  type VcpuChoice,
} from './page-messages.ts';

const VIEW_TYPE = 'ringside.pageTables';

export function registerPageTables(
  extension: vscode.Uri,
  machine: DebuggedMachine,
): vscode.Disposable {
  let shown: PageTables | undefined;
  const show = (): PageTables => {
    if (shown === undefined) {
      shown = new PageTables(extension, machine, () => {
        shown = undefined;
      });
    }
    shown.reveal();
    return shown;
  };
  return vscode.Disposable.from(
    vscode.commands.registerCommand('ringside.views.showPageTables', (row?: Row) => {
      const subject = subjectOf(row, 'vcpu');
      const editor = show();
      if (subject !== undefined) {
        const { domain, vcpu } = subject;
        editor.tell({ kind: 'choose', choice: { domain, vcpu } });
      }
    }),
    vscode.commands.registerCommand('ringside.views.whoMaps', (row?: Row) => {
      const subject = subjectOf(row, 'frame');
      if (subject !== undefined) {
        show().tell({ kind: 'whoMaps', frame: subject.frame });
      }
    }),
    { dispose: () => shown?.dispose() },
  );
}

class PageTables {
  readonly #machine: DebuggedMachine;
  readonly #panel: vscode.WebviewPanel;
  readonly #listening: vscode.Disposable;
  /** Told before the page could hear. */
  readonly #untold: ToPage[] = [];
  #isReady = false;
  #isOld = false;

  constructor(extension: vscode.Uri, machine: DebuggedMachine, onClosed: () => void) {
    this.#machine = machine;
    const folder = vscode.Uri.joinPath(extension, 'out');
    this.#panel = vscode.window.createWebviewPanel(
      VIEW_TYPE,
      'Page Tables',
      vscode.ViewColumn.Active,
      { enableScripts: true, localResourceRoots: [folder], retainContextWhenHidden: true },
    );
    this.#panel.iconPath = new vscode.ThemeIcon('table') as unknown as vscode.Uri;
    const { webview } = this.#panel;
    const file = (name: string): string =>
      webview.asWebviewUri(vscode.Uri.joinPath(folder, name)).toString();
    webview.onDidReceiveMessage((message: FromPage) => this.#hear(message));
    webview.html = pageHtml({
      script: file('page-tables.js'),
      style: file('page-tables.css'),
      source: webview.cspSource,
    });
    machine.setSpectator(this, true);
    this.#listening = machine.onDidChange(() => this.#changed());
    this.#panel.onDidChangeViewState(() => {
      machine.setSpectator(this, this.#panel.visible);
      if (this.#panel.visible && this.#isOld) {
        this.#changed();
      }
    });
    this.#panel.onDidDispose(() => {
      machine.setSpectator(this, false);
      this.#listening.dispose();
      onClosed();
    });
  }

  dispose(): void {
    this.#panel.dispose();
  }

  reveal(): void {
    this.#panel.reveal();
  }

  tell(message: ToPage): void {
    if (this.#isReady) {
      void this.#panel.webview.postMessage(message);
    } else {
      this.#untold.push(message);
    }
  }

  /** A page that nobody sees is told when somebody does. */
  #changed(): void {
    this.#isOld = !this.#panel.visible;
    if (!this.#isOld) {
      this.tell({ kind: 'changed', hasMachine: this.#machine.session !== undefined });
    }
  }

  async #hear(message: FromPage): Promise<void> {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true;
        this.#changed();
        for (const untold of this.#untold.splice(0)) {
          this.tell(untold);
        }
        return;
      case 'ask':
        return await this.#answer(message.id, () =>
          this.#ask(message.name, message.given as never),
        );
      case 'evaluate':
        return await this.#answer(message.id, () => this.#addressOf(message.expression));
      case 'export':
        return await this.#export(message.format, message.choice);
    }
  }

  async #answer(id: number, work: () => Promise<unknown>): Promise<void> {
    try {
      this.tell({ kind: 'answer', id, body: await work() });
    } catch (error) {
      this.tell({ kind: 'refusal', id, sentence: sentenceOf(error) });
    }
  }

  readonly #ask: AskPage = async (name, given) => {
    if (!PAGE_REQUESTS.includes(name)) {
      throw new Error(`The page may not ask for ${name}.`);
    }
    return await this.#machine.ask(name, given);
  };

  /** What an expression of the program is worth, as an address. */
  async #addressOf(expression: string): Promise<number> {
    const { session } = this.#machine;
    const answer: { result?: string; memoryReference?: string } = await session?.customRequest(
      'evaluate',
      { expression, context: 'watch', format: { hex: true } },
    );
    const text = answer?.result ?? '';
    const [found] = /0x[0-9a-f]{1,8}\b/i.exec(text) ?? [];
    if (found === undefined) {
      throw new Error(`“${expression}” is ${text}, which is no address.`);
    }
    return Number(found);
  }

  async #export(format: 'text' | 'csv', choice: VcpuChoice): Promise<void> {
    try {
      const { ranges } = await allRanges(this.#ask, choice);
      const title = `Address space of d${choice.domain} vCPU ${choice.vcpu}`;
      const content = format === 'csv' ? mapAsCsv(ranges) : mapAsText(title, ranges);
      const language = format === 'csv' ? 'csv' : 'plaintext';
      const document = await this.#documentOf(content, language);
      await vscode.window.showTextDocument(document, { preview: false });
    } catch (error) {
      this.tell({ kind: 'refusal', id: 0, sentence: sentenceOf(error) });
    }
  }

  /** An untitled document; VS Code knows the language `csv` only where an extension brought it. */
  async #documentOf(content: string, language: string): Promise<vscode.TextDocument> {
    const known = await vscode.languages.getLanguages();
    return await vscode.workspace.openTextDocument({
      content,
      language: known.includes(language) ? language : 'plaintext',
    });
  }
}
