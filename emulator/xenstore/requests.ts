/**
 * What each type of message asks for, and its answer
 * (Xen: docs/misc/xenstore.txt; tools/xenstore/xenstored_core.c, wire_funcs).
 */

import { XENSTORE_PAYLOAD_MAX, XS, type XsdError } from '../abi/io/xs-wire.ts';
import { bytesOf } from './bytes.ts';
import { atoi } from './c-numbers.ts';
import { domainPath } from './path.ts';
import { parsePermissions, permissionText } from './permissions.ts';
import type { Session } from './session.ts';
import type { Store } from './store.ts';
import { isError } from './view.ts';
import { type Message, onlyText, texts } from './wire.ts';

/** A request with those whom it concerns. */
interface Request extends Pick<Message, 'transaction' | 'payload'> {
  readonly session: Session;
  readonly store: Store;
}

/** The payload of the answer; `undefined` stands for `OK`. */
type Handler = (request: Request) => Uint8Array | XsdError | undefined;

interface Operation {
  readonly handle: Handler;
  /** Others are answered EACCES. */
  readonly isPrivileged?: true;
  /** Whether the id of the transaction is not even looked at. */
  readonly ignoresTransaction?: true;
}

/** DOMID_SELF of xen/include/public/xen.h. */
const DOMID_SELF = 0x7ff0;

const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  // None of xenstored's commands exists here, and an unknown one is EINVAL there too.
  [XS.CONTROL, { handle: () => 'EINVAL', isPrivileged: true }],
  [XS.DIRECTORY, { handle: directory }],
  [
    XS.READ,
    { handle: withPath((path, { session, transaction }) => session.read(path, transaction)) },
  ],
  [XS.GET_PERMS, { handle: withPath(getPermissions) }],
  [XS.WATCH, { handle: watch, ignoresTransaction: true }],
  [XS.UNWATCH, { handle: unwatch, ignoresTransaction: true }],
  [XS.TRANSACTION_START, { handle: startTransaction }],
  [XS.TRANSACTION_END, { handle: endTransaction }],
  // Unlike xenstored, which serves the tool stack in domain 0: the emulator introduces domains.
  [XS.INTRODUCE, { handle: () => 'EACCES', isPrivileged: true }],
  [
    XS.RELEASE,
    { handle: withDomain(({ store }, domain) => store.releaseDomain(domain)), isPrivileged: true },
  ],
  [XS.GET_DOMAIN_PATH, { handle: withPath((domain) => bytesOf(`${domainPath(atoi(domain))}\0`)) }],
  [XS.WRITE, { handle: write }],
  [
    XS.MKDIR,
    { handle: withPath((path, { session, transaction }) => session.mkdir(path, transaction)) },
  ],
  [XS.RM, { handle: withPath((path, { session, transaction }) => session.rm(path, transaction)) }],
  [XS.SET_PERMS, { handle: setPermissions }],
  [XS.IS_DOMAIN_INTRODUCED, { handle: withPath(isDomainIntroduced), isPrivileged: true }],
  [
    XS.RESUME,
    { handle: withDomain(({ store }, domain) => store.resumeDomain(domain)), isPrivileged: true },
  ],
  [XS.SET_TARGET, { handle: setTarget, isPrivileged: true }],
  [XS.RESET_WATCHES, { handle: resetWatches }],
  [XS.DIRECTORY_PART, { handle: directoryPart }],
]);

/** Does what a message asks for, and answers with a message. Events go to their listeners. */
export function answer(store: Store, session: Session, message: Message): Message {
  const result = perform(store, session, message);
  const payload = isError(result) ? result : (result ?? bytesOf('OK\0'));
  if (isError(payload)) {
    return { ...message, type: XS.ERROR, payload: bytesOf(`${payload}\0`) };
  }
  return payload.length > XENSTORE_PAYLOAD_MAX
    ? { ...message, type: XS.ERROR, payload: bytesOf('E2BIG\0') }
    : { ...message, payload };
}

function perform(store: Store, session: Session, message: Message): ReturnType<Handler> {
  const operation = operations.get(message.type);
  if (!operation) {
    return 'ENOSYS';
  }
  if (operation.isPrivileged && !session.isPrivileged) {
    return 'EACCES';
  }
  const { payload } = message;
  const transaction = operation.ignoresTransaction ? 0 : message.transaction;
  if (transaction !== 0 && !session.hasTransaction(transaction)) {
    return 'ENOENT';
  }
  return operation.handle({ store, session, transaction, payload });
}

/**
 * Handles a payload of one text. Unlike xenstored, where a path that does not end in its only NUL
 * is answered with whatever error came before: EINVAL is what it means to say.
 */
function withPath(handle: (path: string, request: Request) => ReturnType<Handler>): Handler {
  return (request) => {
    const path = onlyText(request.payload);
    return path === undefined ? 'EINVAL' : handle(path, request);
  };
}

/** Handles a payload of one domain's number, which must be introduced and not be 0. */
function withDomain(handle: (request: Request, domain: number) => void): Handler {
  return withPath((text, request) => {
    const domain = atoi(text);
    if (domain === 0) {
      return 'EINVAL';
    }
    if (!request.store.isIntroduced(domain)) {
      return 'ENOENT';
    }
    handle(request, domain);
    return undefined;
  });
}

function directory({ session, transaction, payload }: Request): ReturnType<Handler> {
  const path = onlyText(payload);
  const node = path === undefined ? 'EINVAL' : session.directory(path, transaction);
  return isError(node) ? node : bytesOf(withNuls(node.children));
}

/**
 * Part of a list of children that is too long for one message: the node's generation, by which a
 * change shows between parts, then whole names from an offset on, and an empty one after the last.
 */
function directoryPart({ session, transaction, payload }: Request): ReturnType<Handler> {
  const [path, offsetText, ...others] = texts(payload);
  if (path === undefined || offsetText === undefined || others.length > 0) {
    return 'EINVAL';
  }
  const node = session.directory(path, transaction);
  if (isError(node)) {
    return node;
  }
  const generation = `${node.generation}\0`;
  const rest = withNuls(node.children).slice(atoi(offsetText));
  const room = XENSTORE_PAYLOAD_MAX - generation.length - 1;
  let length = 0;
  for (const name of rest.split('\0').slice(0, -1)) {
    if (length + name.length >= room) {
      return bytesOf(generation + rest.slice(0, length));
    }
    length += name.length + 1;
  }
  return bytesOf(`${generation}${rest}\0`);
}

function getPermissions(path: string, { session, transaction }: Request): ReturnType<Handler> {
  const permissions = session.getPermissions(path, transaction);
  return isError(permissions) ? permissions : bytesOf(withNuls(permissions.map(permissionText)));
}

function write({ session, transaction, payload }: Request): ReturnType<Handler> {
  // The value may hold NULs of its own, so only the first one counts.
  const [path] = texts(payload);
  return path === undefined
    ? 'EINVAL'
    : session.write(path, payload.slice(path.length + 1), transaction);
}

function setPermissions({ session, transaction, payload }: Request): ReturnType<Handler> {
  const [path, ...entries] = texts(payload);
  if (path === undefined || entries.length === 0) {
    return 'EINVAL';
  }
  // The quota is looked at before the entries are.
  if (!session.isPrivileged && entries.length > session.quota.permissions) {
    return 'ENOSPC';
  }
  const permissions = parsePermissions(entries);
  return permissions ? session.setPermissions(path, permissions, transaction) : 'EINVAL';
}

function watch({ session, payload }: Request): ReturnType<Handler> {
  const [path, token, ...others] = texts(payload);
  return path === undefined || token === undefined || others.length > 0
    ? 'EINVAL'
    : session.watch(path, token);
}

function unwatch({ session, payload }: Request): ReturnType<Handler> {
  const [path, token, ...others] = texts(payload);
  return path === undefined || token === undefined || others.length > 0
    ? 'EINVAL'
    : session.unwatch(path, token);
}

function resetWatches({ session }: Request): undefined {
  session.reset();
}

function startTransaction({ session, transaction }: Request): ReturnType<Handler> {
  if (transaction !== 0) {
    return 'EBUSY';
  }
  const id = session.startTransaction();
  return isError(id) ? id : bytesOf(`${id}\0`);
}

function endTransaction({ session, transaction, payload }: Request): ReturnType<Handler> {
  const verdict = onlyText(payload);
  return verdict === 'T' || verdict === 'F'
    ? session.endTransaction(transaction, verdict === 'T')
    : 'EINVAL';
}

function isDomainIntroduced(text: string, { store }: Request): ReturnType<Handler> {
  const domain = atoi(text);
  return bytesOf(domain === DOMID_SELF || store.isIntroduced(domain) ? 'T\0' : 'F\0');
}

function setTarget({ store, payload }: Request): ReturnType<Handler> {
  const [domain, target] = texts(payload);
  return domain === undefined || target === undefined
    ? 'EINVAL'
    : store.setTarget(atoi(domain), atoi(target));
}

function withNuls(names: readonly string[]): string {
  return names.map((name) => `${name}\0`).join('');
}
