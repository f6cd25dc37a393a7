/** XenStore as a tree that is read node by node, and changed as the toolstack changes it. */

import { XENSTORE_PAYLOAD_MAX } from '../../emulator/abi/io/xs-wire.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { textOf } from '../../emulator/xenstore/bytes.ts';
import type { Client } from '../../emulator/xenstore/client.ts';
import { childOf, isValidPath } from '../../emulator/xenstore/path.ts';
import type { Access, Permission } from '../../emulator/xenstore/permissions.ts';
import type { SessionImage } from '../../emulator/xenstore/session.ts';
import type { TransactionImage } from '../../emulator/xenstore/transactions.ts';
import type { RowsWanted } from './data/rows.ts';
import type {
  StoreChangeData,
  StoreChildData,
  StoreConnectionData,
  StoreNodeData,
  StorePermissionData,
  StoreTransactionData,
} from './data/xenstore.ts';
import { rowsOf } from './row-selection.ts';

const MOST_PATHS = 64;

/** One node with its children; undefined: there is none. @param path absolute */
export function storeNode(
  { store }: Machine,
  path: string,
  wanted: RowsWanted = {},
): StoreNodeData | undefined {
  const found = store.tree.get(path);
  if (found === undefined) {
    return undefined;
  }
  const { value, permissions, children } = store.domains.refreshed(found);
  return {
    path,
    value: escaped(value),
    size: value.length,
    permissions: permissions.map(permissionData),
    children: rowsOf(children, wanted, (name): StoreChildData => {
      const child = store.tree.get(childOf(path, name));
      return {
        name,
        value: escaped(child?.value ?? new Uint8Array()),
        hasChildren: (child?.children.length ?? 0) > 0,
      };
    }),
  };
}

const ACCESS: Readonly<Record<Access, StorePermissionData['access']>> = {
  n: 'none',
  r: 'read',
  w: 'write',
  b: 'read and write',
};

const permissionData = (
  { access, domain, isStale }: Permission,
  index: number,
): StorePermissionData => ({ domain, isOwner: index === 0, access: ACCESS[access], isStale });

/** Everyone who is connected, in the order of connection. @param wanted of the watches of each */
export function storeConnections(
  { store }: Machine,
  wanted: RowsWanted = {},
): StoreConnectionData[] {
  return store.sessions.map((session) => connectionData(session.capture(), wanted));
}

function connectionData(
  { name, domain, isPrivileged, watches, transactions }: SessionImage,
  wanted: RowsWanted,
): StoreConnectionData {
  return {
    name,
    domain,
    isPrivileged,
    watches: rowsOf(watches, wanted, ({ path, token }) => ({
      path,
      token: escapedText(token),
    })),
    transactions: transactions.map(transactionData),
  };
}

function transactionData({ id, accessed }: TransactionImage): StoreTransactionData {
  const written = accessed.filter(([, { isModified }]) => isModified).map(([path]) => path);
  return {
    id,
    touched: accessed.length,
    written: written.length,
    writtenPaths: written.slice(0, MOST_PATHS),
  };
}

// ---- changes

/**
 * Sets the value of a node as the toolstack does, creating it and those above it as needed. This is an
 * input to the machine: a run that is repeated needs it at the same count of instructions. Back-ends
 * hear of it at once, guests when the machine runs.
 *
 * @param value as `StoreNodeData` shows values, with `\xNN` for any byte
 */
export function writeNode(machine: Machine, path: string, value: string): StoreChangeData {
  const bytes = unescaped(value);
  if (bytes === undefined) {
    return refused(
      'EINVAL',
      'In a value a backslash stands before a second one or as "\\xNN", NN being two hexadecimal digits; other characters have one byte each.',
    );
  }
  // As a message of the toolstack's would have to fit.
  if (path.length + 1 + bytes.length > XENSTORE_PAYLOAD_MAX) {
    return refused(
      'E2BIG',
      `Path and value take more than the ${XENSTORE_PAYLOAD_MAX} bytes of a message.`,
    );
  }
  return change(machine, path, (toolstack) => toolstack.write(path, bytes));
}

/** Removes a node with all below it as the toolstack does: an input to the machine, too. */
export function removeNode(machine: Machine, path: string): StoreChangeData {
  if (path === '/') {
    return refused('EINVAL', 'The root of the store cannot be removed.');
  }
  if (isValidPath(path) && machine.store.tree.get(path) === undefined) {
    return refused('ENOENT', `There is no node "${path}".`);
  }
  return change(machine, path, (toolstack) => toolstack.rm(path));
}

function change(
  machine: Machine,
  path: string,
  make: (toolstack: Client) => string | undefined,
): StoreChangeData {
  if (!isValidPath(path)) {
    return refused(
      'EINVAL',
      `"${path}" is no path: it begins with "/" and has letters, digits and "-", "_", "@" between single slashes.`,
    );
  }
  // The connection by which the machine made the nodes of its domains.
  const error = make(machine.store.connect('toolstack', () => {}));
  if (error !== undefined) {
    return refused(error, `xenstore refuses to change "${path}": ${error}.`);
  }
  // Guests with a watch get their events when back-ends are next given the processor.
  machine.xen.requestBackends();
  return { isDone: true };
}

const refused = (error: string, sentence: string): StoreChangeData => ({
  isDone: false,
  error,
  sentence,
});

// ---- text

const escaped = (bytes: Uint8Array): string => escapedText(textOf(bytes));

/** Printable ASCII as it is, a backslash doubled, other bytes as `\xNN`. */
function escapedText(text: string): string {
  return text.replaceAll(/[^ -[\]-~]/g, (character) =>
    character === '\\' ? '\\\\' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Undoes `escaped`, to a character for each byte; undefined: malformed. */
function unescaped(text: string): string | undefined {
  if (!/^(?:[^\\\u0100-\uffff]|\\\\|\\x[0-9a-fA-F]{2})*$/.test(text)) {
    return undefined;
  }
  return text.replaceAll(/\\(?:\\|x(..))/g, (_, digits: string | undefined) =>
    digits === undefined ? '\\' : String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
