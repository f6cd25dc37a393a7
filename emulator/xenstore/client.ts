/**
 * A privileged client within the emulator: what the back ends of devices and the tool stack use.
 *
 * Operations are those of `Session`, with text in place of bytes; paths may be relative to
 * `/local/domain/0`. When one answers, everyone who is told of it has been told.
 */

import type { XsdError } from '../abi/io/xs-wire.ts';
import { present } from '../assert.ts';
import { bytesOf, textOf } from './bytes.ts';
import { parsePermissions, permissionText } from './permissions.ts';
import type { Session } from './session.ts';
import { isError } from './view.ts';

/** What a client needs of the store that it is connected to. */
interface Server {
  session(name: string): Session | undefined;
  /** Lets others hear of what was done. */
  settle(): void;
}

export class Client {
  readonly name: string;
  readonly #server: Server;

  constructor(server: Server, name: string) {
    this.#server = server;
    this.name = name;
  }

  /** The value of a node, a character for each byte; `undefined` when it cannot be read. */
  read(path: string, transaction = 0): string | undefined {
    const value = this.#session.read(path, transaction);
    return isError(value) ? undefined : textOf(value);
  }

  /** The names of a node's children; `undefined` when there is no such node. */
  directory(path: string, transaction = 0): readonly string[] | undefined {
    const node = this.#session.directory(path, transaction);
    return isError(node) ? undefined : node.children;
  }

  /** The permissions of a node, such as `['n0', 'r5']`; `undefined` when there is no such node. */
  getPermissions(path: string, transaction = 0): readonly string[] | undefined {
    const permissions = this.#session.getPermissions(path, transaction);
    return isError(permissions) ? undefined : permissions.map(permissionText);
  }

  /** Sets the value of a node, a byte for each character, and creates what is missing. */
  write(path: string, value: string, transaction = 0): XsdError | undefined {
    return this.#settled(this.#session.write(path, bytesOf(value), transaction));
  }

  mkdir(path: string, transaction = 0): XsdError | undefined {
    return this.#settled(this.#session.mkdir(path, transaction));
  }

  rm(path: string, transaction = 0): XsdError | undefined {
    return this.#settled(this.#session.rm(path, transaction));
  }

  /** Sets permissions, such as `['n0', 'r5']`: EINVAL if one is malformed. */
  setPermissions(
    path: string,
    permissions: readonly string[],
    transaction = 0,
  ): XsdError | undefined {
    const parsed = parsePermissions(permissions);
    return parsed
      ? this.#settled(this.#session.setPermissions(path, parsed, transaction))
      : 'EINVAL';
  }

  /** Watches a path. The callback hears of it once at the start, before this answers. */
  watch(path: string, token: string): XsdError | undefined {
    const error = this.#session.watch(path, token);
    if (!error) {
      this.#session.deliverFirstEvent(path, token);
    }
    return this.#settled(error);
  }

  unwatch(path: string, token: string): XsdError | undefined {
    return this.#session.unwatch(path, token);
  }

  /** Opens a transaction and answers its id, which other operations take. */
  startTransaction(): number {
    const id = this.#session.startTransaction();
    // Only the quota of an unprivileged session can refuse.
    return present(isError(id) ? undefined : id, 'the transaction of a privileged client');
  }

  /** Ends a transaction: EAGAIN if it must be done again since what it read has changed. */
  endTransaction(id: number, takesEffect: boolean): XsdError | undefined {
    return this.#settled(this.#session.endTransaction(id, takesEffect));
  }

  get #session(): Session {
    return present(this.#server.session(this.name), `the session of ${this.name}`);
  }

  #settled<Result>(result: Result): Result {
    this.#server.settle();
    return result;
  }
}
