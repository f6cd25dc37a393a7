/**
 * Paths as users write them, on three systems and in a browser.
 *
 * In a browser a file has no path but an address, `vscode-vfs://github/x/y`; whoever reads files
 * knows what to do with either, here they are texts that may be relative to a folder.
 */

/** The path of a file that is named from a folder; without a folder, as it is named. */
export function resolvePath(path: string, folder: string | undefined): string {
  if (folder === undefined || folder === '' || isAbsolute(path)) {
    return path;
  }
  const { root, rest } = splitRoot(folder);
  const isWindows = /^(?:[A-Za-z]:)?\\|^[A-Za-z]:/.test(folder);
  const separator = isWindows && folder.includes('\\') ? '\\' : '/';
  const below = isAddress(folder) ? path.replace(/[%?#]/g, encoded) : path;
  const parts = `${rest}/${below}`.split(isWindows ? /[\\/]/ : '/');
  return root + withoutDots(parts, root !== '').join(separator);
}

/** Whether a path says where it begins. */
export function isAbsolute(path: string): boolean {
  return /^(?:[\\/]|[A-Za-z]:[\\/])/.test(path) || isAddress(path);
}

/** A scheme has two letters or more: one is a drive. */
export const isAddress = (path: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]+:/.test(path);

/** What names the place where a path begins: `/`, `C:\`, `\\server\`, `scheme://authority/`. */
function splitRoot(path: string): { readonly root: string; readonly rest: string } {
  const [root = ''] =
    /^[A-Za-z][A-Za-z0-9+.-]+:(?:\/\/[^/]*)?\/?/.exec(path) ??
    /^[A-Za-z]:[\\/]?|^\\\\[^\\/]*[\\/]?|^[\\/]/.exec(path) ??
    [];
  const isOpen = root !== '' && !/[\\/]$/.test(root) && path.length === root.length;
  return { root: isOpen ? `${root}/` : root, rest: path.slice(root.length) };
}

/** Takes `.` and `..` out; a path from a root cannot leave it. */
function withoutDots(parts: readonly string[], isRooted: boolean): readonly string[] {
  const kept: string[] = [];
  for (const part of parts) {
    const last = kept.at(-1);
    if (part === '..' && last !== undefined && last !== '..') {
      kept.pop();
    } else if (part === '..' ? !isRooted : part !== '.' && part !== '') {
      kept.push(part);
    }
  }
  return kept;
}

function encoded(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
