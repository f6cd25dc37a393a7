/**
 * Where the debug adapter of a session runs: as a program of its own where there are programs and
 * the files are on this computer, else as part of the extension.
 */

import * as vscode from 'vscode';
import { loadLibrary } from './library.ts';

export class AdapterFactory implements vscode.DebugAdapterDescriptorFactory {
  readonly #extension: vscode.Uri;

  constructor(extension: vscode.Uri) {
    this.#extension = extension;
  }

  async createDebugAdapterDescriptor({
    workspaceFolder,
  }: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    if (runsPrograms(workspaceFolder)) {
      const program = vscode.Uri.joinPath(this.#extension, 'out/ringside.js').fsPath;
      // VS Code itself is a Node.js, if it is told to be; a Node.js ignores the variable.
      const env = { ELECTRON_RUN_AS_NODE: '1' };
      return new vscode.DebugAdapterExecutable(process?.execPath ?? 'node', [program, 'dap'], {
        env,
      });
    }
    const { createAdapter } = await loadLibrary(this.#extension);
    return new vscode.DebugAdapterInlineImplementation(
      createAdapter(vscode, this.#extension, workspaceFolder?.uri),
    );
  }
}

export function runsPrograms(folder: vscode.WorkspaceFolder | undefined): boolean {
  const isNode = typeof process === 'object' && process.versions?.node !== undefined;
  return isNode && (folder === undefined || folder.uri.scheme === 'file');
}
