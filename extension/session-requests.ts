/** Custom requests to a debug session, with the types that both ends agree on. */

import type * as vscode from 'vscode';
import type { ArgumentsOf, BodyOf, CustomRequestName } from '../debug-adapter/custom-requests.ts';
import { DEBUG_TYPE } from './contributions.ts';

export function ask<Name extends CustomRequestName>(
  session: vscode.DebugSession,
  name: Name,
  args: ArgumentsOf<Name>,
): Thenable<BodyOf<Name>> {
  return session.customRequest(name, args);
}

export const isOurs = (session: vscode.DebugSession | undefined): session is vscode.DebugSession =>
  session?.type === DEBUG_TYPE;
