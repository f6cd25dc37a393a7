/**
 * What devices and the toolstack need of xenstore: a privileged client inside the machine.
 *
 * It is domain 0's, so neither permissions nor quotas bind it. Paths are absolute, values are text
 * with a character for each byte. Who connects, watches and listens is part of the store's state by
 * name: a device that is restored connects again under the name that it had.
 */

import { assert } from '../assert.ts';

export interface DeviceStore {
  /** Connects, or takes up a connection of this name, whose watches it has from then on. */
  connect(name: string, onEvent: (event: StoreEvent) => void): StoreClient;
}

/** A watched node or one below it has changed or gone. Also occurs once when a watch is set. */
export interface StoreEvent {
  readonly path: string;
  readonly token: string;
}

/** Operations answer what xenstored calls the error, or undefined. */
export interface StoreClient {
  /** The value of a node; undefined if there is none. */
  read(path: string): string | undefined;

  /** The names of the nodes directly below, oldest first; undefined if there is no such node. */
  directory(path: string): readonly string[] | undefined;

  /** Creates the node and those above it as needed, with the permissions of the one above. */
  write(path: string, value: string): string | undefined;

  /** Removes a node with all below it. */
  rm(path: string): string | undefined;

  /** As the protocol writes them: the owner with what all others may, then exceptions. */
  setPermissions(path: string, permissions: readonly string[]): string | undefined;
  watch(path: string, token: string): string | undefined;
  unwatch(path: string, token: string): string | undefined;
}

/** Writes one node. Domain 0 is refused nothing, so a refusal is a path that we made wrongly. */
export function writeNode(client: StoreClient, path: string, value: string | number): void {
  const error = client.write(path, `${value}`);
  assert(error === undefined, `xenstore refuses to write "${path}": ${error}`);
}

/** Writes several nodes below `directory`, in the order given. */
export function writeNodes(client: StoreClient, directory: string, values: NodeValues): void {
  for (const [name, value] of Object.entries(values)) {
    writeNode(client, `${directory}/${name}`, value);
  }
}

/**
 * Values by the path of their node below some directory, in the order in which they are written.
 */
export type NodeValues = Readonly<Record<string, string | number>>;

/** Makes a node with permissions of its own, which those made below it later will share. */
export function makeNode(
  client: StoreClient,
  path: string,
  permissions: readonly string[],
  value = '',
): void {
  writeNode(client, path, value);
  const error = client.setPermissions(path, permissions);
  assert(error === undefined, `xenstore refuses permissions of "${path}": ${error}`);
}

/** Domain 0 owns the node and `domain` may read it. */
export const readableBy = (domain: number): readonly string[] => ['n0', `r${domain}`];

/** `domain` owns the node, which is nobody else's business but domain 0's. */
export const ownedBy = (domain: number): readonly string[] => [`n${domain}`];

/**
 * A number as guests write it: digits at the start of the text, perhaps behind blanks, as `sscanf`
 * of "%u" reads them.
 *
 * @returns undefined if there is no such number of 32 bits
 */
export function readNumber(client: StoreClient, path: string): number | undefined {
  const [, digits] = /^\s*(\d{1,10})/.exec(client.read(path) ?? '') ?? [];
  const value = Number(digits);
  return digits === undefined || value > 0xffff_ffff ? undefined : value;
}
