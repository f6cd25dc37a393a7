/**
 * Tests that run inside the extension host of a VS Code, beside the extension: what no screen shows and what
 * is too fine to be clicked. VS Code calls `run`; the first test that fails ends it.
 */

import * as vscode from 'vscode';

/**
 * Milliseconds that activation may take here: browser, server and host share two processors, so a
 * quarter of it is usual. What is loaded then has a limit of its own, which `main.ts` knows.
 */
const MOST_ACTIVATION = 300;
const PATIENCE = 20_000;
const EXTENSION = 'ringside.ringside';
const SOURCE = 'upcalls/main.c';
const KERNEL = 'upcalls.elf';
/** Where `masks` sends an event. */
const SEND_LINE = 45;

interface Event {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: as the protocol has it.
  readonly body: any;
}

/** What the adapter sent, until somebody asks. */
const events: Event[] = [];

function check(isTrue: boolean, sentence: string): void {
  if (!isTrue) {
    throw new Error(sentence);
  }
}

/** Asks until there is an answer. */
async function eventually<T>(
  what: string,
  ask: () => T | undefined | Thenable<T | undefined>,
): Promise<T> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what} does not come.`);
}

const next = (name: string): Promise<Event['body']> =>
  eventually(`The event ${name}`, () => {
    const index = events.findIndex(({ event }) => event === name);
    return index < 0 ? undefined : events.splice(index, 1)[0]?.body;
  });

/** Until the start of the editor leaves time: nothing comes late for a second. */
async function calm(): Promise<void> {
  let quiet = 0;
  for (const end = Date.now() + PATIENCE; quiet < 50 && Date.now() < end; ) {
    const due = performance.now() + 20;
    await new Promise((resolve) => setTimeout(resolve, 20));
    quiet = performance.now() < due + 10 ? quiet + 1 : 0;
  }
}

function folder(): vscode.WorkspaceFolder {
  const [first] = vscode.workspace.workspaceFolders ?? [];
  if (first === undefined) {
    throw new Error('No folder is open.');
  }
  return first;
}

const fileOf = (path: string): vscode.Uri => vscode.Uri.joinPath(folder().uri, path);

async function launch(
  settings: Record<string, unknown>,
): Promise<{ session: vscode.DebugSession; milliseconds: number }> {
  events.length = 0;
  const start = Date.now();
  const begun = await vscode.debug.startDebugging(folder(), {
    ...{ type: 'ringside', request: 'launch', name: 'test', stopOnEntry: true },
    ...settings,
  });
  check(begun, 'The session does not start.');
  await next('stopped');
  const session = vscode.debug.activeDebugSession;
  if (session === undefined) {
    throw new Error('No session is active.');
  }
  return { session, milliseconds: Date.now() - start };
}

async function end(session: vscode.DebugSession): Promise<void> {
  await vscode.debug.stopDebugging(session);
  await eventually('The end of the session', () =>
    vscode.debug.activeDebugSession === undefined ? true : undefined,
  );
  vscode.debug.removeBreakpoints(vscode.debug.breakpoints);
}

/** Where the extension runs, by what there is. */
const hostName = (): string =>
  typeof process === 'object' ? 'Node.js' : 'a worker of the browser';

const tests: Readonly<Record<string, () => Promise<string | undefined>>> = {
  async 'activation does next to nothing'() {
    const extension = vscode.extensions.getExtension(EXTENSION);
    check(extension !== undefined, 'The extension is not there.');
    if (extension?.isActive === true) {
      return 'it was active already';
    }
    await calm();
    const start = performance.now();
    await extension?.activate();
    const milliseconds = performance.now() - start;
    check(milliseconds <= MOST_ACTIVATION, `It took ${milliseconds.toFixed(0)} ms.`);
    return `${milliseconds.toFixed(0)} ms in ${hostName()}`;
  },

  async 'each declared command is there'() {
    const known = new Set(await vscode.commands.getCommands(true));
    const { contributes } = vscode.extensions.getExtension(EXTENSION)?.packageJSON ?? {};
    const declared: string[] = contributes.commands.map(({ command }: vscode.Command) => command);
    const lost = declared.filter((name) => !known.has(name));
    check(lost.length === 0, `Nobody carries out ${lost.join(', ')}.`);
    return `${declared.length} commands`;
  },

  async 'the kernel of the folder is found'() {
    const path = await vscode.commands.executeCommand<string>('ringside.pickKernel');
    check(path?.endsWith(KERNEL) === true, `It is ${path}.`);
    return path;
  },

  async 'a session stops at the first instruction, and its registers can be read'() {
    const { session, milliseconds } = await launch({ kernel: KERNEL });
    const { threads } = await session.customRequest('threads');
    check(threads.length === 1, `There are ${threads.length} threads.`);
    const [thread] = threads;
    const { stackFrames } = await session.customRequest('stackTrace', { threadId: thread.id });
    check(stackFrames[0].name === '_start', `It stops in ${stackFrames[0].name}.`);
    const frameId = stackFrames[0].id;
    const { result } = await session.customRequest('evaluate', { expression: '$eip', frameId });
    check(/^0xc0\w{6}\b/.test(result), `EIP is ${result}.`);
    await end(session);
    return `${thread.name}, ${milliseconds} ms from start to stop`;
  },

  async 'a breakpoint of a source opens that source'() {
    const uri = fileOf(SOURCE);
    const place = new vscode.Location(uri, new vscode.Position(SEND_LINE - 1, 0));
    vscode.debug.addBreakpoints([new vscode.SourceBreakpoint(place)]);
    const { session } = await launch({ kernel: KERNEL, stopOnEntry: false });
    const item = await eventually('A selected frame', () =>
      vscode.debug.activeStackItem instanceof vscode.DebugStackFrame
        ? vscode.debug.activeStackItem
        : undefined,
    );
    const { stackFrames } = await session.customRequest('stackTrace', { threadId: item.threadId });
    check(stackFrames[0].line === SEND_LINE, `It stops at line ${stackFrames[0].line}.`);
    const opened = await eventually('The source in an editor', () => {
      const document = vscode.window.activeTextEditor?.document;
      return document?.uri.path.endsWith(SOURCE) === true ? document : undefined;
    });
    check(opened.uri.toString() === uri.toString(), `The editor shows ${opened.uri}.`);
    await end(session);
    return opened.uri.scheme;
  },

  async 'names of hypercalls are explained where the mouse is'() {
    const document = await vscode.workspace.openTextDocument(fileOf(SOURCE));
    const offset = document.getText().indexOf('EVTCHNOP_unmask');
    const position = document.positionAt(offset + 3);
    const text = await eventually('A hover', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
        'vscode.executeHoverProvider',
        document.uri,
        position,
      );
      const texts = hovers.flatMap(({ contents }) => contents.map((each) => textOf(each)));
      return texts.find((each) => each.includes('unmask'));
    });
    return text.split('\n')[0];
  },

  async 'a guest hears what is typed, while it runs and before a stop'() {
    const uri = fileOf(KERNEL).with({ path: fileOf('echo.guest').path });
    const { session } = await launch({ kernel: uri.scheme === 'file' ? uri.fsPath : `${uri}` });
    // Typed while the guest has not begun: it waits in the machine.
    await session.customRequest('ringside/consoleInput', { domain: 1, text: 'early\n' });
    await session.customRequest('continue', { threadId: 1 });
    const terminal = await eventually('The terminal of the guest', () =>
      vscode.window.terminals.find(({ name }) => name.startsWith('test (')),
    );
    let said = '';
    const saying = (wanted: string) =>
      eventually(`"${wanted}"`, () => {
        for (const { event, body } of events.splice(0)) {
          said += event === 'ringside/consoleOutput' ? body.text : '';
        }
        return said.includes(wanted) ? wanted : undefined;
      });
    await saying('echo: early');
    terminal.sendText('late', true);
    await saying('echo: late');
    await end(session);
    return terminal.name;
  },

  async 'the state of a stopped machine has a digest to copy'() {
    const { session } = await launch({ kernel: KERNEL });
    await vscode.commands.executeCommand('ringside.copyStateHash');
    const { hash } = await session.customRequest('ringside/hash');
    const copied = await vscode.env.clipboard.readText();
    await end(session);
    // A browser without a screen may keep its clipboard to itself.
    check(copied === '' || copied === hash, `It is ${hash}, but ${copied} is copied.`);
    return hash;
  },
};

function textOf(content: vscode.MarkdownString | vscode.MarkedString): string {
  return typeof content === 'string' ? content : content.value;
}

export async function run(): Promise<void> {
  vscode.debug.registerDebugAdapterTrackerFactory('ringside', {
    createDebugAdapterTracker: () => ({
      onDidSendMessage(message: { type: string } & Event) {
        if (message.type === 'event') {
          events.push(message);
        }
      },
    }),
  });
  for (const [name, test] of Object.entries(tests)) {
    try {
      const remark = await test();
      console.log(`    ok   ${name}${remark === undefined ? '' : `: ${remark}`}`);
    } catch (error) {
      console.log(`    FAIL ${name}: ${error instanceof Error ? error.message : error}`);
      throw error;
    }
  }
}
