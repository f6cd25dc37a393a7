/** A tree of VS Code’s that shows rows, and asks for them only while it is seen. */

import * as vscode from 'vscode';
import type { DebuggedMachine } from './debugged-machine.ts';
import { isSet, setBreakpoint } from './event-breakpoints.ts';
import { tooltipOf } from './markdown.ts';
import type { Ask, IsSet, Row } from './row.ts';

/** Of a running machine, about seconds. */
const LOOKS_TOLD = 5;

export interface RowsOfView {
  /** As package.json has it. */
  readonly view: string;
  rows(ask: Ask, isChecked: IsSet): Promise<readonly Row[]>;
  /** What is shown while no machine is there; nothing when absent. */
  withoutMachine?(isChecked: IsSet): readonly Row[];
  /** A sentence for above the rows. */
  heading?(): string | undefined;
}

export class RowsView implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  readonly #machine: DebuggedMachine;
  readonly #shown: RowsOfView;
  readonly #tree: vscode.TreeView<Row>;
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #disposables: vscode.Disposable[];
  /** It has not been asked since something changed. */
  #isOld = false;
  #isAsking = false;
  /** Of what the user asked for and could not have; so many more looks long. */
  #told: { readonly sentence: string; looks: number } | undefined;

  constructor(machine: DebuggedMachine, shown: RowsOfView) {
    this.#machine = machine;
    this.#shown = shown;
    this.#tree = vscode.window.createTreeView(shown.view, {
      treeDataProvider: this,
      showCollapseAll: true,
      manageCheckboxStateManually: true,
    });
    this.#disposables = [
      this.#tree,
      this.#changed,
      machine.onDidChange(() => this.refresh()),
      this.#tree.onDidChangeVisibility(() => this.#seen()),
      this.#tree.onDidChangeCheckboxState(({ items }) => {
        for (const [{ checkBox }, state] of items) {
          if (checkBox !== undefined) {
            setBreakpoint(checkBox.sets, state === vscode.TreeItemCheckboxState.Checked);
          }
        }
      }),
    ];
    this.#seen();
  }

  dispose(): void {
    this.#machine.setSpectator(this, false);
    for (const disposable of this.#disposables) {
      disposable.dispose();
    }
  }

  /** A sentence above the rows, for long enough to be read. */
  tell(sentence: string): void {
    this.#told = { sentence, looks: LOOKS_TOLD };
    this.#tree.message = sentence;
  }

  refresh(): void {
    this.#isOld = true;
    // A slow answer must not be asked for twice; a hidden view is asked when it is seen.
    if (this.#tree.visible && !this.#isAsking) {
      this.#changed.fire(undefined);
    }
  }

  #seen(): void {
    this.#machine.setSpectator(this, this.#tree.visible);
    if (this.#tree.visible && this.#isOld) {
      this.refresh();
    }
  }

  async getChildren(row?: Row): Promise<Row[]> {
    return [...(row === undefined ? await this.#roots() : await childrenOf(row))];
  }

  async #roots(): Promise<readonly Row[]> {
    this.#isOld = false;
    if (this.#machine.session === undefined) {
      this.#say(undefined);
      return this.#shown.withoutMachine?.(isSet) ?? [];
    }
    this.#isAsking = true;
    try {
      const rows = await this.#shown.rows(this.#machine.ask, isSet);
      this.#say(this.#shown.heading?.());
      return rows;
    } catch (error) {
      this.#say(sentenceOf(error));
      return [];
    } finally {
      this.#isAsking = false;
      if (this.#isOld) {
        this.refresh();
      }
    }
  }

  #say(usual: string | undefined): void {
    if (this.#told !== undefined && this.#told.looks-- <= 0) {
      this.#told = undefined;
    }
    const sentence = this.#told?.sentence ?? usual;
    if (this.#tree.message !== sentence) {
      // The declared type leaves out that undefined takes the sentence away.
      this.#tree.message = sentence as string;
    }
  }

  getTreeItem(row: Row): vscode.TreeItem {
    const item = new vscode.TreeItem(row.label, collapsibleState(row));
    item.id = row.id;
    if (row.description !== undefined) {
      item.description = row.description;
    }
    if (row.icon !== undefined) {
      const { name, color } = row.icon;
      item.iconPath = new vscode.ThemeIcon(name, color ? new vscode.ThemeColor(color) : undefined);
    }
    const tooltip = tooltipOf(row);
    item.tooltip = tooltip === undefined ? row.label : new vscode.MarkdownString(tooltip);
    if (row.checkBox !== undefined) {
      item.checkboxState = row.checkBox.isChecked
        ? vscode.TreeItemCheckboxState.Checked
        : vscode.TreeItemCheckboxState.Unchecked;
    }
    if (row.subject !== undefined) {
      item.contextValue = row.subject.kind;
    }
    return item;
  }
}

async function childrenOf({ id, children = [] }: Row): Promise<readonly Row[]> {
  try {
    return typeof children === 'function' ? await children() : children;
  } catch (error) {
    return [{ id: `${id}/error`, label: sentenceOf(error), icon: { name: 'warning' } }];
  }
}

function collapsibleState({ children, isOpen = false }: Row): vscode.TreeItemCollapsibleState {
  if (children === undefined) {
    return vscode.TreeItemCollapsibleState.None;
  }
  return isOpen
    ? vscode.TreeItemCollapsibleState.Expanded
    : vscode.TreeItemCollapsibleState.Collapsed;
}

export const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
