/**
 * Who may do what with a node.
 *
 * A node has a list of entries. The first names the owner, who may do everything, and its letter
 * says what everyone else may who has no entry. Privileged requesters are not asked
 * (Xen: docs/misc/xenstore.txt; tools/xenstore/xenstored_core.c, perm_for_conn).
 */

import { strtol } from './c-numbers.ts';

/** What a right is needed for, as a mask of bits. */
export const RIGHT = { none: 0, read: 1, write: 2, owner: 8 } as const;

const rightsOf = {
  n: RIGHT.none,
  r: RIGHT.read,
  w: RIGHT.write,
  b: RIGHT.read | RIGHT.write,
} as const;

/** The letter of an entry: none, read, write, both. */
export type Access = keyof typeof rightsOf;

export interface Permission {
  readonly access: Access;
  /** Of the domain it is for: 32 bits, unsigned. */
  readonly domain: number;
  /**
   * The domain was not there when the node was written, or has gone since. The entry is still
   * listed but gives nothing, not even to a later domain with the same number.
   */
  readonly isStale: boolean;
}

/** Never empty: the first entry is the owner's. */
export type Permissions = readonly [Permission, ...Permission[]];

/** Who asks, as far as permissions are concerned. */
export interface Identity {
  readonly domain: number;
  readonly isPrivileged: boolean;
  /** The domain on whose behalf it may act as well (XS_SET_TARGET). */
  readonly target: number | undefined;
}

/** A fresh list with one entry, the owner's. */
export function ownedBy(domain: number, access: Access = 'n'): Permissions {
  return [{ access, domain, isStale: false }];
}

/** Reads entries such as `r5`; `undefined` if one is malformed or there is none. */
export function parsePermissions(texts: readonly string[]): Permissions | undefined {
  const entries: Permission[] = [];
  for (const text of texts) {
    const letter = text.slice(0, 1);
    const domain = strtol(text.slice(1));
    if (!isAccess(letter) || domain === undefined) {
      return undefined;
    }
    entries.push({ access: letter, domain, isStale: false });
  }
  const [owner, ...others] = entries;
  return owner && [owner, ...others];
}

/** Writes an entry as `parsePermissions` reads it; the number of a domain is printed signed. */
export function permissionText({ access, domain }: Permission): string {
  return `${access}${domain | 0}`;
}

/** What an identity may do, as a mask of RIGHT. */
export function rightsFor(identity: Identity, permissions: Permissions): number {
  const [owner, ...others] = permissions;
  const isMeant = ({ domain }: Permission) =>
    domain === identity.domain || domain === identity.target;
  if (identity.isPrivileged || isMeant(owner)) {
    return RIGHT.read | RIGHT.write | RIGHT.owner;
  }
  const entry = others.find((other) => !other.isStale && isMeant(other)) ?? owner;
  return rightsOf[entry.access];
}

/** The same entries, those marked stale that a test picks. Entry 0 can be marked only if asked. */
export function markStale(
  permissions: Permissions,
  isStale: (entry: Permission, index: number) => boolean,
): Permissions {
  const mark = (entry: Permission, index: number): Permission =>
    !entry.isStale && isStale(entry, index) ? { ...entry, isStale: true } : entry;
  const [owner, ...others] = permissions;
  return [mark(owner, 0), ...others.map((entry, index) => mark(entry, index + 1))];
}

function isAccess(letter: string): letter is Access {
  return Object.hasOwn(rightsOf, letter);
}
