/**
 * Paths of nodes: what is a valid one, and how two of them are related.
 *
 * A path is a string of one character per byte. Surprising: xenstored 4.17 never compares with
 * XENSTORE_ABS_PATH_MAX; the limit is XENSTORE_REL_PATH_MAX, to which only the prefix
 * `/local/domain/<domid>/` is added (Xen: tools/xenstore/xenstored_core.c, is_valid_nodename).
 */

import { XENSTORE_REL_PATH_MAX } from '../abi/io/xs-wire.ts';

/** The prefix that lies outside the limit: a domain id of at most five characters, sign included. */
const domainPrefix = /^\/local\/domain\/(?=[^/]{1,5}\/)-?\d+\//;

const validCharacters = /^[-A-Za-z0-9/_@]*$/;

/** Whether a node may have this absolute path. */
export function isValidPath(path: string): boolean {
  const prefix = domainPrefix.exec(path)?.[0].length ?? 0;
  return (
    path.startsWith('/') &&
    (path === '/' || !path.endsWith('/')) &&
    !path.includes('//') &&
    path.length <= prefix + XENSTORE_REL_PATH_MAX &&
    validCharacters.test(path)
  );
}

/** Events that no node causes, such as `@releaseDomain`, have names in place of paths. */
export function isSpecial(path: string): boolean {
  return path.startsWith('@');
}

/** Whether what is watched may be watched: a valid path, or the name of a special event. */
export function isWatchable(path: string): boolean {
  return isSpecial(path) ? path.length <= XENSTORE_REL_PATH_MAX : isValidPath(path);
}

/** The home of a domain, to which its relative paths are relative. */
export function domainPath(domain: number): string {
  return `/local/domain/${domain}`;
}

/** The absolute path of what a requester wrote, whose home is given. Nothing is checked. */
export function absolutePath(home: string, path: string): string {
  return path.startsWith('/') || isSpecial(path) ? path : `${home}/${path}`;
}

/** The path of the parent; the root is its own. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The last component of a path other than the root. */
export function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path of a child, given its last component. */
export function childOf(path: string, leaf: string): string {
  return path === '/' ? `/${leaf}` : `${path}/${leaf}`;
}

/** Whether a path is another one or lies below it. */
export function isWithin(path: string, ancestor: string): boolean {
  return ancestor === '/' || path === ancestor || path.startsWith(`${ancestor}/`);
}
