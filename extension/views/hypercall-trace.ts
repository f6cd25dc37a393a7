/** The view _Hypercall trace_ and what it remembers: the filter, and whether a trace is under way. */

import * as vscode from 'vscode';
import type { HypercallFilter } from '../../debug-adapter/custom-requests.ts';
import type { DebuggedMachine } from './debugged-machine.ts';
import { filterOf, hypercallRows, traceSentence } from './hypercall-rows.ts';
import type { Ask, Row } from './row.ts';
import type { RowsOfView } from './rows-view.ts';

/** In conditions of package.json: whether a trace is under way. */
const CONTEXT_KEY = 'ringside.views.isTracing';

export class HypercallTraceRows implements RowsOfView {
  readonly view = 'ringside.views.hypercalls';
  readonly #machine: DebuggedMachine;
  #filterText = '';
  #filter: HypercallFilter = {};
  #sentence: string | undefined;

  constructor(machine: DebuggedMachine) {
    this.#machine = machine;
  }

  readonly rows = async (ask: Ask): Promise<readonly Row[]> => {
    const filter = this.#filter;
    const whole = await ask('ringside/hypercalls', { filter, count: 0 });
    this.#sentence = traceSentence(whole, filter);
    await vscode.commands.executeCommand('setContext', CONTEXT_KEY, whole.isTracing);
    return await hypercallRows(ask, filter);
  };

  heading(): string | undefined {
    return this.#sentence;
  }

  async setTracing(isTracing: boolean): Promise<void> {
    await this.#machine.ask('ringside/traceHypercalls', { isTracing });
    this.#machine.touch();
  }

  async clear(): Promise<void> {
    const { isTracing } = await this.#machine.ask('ringside/hypercalls', { count: 0 });
    await this.#machine.ask('ringside/traceHypercalls', { isTracing, clear: true });
    this.#machine.touch();
  }

  /** The list follows what is typed. */
  async askForFilter(): Promise<void> {
    const before = this.#filterText;
    const text = await vscode.window.showInputBox({
      title: 'Show hypercalls',
      value: before,
      prompt: 'Part of a name, an error such as EINVAL, "failed", a domain such as d1; empty: all.',
      placeHolder: 'grant_table_op EINVAL',
      validateInput: (typed) => this.#set(typed),
    });
    this.#set(text ?? before);
  }

  #set(text: string): undefined {
    if (text !== this.#filterText) {
      this.#filterText = text;
      this.#filter = filterOf(text);
      this.#machine.touch();
    }
  }
}
