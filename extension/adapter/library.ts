/**
 * The larger half of the extension, which is loaded when it is first needed.
 *
 * A web host can only `require` what VS Code itself gives, so the file is read and evaluated, as VS
 * Code does with an extension's main file there.
 */

import * as vscode from 'vscode';
import type { Library } from './library-main.ts';

const FILE = 'out/library.cjs';

let loading: Promise<Library> | undefined;

export function loadLibrary(extension: vscode.Uri): Promise<Library> {
  loading ??= evaluate(vscode.Uri.joinPath(extension, FILE));
  return loading;
}

async function evaluate(file: vscode.Uri): Promise<Library> {
  const code = new TextDecoder().decode(await vscode.workspace.fs.readFile(file));
  const module: { exports: unknown } = { exports: {} };
  const define = new Function('module', 'exports', code);
  define(module, module.exports);
  return module.exports as Library;
}
