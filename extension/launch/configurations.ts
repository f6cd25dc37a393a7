/**
 * Launch configurations that nobody had to write: for F5 in a folder without launch.json, for the
 * list of the Run view, and for a new launch.json.
 */

import * as vscode from 'vscode';
import { DEBUG_TYPE } from '../contributions.ts';
import { type FoundKernel, findKernels } from './kernel-search.ts';

export class Configurations implements vscode.DebugConfigurationProvider {
  /** For launch.json, and for the list of what can be run. */
  async provideDebugConfigurations(
    folder: vscode.WorkspaceFolder | undefined,
    cancellation?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration[]> {
    const kernels = folder === undefined ? [] : await findKernels(folder, cancellation);
    return kernels.map((kernel) => configurationOf(kernel));
  }

  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
    cancellation?: vscode.CancellationToken,
  ): Promise<vscode.DebugConfiguration | undefined> {
    const isWritten = configuration.request !== undefined && configuration.type !== undefined;
    if (isWritten) {
      return withDefaults(configuration);
    }
    const kernel = await chooseKernel(folder, cancellation);
    return kernel === undefined ? undefined : withDefaults(configurationOf(kernel));
  }
}

/** What is best in VS Code, where the configuration leaves it open. */
function withDefaults(configuration: vscode.DebugConfiguration): vscode.DebugConfiguration {
  return {
    console: 'terminal',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code puts the folder in.
    cwd: '${workspaceFolder}',
    ...(configuration['console'] === 'debugConsole'
      ? {}
      : { internalConsoleOptions: 'neverOpen' as const }),
    ...configuration,
  };
}

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

/** The only kernel there is, or the one that the user picks. */
async function chooseKernel(
  folder: vscode.WorkspaceFolder | undefined,
  cancellation: vscode.CancellationToken | undefined,
): Promise<Pick<FoundKernel, 'path' | 'file'> | undefined> {
  const at = folder ?? vscode.workspace.workspaceFolders?.[0];
  const kernels = at === undefined ? [] : await findKernels(at, cancellation);
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

async function openedKernel(): Promise<Pick<FoundKernel, 'path' | 'file'> | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({ title: 'Kernel to run', openLabel: 'Run' })) ?? [];
  return file && { file, path: file.scheme === 'file' ? file.fsPath : file.toString() };
}

/** For `${command:ringside.pickKernel}` in launch.json: a path, or nothing when the user cancels. */
export async function pickKernel(): Promise<string | undefined> {
  const kernel = await chooseKernel(undefined, undefined);
  if (kernel === undefined) {
    return undefined;
  }
  return kernel.file.scheme === 'file' ? kernel.file.fsPath : kernel.file.toString();
}
