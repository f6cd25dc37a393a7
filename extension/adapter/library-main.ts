/** What is loaded when it is first needed: the debug adapter, and what is known of hypercalls. */

import type * as vscode from 'vscode';
import { describeWord } from '../../debug-adapter/hypercall-reference.ts';
import { Session } from '../../debug-adapter/session/session.ts';
import { workspaceHost } from './workspace-host.ts';

export type Library = typeof import('./library-main.ts');

export { describeWord };

/** A debug adapter in this process, which reads files as VS Code does. */
export function createAdapter(
  api: typeof vscode,
  extension: vscode.Uri,
  folder: vscode.Uri | undefined,
): vscode.DebugAdapter {
  const messages = new api.EventEmitter<vscode.DebugProtocolMessage>();
  const session = new Session(workspaceHost(api, extension, folder), (message) =>
    messages.fire(message as vscode.DebugProtocolMessage),
  );
  return {
    onDidSendMessage: messages.event,
    handleMessage: (message) => session.receive(message),
    dispose() {
      session.dispose();
      messages.dispose();
    },
  };
}
