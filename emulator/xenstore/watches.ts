/**
 * Watches: who is told of which change, and under which path.
 *
 * A watch hears of its node and of everything below. Of the removal of an ancestor it hears as well
 * if its own node was there, by an exact event: one for the very path (Xen:
 * tools/xenstore/xenstored_watch.c).
 */

import { domainPath, isWithin, parentOf } from './path.ts';
import { type Identity, type Permissions, RIGHT, rightsFor } from './permissions.ts';
import type { StoreNode } from './tree.ts';
import { isError, type View } from './view.ts';

export interface Watch {
  /** Absolute, or the name of a special event. */
  readonly path: string;
  /** Given back with each event: any text without a NUL. */
  readonly token: string;
  /** Whether events name paths from the home of the watcher, as the watch did. */
  readonly isRelative: boolean;
}

/** What a watcher is told. */
export interface WatchEvent {
  readonly path: string;
  readonly token: string;
}

/** A change of a node, or a special event. */
export interface Change {
  readonly path: string;
  /** The node as it is now, or as it was if it is gone; `undefined`: look it up. */
  readonly node?: StoreNode | undefined;
  /** Whether only watches of this very path hear of it. */
  readonly isExact: boolean;
  /** Those from before the change, if it may have taken access away. */
  readonly oldPermissions?: Permissions | undefined;
}

/** The event that a watch of a domain's hears for a path. */
export function eventFor(watch: Watch, domain: number, path: string): WatchEvent {
  const home = `${domainPath(domain)}/`;
  return { path: watch.isRelative ? path.slice(home.length) : path, token: watch.token };
}

/** Whether a watch is one for a change, permissions apart. */
export function hears(watch: Watch, { path, isExact }: Change): boolean {
  return isExact ? watch.path === path : isWithin(path, watch.path);
}

/** Whether a watcher may know of a change of a node: by that node, before or after, or its parent. */
export function mayHear(watcher: Identity, view: View, change: Change): boolean {
  const { path, oldPermissions } = change;
  if (oldPermissions && (rightsFor(watcher, oldPermissions) & RIGHT.read) !== 0) {
    return true;
  }
  const node = change.node ?? view.read(path);
  if (isError(node)) {
    return false;
  }
  if ((view.rights(node) & RIGHT.read) !== 0) {
    return true;
  }
  const parent = view.read(parentOf(path));
  return !isError(parent) && (view.rights(parent) & RIGHT.read) !== 0;
}
