/** The user's files as VS Code has them, wherever they are, for an adapter in this process. */

import type * as vscode from 'vscode';
import { preparedEngineOf } from '../../debug-adapter/prepared-engine.ts';
import type { SessionHost } from '../../debug-adapter/session/session-host.ts';
import { UserError } from '../../debug-adapter/user-error.ts';

const LARGEST_DISK = 512 << 20;

type BlockHost = Awaited<ReturnType<SessionHost['files']['openDisk']>>;

/** @param folder whose file system a plain path is of */
export function workspaceHost(
  api: typeof vscode,
  extension: vscode.Uri,
  folder: vscode.Uri | undefined,
): SessionHost {
  const { fs } = api.workspace;
  const uriOf = (path: string): vscode.Uri => {
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
      return api.Uri.parse(path, true);
    }
    return folder === undefined
      ? api.Uri.file(path)
      : folder.with({ path: absolute(folder, path) });
  };
  const read = async (path: string): Promise<Uint8Array> => {
    try {
      return await fs.readFile(uriOf(path));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError(`${path} cannot be read: ${reason}.`);
    }
  };
  return {
    files: {
      read,
      openDisk: async (path, isWritable) => diskOf(path, await read(path), isWritable),
    },
    async engine() {
      return preparedEngineOf(await fs.readFile(api.Uri.joinPath(extension, 'out/cold-tier.wasm')));
    },
    now: () => performance.now(),
    delay: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  };
}

function absolute(folder: vscode.Uri, path: string): string {
  const slashed = path.replaceAll('\\', '/');
  return slashed.startsWith('/') ? slashed : `${folder.path}/${slashed}`;
}

/** A disk is read whole: VS Code has no other way to read a file. */
function diskOf(path: string, bytes: Uint8Array, isWritable: boolean): BlockHost {
  if (bytes.length > LARGEST_DISK) {
    throw new UserError(
      `${path} has more than ${LARGEST_DISK >> 20} MB: too much for a disk in a browser.`,
    );
  }
  if (isWritable) {
    throw new UserError(
      `${path} cannot be written here: give the disk the access "overlay", or use VS Code on a computer.`,
    );
  }
  return {
    size: bytes.length,
    read: (offset, length) =>
      offset + length > bytes.length ? undefined : bytes.slice(offset, offset + length),
  };
}
