/**
 * Kernels in the folders of a workspace that a domain can be started with.
 *
 * A name can only make a file a candidate: what it is, its contents say. How much is read is bounded,
 * for a folder may be the tree of a whole operating system, and its file system that of a web site.
 */

import * as vscode from 'vscode';
import {
  type GuestKernel,
  guestKernel,
  mayBeKernel,
} from '../../debug-adapter/kernel-file/guest-kernel.ts';

export interface FoundKernel extends GuestKernel {
  readonly file: vscode.Uri;
  /** From the folder of the workspace, with forward slashes. */
  readonly path: string;
}

const NAMES =
  '**/{vmlinux,vmlinux-*,vmlinuz,vmlinuz-*,bzImage,*.elf,*.ELF,*.xen,*-xen.bin,*kernel*,*-xen,*-xen-*,xen-*,mini-os*,netbsd*,test-pv32*}';
const NOT_KERNELS =
  '**/{node_modules,.git,*.dSYM}/**,**/*.{c,h,cc,cpp,rs,s,S,o,a,d,ko,cmd,ts,js,json,md,txt,rst,html,py,sh,yml,yaml,xml,cfg,svg,png}';
const MOST_CANDIDATES = 500;
const LARGEST_FILE = 128 << 20;
const SMALLEST_FILE = 512;
/** Together, in bytes and in milliseconds. */
const MOST_READ = 384 << 20;
const PATIENCE = 8000;
const ENOUGH = 20;

/** The most likely first: those with debug information, then those nearest to the root. */
export async function findKernels(
  folder: vscode.WorkspaceFolder,
  cancellation?: vscode.CancellationToken,
): Promise<FoundKernel[]> {
  const files = await vscode.workspace.findFiles(
    new vscode.RelativePattern(folder, NAMES),
    `{${NOT_KERNELS}}`,
    MOST_CANDIDATES,
    cancellation,
  );
  const found: FoundKernel[] = [];
  const until = Date.now() + PATIENCE;
  let read = 0;
  for (const file of files.sort((a, b) => depth(a) - depth(b))) {
    const isOver = Date.now() > until || found.length >= ENOUGH || read > MOST_READ;
    if (isOver || cancellation?.isCancellationRequested === true) {
      break;
    }
    const bytes = await contents(file);
    read += bytes.length;
    const kernel = mayBeKernel(bytes) ? guestKernel(bytes, file.path) : undefined;
    if (kernel !== undefined) {
      const path = file.path.slice(folder.uri.path.length).replace(/^\/+/, '');
      found.push({ ...kernel, file, path });
    }
  }
  return found.sort((a, b) => Number(b.hasDebugInformation) - Number(a.hasDebugInformation));
}

const depth = ({ path }: vscode.Uri): number => path.split('/').length;

/** Nothing, where a file is too large, too small or cannot be read. */
async function contents(file: vscode.Uri): Promise<Uint8Array> {
  try {
    const { size } = await vscode.workspace.fs.stat(file);
    if (size >= SMALLEST_FILE && size <= LARGEST_FILE) {
      return await vscode.workspace.fs.readFile(file);
    }
  } catch {
    // A file that has gone, or may not be read, is no candidate.
  }
  return new Uint8Array();
}
