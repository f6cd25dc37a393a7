/** Check-boxes as function breakpoints of VS Code’s, which the adapter understands as events. */

import * as vscode from 'vscode';
import type { EventBreakpoint, IsSet } from './row.ts';

function matching({ name, condition }: EventBreakpoint): vscode.FunctionBreakpoint[] {
  return functionBreakpoints().filter(
    (breakpoint) =>
      breakpoint.functionName === name &&
      (breakpoint.condition === undefined || breakpoint.condition === condition),
  );
}

function functionBreakpoints(): vscode.FunctionBreakpoint[] {
  return vscode.debug.breakpoints.filter(
    (breakpoint) => breakpoint instanceof vscode.FunctionBreakpoint,
  );
}

export const isSet: IsSet = (breakpoint) => matching(breakpoint).some(({ enabled }) => enabled);

/** Names of all function breakpoints, whatever they are about. */
export const breakpointNames = (): string[] =>
  functionBreakpoints().map(({ functionName }) => functionName);

export function setBreakpoint(breakpoint: EventBreakpoint, isWanted: boolean): void {
  vscode.debug.removeBreakpoints(matching(breakpoint));
  if (isWanted) {
    const { name, condition } = breakpoint;
    vscode.debug.addBreakpoints([new vscode.FunctionBreakpoint(name, true, condition)]);
  }
}
