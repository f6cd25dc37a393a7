/**
 * Launch configurations that nobody had to write: for F5 in a folder without launch.json, for the
 * list of the Run view, and for a new launch.json.
 */

import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../contributions.ts';
import { type FoundKernel, findKernels } from './kernel-search.ts';

export class Configurations implements vscode.DebugConfigurationProvider {
  readonly #extension: vscode.Uri;

  constructor(extension: vscode.Uri) {
    this.#extension = extension;
  }

  /** For launch.json, and for the list of what can be run. */
  async provideDebugConfigurations(
    folder: vscode.WorkspaceFolder | undefined,
    cancellation?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration[]> {
    const kernels =
      folder === undefined ? [] : await findKernels(this.#extension, folder, cancellation);
    return kernels.map((kernel) => configurationOf(kernel));
  }

  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
    cancellation?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const at = folder ?? vscode.workspace.workspaceFolders?.[0];
    const isWritten = configuration.request !== undefined && configuration.type !== undefined;
    if (isWritten) {
      return withDefaults(configuration, at);
    }
    const kernel = await this.#chooseKernel(at, cancellation);
    return kernel === undefined ? undefined : withDefaults(configurationOf(kernel), at);
  }

  /** For `${command:ringside.pickKernel}` in launch.json: a path, or nothing when the user cancels. */
  async pickKernel(): Promise<string | undefined> {
    const kernel = await this.#chooseKernel(undefined, undefined);
    return kernel && nameOf(kernel.file);
  }

  /** The only kernel there is, or the one that the user picks. */
  async #chooseKernel(
    folder: vscode.WorkspaceFolder | undefined,
    cancellation: vscode.CancellationToken | undefined,
  ): Promise<Pick<FoundKernel, 'path' | 'file'> | undefined> {
    const at = folder ?? vscode.workspace.workspaceFolders?.[0];
    const kernels = at === undefined ? [] : await findKernels(this.#extension, at, cancellation);
    const [only] = kernels;
    if (kernels.length === 1 && only !== undefined) {
      return only;
    }
    const choices = kernels.map(
      (kernel): Choice => ({
        label: kernel.path,
        description: kernel.system,
        detail: kernel.hasDebugInformation ? 'with debug information' : 'without debug information',
        kernel,
      }),
    );
    const other: Choice = { label: '$(folder-opened) Another file…' };
    const placeHolder =
      kernels.length === 0
        ? 'No 32-bit Xen paravirtual kernel is in this folder. Which file is to be run?'
        : 'Which kernel is to be run?';
    const choice = await vscode.window.showQuickPick([...choices, other], {
      title: 'Ringside',
      placeHolder,
    });
    return choice?.kernel ?? (choice === undefined ? undefined : await openedKernel());
  }
}

/** What is best in VS Code, where the configuration leaves it open. */
function withDefaults(
  configuration: vscode.DebugConfiguration,
  folder: vscode.WorkspaceFolder | undefined,
): vscode.DebugConfiguration {
  return {
    console: 'terminal',
    ...(folder === undefined ? {} : { cwd: nameOf(folder.uri) }),
    ...(configuration['console'] === 'debugConsole'
      ? {}
      : { internalConsoleOptions: 'neverOpen' as const }),
    ...configuration,
  };
}

/** A path on this computer; elsewhere an address, for the path alone would be looked for here. */
const nameOf = (uri: vscode.Uri): string => (uri.scheme === 'file' ? uri.fsPath : uri.toString());

function configurationOf({ path, file }: Pick<FoundKernel, 'path' | 'file'>) {
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  return {
    type: DEBUG_TYPE,
    request: 'launch',
    name: `Run ${name} (${path})`,
    kernel: path.startsWith('/') || path.includes('://') ? path : `\${workspaceFolder}/${path}`,
    stopOnEntry: true,
  };
}

interface Choice extends vscode.QuickPickItem {
  readonly kernel?: FoundKernel;
}

async function openedKernel(): Promise<Pick<FoundKernel, 'path' | 'file'> | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({ title: 'Kernel to run', openLabel: 'Run' })) ?? [];
  return file && { file, path: nameOf(file) };
}
