/**
 * XenStore: the tree of nodes with everyone who is connected to it.
 *
 * It answers as xenstored 4.17 does, but is no process: everything happens within the call that
 * asks for it. Only the events of in-process clients wait until that call's answer is out, so that
 * a back end may itself ask for something when it hears one.
 */

import { assert, present } from '../assert.ts';
import { Client } from './client.ts';
import { Domains, type DomainsImage } from './domains.ts';
import { childOf } from './path.ts';
import { type Identity, ownedBy, type Permissions, RIGHT, rightsFor } from './permissions.ts';
import { defaultQuota, type Quota } from './quota.ts';
import { Session, type SessionImage, type Surroundings } from './session.ts';
import { Tree, type TreeImage } from './tree.ts';
import { View } from './view.ts';
import { type Change, eventFor, hears, mayHear, type WatchEvent } from './watches.ts';

/** Where the events of a session go. */
type Listener = (event: WatchEvent) => void;

export interface StoreImage {
  readonly tree: TreeImage;
  readonly domains: DomainsImage;
  readonly sessions: readonly SessionImage[];
  readonly special: readonly (readonly [name: string, permissions: Permissions])[];
}

/** Occurs when a domain gets its connection. */
const INTRODUCE_DOMAIN = '@introduceDomain';

/** Occurs when a domain shuts down, crashes or goes. */
const RELEASE_DOMAIN = '@releaseDomain';

const privileged: Identity = { domain: 0, isPrivileged: true, target: undefined };

/** How the session of a domain's ring is called. */
export function domainSession(domain: number): string {
  return `domain ${domain}`;
}

export class Store implements Surroundings {
  /** Told of each path that changes; for those who look on. */
  onChange: (path: string) => void = () => {};
  readonly tree = new Tree();
  readonly domains: Domains;
  readonly quota: Quota;
  /** In the order of connection, in which they hear of a change. */
  #sessions = new Map<string, Session>();
  #special = new Map<string, Permissions>([
    [INTRODUCE_DOMAIN, ownedBy(0)],
    [RELEASE_DOMAIN, ownedBy(0)],
  ]);
  readonly #listeners = new Map<string, Listener>();
  #waiting: (() => void)[] = [];
  #isSettling = false;

  constructor(quota: Quota = defaultQuota) {
    this.quota = quota;
    this.domains = new Domains(quota, this.tree.size);
  }

  /**
   * Connects a privileged client within the emulator, such as a back end, under a name of its own.
   * Its callback hears the events of its watches. After `restore`, connecting again under the same
   * name takes over the watches and transactions of that name.
   */
  connect(name: string, onEvent: Listener): Client {
    assert(!name.startsWith('domain '), `${name} is the name of a domain's session`);
    if (!this.#sessions.has(name)) {
      this.#open(name, 0, true);
    }
    this.listen(name, (event) => this.#waiting.push(() => onEvent(event)));
    return new Client(this, name);
  }

  /** Sends the events of a session, which may be opened later, to a listener of this name. */
  listen(name: string, listener: Listener): void {
    this.#listeners.set(name, listener);
  }

  /** The session of a name; `undefined` when its domain is not or no longer introduced. */
  session(name: string): Session | undefined {
    return this.#sessions.get(name);
  }

  /** All sessions, in the order of connection. */
  get sessions(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  /** Gets to know a domain, which from now on may be named in permissions. */
  createDomain(domain: number): void {
    this.domains.create(domain, this.tree.generation);
  }

  /** Opens the session of a domain and says so to those who watch for it. */
  introduceDomain(domain: number): void {
    assert(!this.domains.isIntroduced(domain), `domain ${domain} is already introduced`);
    this.createDomain(domain);
    this.domains.markIntroduced(domain);
    this.#open(domainSession(domain), domain, domain === 0);
    this.announce({ path: INTRODUCE_DOMAIN, isExact: true });
    this.settle();
  }

  /** Whether a domain has a session. */
  isIntroduced(domain: number): boolean {
    return this.domains.isIntroduced(domain);
  }

  /** Says, once, to those who watch for it that a domain has shut down or crashed. */
  shutDownDomain(domain: number): void {
    if (this.domains.markShutDown(domain, true)) {
      this.announce({ path: RELEASE_DOMAIN, isExact: true });
    }
    this.settle();
  }

  /** Notes that a domain runs again, so that its next shutdown is news. */
  resumeDomain(domain: number): void {
    this.domains.markShutDown(domain, false);
  }

  /**
   * Forgets a domain with its session, its nodes and all below them; nothing if it is unknown. Its
   * `Connection` is then of no use, also for a later domain with the same number.
   */
  releaseDomain(domain: number): void {
    assert(domain !== 0, 'domain 0, which owns the root of the store, is released');
    const wasIntroduced = this.domains.isIntroduced(domain);
    const name = domainSession(domain);
    this.#sessions.get(name)?.reset();
    this.#sessions.delete(name);
    this.#removeNodesOf(domain);
    for (const [event, permissions] of this.#special) {
      this.#special.set(event, without(permissions, domain));
    }
    for (const session of this.#sessions.values()) {
      // Unlike xenstored, which keeps the target's connection: a later domain is another one.
      session.target = session.target === domain ? undefined : session.target;
    }
    this.domains.forget(domain);
    if (wasIntroduced) {
      this.announce({ path: RELEASE_DOMAIN, isExact: true });
    }
    this.settle();
  }

  /** Lets a domain act for another too: ENOENT if either is not introduced. */
  setTarget(domain: number, target: number): 'ENOENT' | undefined {
    const session = this.#sessions.get(domainSession(domain));
    if (!(session && this.#sessions.has(domainSession(target)))) {
      return 'ENOENT';
    }
    session.target = target;
    return undefined;
  }

  /** Tells all watches that hear of a change, or of a special event, and may. */
  announce(change: Change): void {
    this.onChange(change.path);
    const special = this.#special.get(change.path);
    for (const session of this.#sessions.values()) {
      if (session.watches.length === 0) {
        continue;
      }
      const may = special
        ? (rightsFor(session, special) & RIGHT.read) !== 0
        : mayHear(session, new View(this, session), change);
      for (const watch of may ? session.watches : []) {
        if (hears(watch, change)) {
          this.deliver(session.name, eventFor(watch, session.domain, change.path));
        }
      }
    }
  }

  deliver(name: string, event: WatchEvent): void {
    const listener = this.#listeners.get(name);
    present(listener, `the listener of ${name}, which must connect again after a restore,`)(event);
  }

  specialPermissions(name: string): Permissions | undefined {
    return this.#special.get(name);
  }

  setSpecialPermissions(name: string, permissions: Permissions): void {
    this.#special.set(name, permissions);
  }

  /** Lets in-process clients hear of what has happened, and of what they do about it, in order. */
  settle(): void {
    if (this.#isSettling) {
      return;
    }
    this.#isSettling = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        next();
      }
    } finally {
      this.#isSettling = false;
    }
  }

  /** Plain data for `restore`. Not to be asked from within a callback. */
  capture(): StoreImage {
    assert(this.#waiting.length === 0, 'the store is captured while events wait to be heard');
    return {
      tree: this.tree.capture(),
      domains: this.domains.capture(),
      sessions: [...this.#sessions.values()].map((session) => session.capture()),
      special: [...this.#special],
    };
  }

  /** Becomes what was captured. Listeners stay; whoever is connected then must be listening. */
  restore(image: StoreImage): void {
    this.tree.restore(image.tree);
    this.domains.restore(image.domains);
    this.#special = new Map(image.special);
    this.#sessions = new Map(
      image.sessions.map((each) => [each.name, new Session(this, each)] as const),
    );
    this.#waiting = [];
  }

  #open(name: string, domain: number, isPrivileged: boolean): void {
    const empty = { target: undefined, watches: [], transactions: [], lastTransaction: 0 };
    this.#sessions.set(name, new Session(this, { name, domain, isPrivileged, ...empty }));
  }

  #removeNodesOf(domain: number): void {
    const view = new View(this, privileged);
    const pending = ['/'];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const parent = path;
      const node = this.tree.get(parent);
      if (parent !== '/' && node?.permissions[0].domain === domain) {
        view.remove(parent, (removed, gone, isExact) => {
          this.announce({ path: removed, node: gone, isExact });
        });
      } else if (node && this.domains.nodesOf(domain) > 0) {
        pending.push(...node.children.map((leaf) => childOf(parent, leaf)).reverse());
      }
    }
  }
}

/** The same permissions without any for a domain that has gone; what it owned becomes domain 0's. */
function without([owner, ...others]: Permissions, domain: number): Permissions {
  const heir = owner.domain === domain ? { ...owner, domain: 0 } : owner;
  return [heir, ...others.filter((entry) => entry.domain !== domain)];
}
