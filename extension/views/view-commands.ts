/** What can be done in the views: commands of their rows and titles. */

import * as vscode from 'vscode';
import type { DebuggedMachine } from './debugged-machine.ts';
import { setBreakpoint } from './event-breakpoints.ts';
import { explanationItems } from './event-channel-rows.ts';
import { eventBreakpoint } from './event-filter-rows.ts';
import { hexadecimal } from './figures.ts';
import type { Row, RowSubject } from './row.ts';
import { sentenceOf } from './rows-view.ts';

type Tell = (sentence: string) => void;

/** The subject of the row that a command was called on; undefined where it is of another kind. */
export function subjectOf<Kind extends RowSubject['kind']>(
  row: Row | undefined,
  kind: Kind,
): Extract<RowSubject, { kind: Kind }> | undefined {
  const subject = row?.subject;
  return subject?.kind === kind ? (subject as Extract<RowSubject, { kind: Kind }>) : undefined;
}

/** The chain of conditions, as a list to look through. */
export async function explainPort(
  { ask }: DebuggedMachine,
  row: Row | undefined,
  tell: Tell,
): Promise<void> {
  const subject = subjectOf(row, 'port');
  if (subject === undefined) {
    return;
  }
  const { domain, port } = subject;
  try {
    const explanation = await ask('ringside/explainPort', { domain, port });
    await vscode.window.showQuickPick(explanationItems(explanation), {
      title: `Port ${port} of domain ${domain}: why is it not delivered?`,
      placeHolder: explanation.conclusion,
      matchOnDetail: true,
    });
  } catch (error) {
    tell(sentenceOf(error));
  }
}

export async function editNode(
  machine: DebuggedMachine,
  row: Row | undefined,
  tell: Tell,
): Promise<void> {
  const node = subjectOf(row, 'node');
  if (node === undefined) {
    return;
  }
  const value = await vscode.window.showInputBox({
    title: node.path,
    value: node.value,
    prompt: 'New value, written as the toolstack. \\xNN is any byte, \\\\ a backslash.',
  });
  if (value !== undefined) {
    await changeStore(machine, tell, () =>
      machine.ask('ringside/xenstoreWrite', { path: node.path, value }),
    );
  }
}

/** Below the row it was called on, or anywhere. */
export async function addNode(
  machine: DebuggedMachine,
  row: Row | undefined,
  tell: Tell,
): Promise<void> {
  const above = subjectOf(row, 'node')?.path ?? '';
  const path = await vscode.window.showInputBox({
    title: 'Path of the new node',
    value: `${above}/`,
    valueSelection: [above.length + 1, above.length + 1],
    validateInput: (text) =>
      /^\/[\w\-/@]*[\w\-@]$/.test(text) && !text.includes('//')
        ? undefined
        : 'A path begins with "/", has letters, digits and -_@ between single "/", and ends in none.',
  });
  const value =
    path === undefined
      ? undefined
      : await vscode.window.showInputBox({ title: `Value of ${path}` });
  if (path !== undefined && value !== undefined) {
    await changeStore(machine, tell, () => machine.ask('ringside/xenstoreWrite', { path, value }));
  }
}

export async function removeNode(
  machine: DebuggedMachine,
  row: Row | undefined,
  tell: Tell,
): Promise<void> {
  const node = subjectOf(row, 'node');
  if (node === undefined) {
    return;
  }
  const remove = 'Remove';
  const message = `Remove ${node.path} and all below it?`;
  if ((await vscode.window.showWarningMessage(message, { modal: true }, remove)) === remove) {
    const { path } = node;
    await changeStore(machine, tell, () => machine.ask('ringside/xenstoreRemove', { path }));
  }
}

type StoreChange = { isDone: true } | { isDone: false; error: string; sentence: string };

async function changeStore(
  machine: DebuggedMachine,
  tell: Tell,
  change: () => Promise<StoreChange>,
): Promise<void> {
  try {
    const answer = await change();
    machine.touch();
    if (!answer.isDone) {
      tell(answer.sentence);
    }
  } catch (error) {
    tell(sentenceOf(error));
  }
}

/** A function breakpoint on one hypercall, or on one of its operations. */
export async function stopAtHypercall(): Promise<void> {
  const name = await vscode.window.showInputBox({
    title: 'Stop at a hypercall',
    prompt: 'As Xen names it, with a sub-operation or without.',
    placeHolder: 'event_channel_op/send',
    validateInput: (text) =>
      /^\w+(?:\/\w+)?$/.test(text) ? undefined : 'Such as mmu_update or event_channel_op/send.',
  });
  if (name !== undefined) {
    setBreakpoint(eventBreakpoint('hypercall', name), true);
  }
}

interface Disassembled {
  readonly instructions?: readonly {
    readonly location?: { readonly path?: string; readonly name?: string };
    readonly line?: number;
    readonly symbol?: string;
  }[];
}

/** VS Code hands paths of answers on as they are or, where files are elsewhere, as URIs. */
function uriOf(location: { readonly path?: string }, session: vscode.DebugSession): vscode.Uri {
  const { path = '' } = location;
  return /^[a-z][a-z\d+.-]+:\/\//i.test(path)
    ? vscode.Uri.parse(path)
    : vscode.debug.asDebugSourceUri(location, session);
}

/** Opens the source line that a hypercall was called from. */
export async function goToCaller(
  { session }: DebuggedMachine,
  row: Row | undefined,
  tell: Tell,
): Promise<void> {
  const place = subjectOf(row, 'place');
  if (place === undefined || session === undefined) {
    return;
  }
  // What is known is where the call returns to: the call itself ends a byte before.
  const address = hexadecimal(Math.max(0, place.address - 1), 8);
  try {
    const answer: Disassembled = await session.customRequest('disassemble', {
      memoryReference: `d${place.domain}:va:${address}`,
      instructionCount: 1,
      resolveSymbols: true,
    });
    const [{ location, line = 1 } = {}] = answer.instructions ?? [];
    if (location === undefined) {
      tell(`No source line is known for ${address}: the kernel has no debug information there.`);
      return;
    }
    const start = new vscode.Position(Math.max(0, line - 1), 0);
    await vscode.window.showTextDocument(uriOf(location, session), {
      preview: true,
      selection: new vscode.Range(start, start),
    });
  } catch (error) {
    tell(sentenceOf(error));
  }
}
