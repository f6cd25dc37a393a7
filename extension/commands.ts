/** What a user can have done while a guest is debugged. */

import * as vscode from 'vscode';
import type { Consoles } from './consoles.ts';
import { COMMANDS, CONTEXTS, SETTINGS } from './contributions.ts';
import { pickKernel } from './launch/configurations.ts';
import { ask, isOurs } from './session-requests.ts';

const EVERY_HYPERCALL = 'hypercall:*';

export function registerCommands(consoles: Consoles): vscode.Disposable[] {
  const register = (name: string, act: () => unknown): vscode.Disposable =>
    vscode.commands.registerCommand(name, act);
  return [
    register(COMMANDS.breakOnHypercalls, () => setHypercalls(true)),
    register(COMMANDS.passHypercalls, () => setHypercalls(false)),
    register(COMMANDS.holdInterrupts, () => holdInterrupts(true)),
    register(COMMANDS.allowInterrupts, () => holdInterrupts(false)),
    register(COMMANDS.explainPort, () => explain()),
    register(COMMANDS.typeOnConsole, () => typeOnConsole()),
    register(COMMANDS.showConsole, () => withSession((session) => showConsole(session, consoles))),
    register(COMMANDS.pickKernel, () => pickKernel()),
    vscode.debug.onDidChangeBreakpoints(() => noteHypercalls()),
    vscode.debug.onDidStartDebugSession((session) => {
      const holds = vscode.workspace.getConfiguration().get(SETTINGS.holdsInterrupts) === true;
      if (isOurs(session)) {
        void setContext(CONTEXTS.holdsInterrupts, holds);
        if (holds) {
          void session.customRequest('ringside/stepping', { holdsInterrupts: true });
        }
      }
    }),
  ];
}

const setContext = (name: string, value: boolean): Thenable<unknown> =>
  vscode.commands.executeCommand('setContext', name, value);

/** Says so where nothing of ours is being debugged. */
async function withSession(
  act: (session: vscode.DebugSession) => Thenable<unknown> | undefined,
): Promise<void> {
  const session = vscode.debug.activeDebugSession;
  if (!isOurs(session)) {
    void vscode.window.showInformationMessage('No guest kernel is being debugged: press F5 first.');
    return;
  }
  try {
    await act(session);
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}

const hypercallBreakpoints = (): vscode.FunctionBreakpoint[] =>
  vscode.debug.breakpoints.filter(
    (each): each is vscode.FunctionBreakpoint =>
      each instanceof vscode.FunctionBreakpoint && each.functionName === EVERY_HYPERCALL,
  );

function setHypercalls(isOn: boolean): void {
  if (isOn) {
    vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(EVERY_HYPERCALL)]);
  } else {
    vscode.debug.removeBreakpoints(hypercallBreakpoints());
  }
}

export function noteHypercalls(): void {
  void setContext(CONTEXTS.breaksOnHypercalls, hypercallBreakpoints().length > 0);
}

function holdInterrupts(holdsInterrupts: boolean): Promise<void> {
  return withSession(async (session) => {
    await session.customRequest('ringside/stepping', { holdsInterrupts });
    await setContext(CONTEXTS.holdsInterrupts, holdsInterrupts);
  });
}

async function guestOf(session: vscode.DebugSession): Promise<number | undefined> {
  const { domains } = await ask(session, 'ringside/machine', {});
  const guests = domains.filter(({ role }) => role === 'guest');
  const [only] = guests;
  if (guests.length <= 1) {
    return only?.id;
  }
  const items = guests.map(({ id, name }) => ({ label: name, description: `d${id}`, id }));
  return (await vscode.window.showQuickPick(items, { title: 'Which domain?' }))?.id;
}

/** The chain of conditions of a port, as a list to read. */
function explain(): Promise<void> {
  return withSession(async (session) => {
    const domain = await guestOf(session);
    if (domain === undefined) {
      return;
    }
    const { rows } = await ask(session, 'ringside/eventChannels', { domain });
    const ports = rows.map(({ port, type, virqName, purpose, isPending, isMasked }) => ({
      label: `Port ${port}`,
      description: [type, virqName, purpose].filter((each) => each !== undefined).join(' '),
      detail: `${isPending === true ? 'pending' : 'not pending'}, ${isMasked === true ? 'masked' : 'not masked'}`,
      port,
    }));
    const title = 'Why is no event delivered at…';
    const chosen = await vscode.window.showQuickPick(ports, { title });
    if (chosen === undefined) {
      return;
    }
    const { port } = chosen;
    const { conditions, conclusion } = await ask(session, 'ringside/explainPort', { domain, port });
    const lines = conditions.map(({ condition, holds, detail }) => ({
      label: `$(${holds ? 'pass' : 'error'}) ${condition}`,
      detail,
    }));
    await vscode.window.showQuickPick(lines, { title: `Port ${port}`, placeHolder: conclusion });
  });
}

function typeOnConsole(): Promise<void> {
  return withSession(async (session) => {
    const domain = await guestOf(session);
    const text = await vscode.window.showInputBox({ title: 'Type on the console of the guest' });
    if (domain !== undefined && text !== undefined) {
      await ask(session, 'ringside/consoleInput', { domain, text: `${text}\n` });
    }
  });
}

async function showConsole(session: vscode.DebugSession, consoles: Consoles): Promise<void> {
  const domain = await guestOf(session);
  if (domain !== undefined) {
    consoles.show(session, domain);
  }
}
