/**
 * The back-end's half of the xenbus handshake, the same for all types of device.
 *
 * Each half of a device shows a state in xenstore and watches that of the other. The front-end may
 * come back at any time: a boot loader closes the device and sets it to its first state again, so
 * that the kernel that it starts finds it as new. Sources: `xen/include/public/io/xenbus.h`, the
 * state diagram in `io/blkif.h`; the transitions are those of Linux's blkback.
 */

import { ERRNO } from '../abi/errno.ts';
import { XenbusState } from '../abi/io/xenbus.ts';
import { assert } from '../assert.ts';
import {
  backendPath,
  type DeviceAddress,
  errorPath,
  frontendPath,
  makeDeviceNodes,
  removeDeviceNodes,
} from './device-nodes.ts';
import type { Journal, JournalKind } from './journal.ts';
import {
  type DeviceStore,
  type NodeValues,
  readNumber,
  type StoreClient,
  writeNode,
} from './store.ts';

/** What a type of device does when the handshake has come to it. */
export interface BackendDriver {
  /**
   * Takes up what the front-end offers and publishes what it must know before it goes on.
   *
   * @returns why that is impossible, a sentence; undefined when connected
   */
  connect(): string | undefined;

  /** The front-end can see that both are connected: time to look what it asked meanwhile. */
  connected(): void;

  /** Gives back all that `connect` took, if anything. */
  disconnect(): void;
}

type State = (typeof XenbusState)[keyof typeof XenbusState];

/** Whether the toolstack made the device, wants it gone, or has removed it. */
type Presence = 'not made' | 'online' | 'offline' | 'removed';

export interface XenbusBackendImage {
  readonly state: State;
  readonly presence: Presence;
}

export class XenbusBackend {
  readonly #store: DeviceStore;
  readonly #address: DeviceAddress;
  readonly #driver: BackendDriver;
  readonly #journal: Journal;
  #state: State = XenbusState.Unknown;
  #presence: Presence = 'not made';
  #client: StoreClient;

  constructor(store: DeviceStore, address: DeviceAddress, driver: BackendDriver, journal: Journal) {
    this.#store = store;
    this.#address = address;
    this.#driver = driver;
    this.#journal = journal;
    this.#client = this.#connected();
  }

  /** Domain 0's connection to xenstore on behalf of this device. */
  get client(): StoreClient {
    return this.#client;
  }

  get state(): State {
    return this.#state;
  }

  get presence(): Presence {
    return this.#presence;
  }

  /**
   * Makes the device: the nodes of both halves as the toolstack writes them, then waits for the
   * front-end.
   *
   * @param front the guest's half beside `backend`, in its first state
   * @param back the back-end's half beside `frontend`, online and in its first state
   */
  plug(front: NodeValues, back: NodeValues): void {
    assert(this.#presence === 'not made', 'a device is made once');
    makeDeviceNodes(this.#client, this.#address, front, back);
    this.#presence = 'online';
    this.#enter(XenbusState.InitWait);
    this.#client.watch(...this.#watched());
  }

  /** Asks the front-end to let go. The device is removed as soon as it has closed. */
  unplug(): void {
    if (this.#presence !== 'online') {
      return;
    }
    this.#presence = 'offline';
    writeNode(this.#client, `${backendPath(this.#address)}/online`, 0);
    if (this.#state === XenbusState.Closed) {
      this.remove();
    } else {
      this.#enter(XenbusState.Closing);
    }
  }

  /** Removes the device at once, whatever the front-end thinks of it. */
  remove(): void {
    if (this.#presence === 'not made' || this.#presence === 'removed') {
      return;
    }
    this.#client.unwatch(...this.#watched());
    this.#presence = 'removed';
    this.#state = XenbusState.Closed;
    this.#driver.disconnect();
    removeDeviceNodes(this.#client, this.#address);
  }

  /** Gives up on this connection, leaves the reason where drivers do, and asks to close. */
  fail(kind: JournalKind, text: string): void {
    const { type, domain, id } = this.#address;
    this.#journal.record({ kind, domain, device: `${type}/${id}`, text });
    writeNode(this.#client, errorPath(this.#address), `${ERRNO.EINVAL} ${text}`);
    this.#enter(XenbusState.Closing);
  }

  capture(): XenbusBackendImage {
    return { state: this.#state, presence: this.#presence };
  }

  /** Takes up an image. The store must have been restored to the same moment. */
  restore(image: XenbusBackendImage): void {
    this.#client = this.#connected();
    this.#state = image.state;
    this.#presence = image.presence;
  }

  #connected(): StoreClient {
    const { type, domain, id } = this.#address;
    return this.#store.connect(`backend ${type}/${domain}/${id}`, () => this.#frontendChanged());
  }

  #isPresent(): boolean {
    return this.#presence === 'online' || this.#presence === 'offline';
  }

  #frontendState(): string {
    return `${frontendPath(this.#address)}/state`;
  }

  /** The only watch: its path and token. */
  #watched(): [path: string, token: string] {
    return [this.#frontendState(), 'frontend'];
  }

  #frontendChanged(): void {
    if (!this.#isPresent()) {
      return;
    }
    const state = readNumber(this.#client, this.#frontendState());
    switch (state) {
      case XenbusState.Initialising:
        this.#startOver();
        break;
      case XenbusState.Initialised:
      case XenbusState.Connected:
        this.#connect();
        break;
      case XenbusState.Closing:
        this.#enter(XenbusState.Closing);
        break;
      case undefined: // The guest removed its half, or wrote no number: nobody is there.
      case XenbusState.Unknown:
      case XenbusState.Closed:
        this.#close();
        break;
      default:
        this.fail(
          'connection refused',
          `The front-end went to state ${state}, which it never has.`,
        );
    }
  }

  #startOver(): void {
    if (this.#presence === 'online' && this.#state !== XenbusState.InitWait) {
      this.#driver.disconnect();
      this.#enter(XenbusState.InitWait);
    }
  }

  #connect(): void {
    if (this.#presence !== 'online' || this.#state === XenbusState.Connected) {
      return;
    }
    this.#driver.disconnect();
    const problem = this.#driver.connect();
    if (problem !== undefined) {
      this.#driver.disconnect();
      this.fail('connection refused', problem);
      return;
    }
    this.#enter(XenbusState.Connected);
    this.#driver.connected();
  }

  #close(): void {
    this.#driver.disconnect();
    this.#enter(XenbusState.Closed);
    if (this.#presence === 'offline') {
      this.remove();
    }
  }

  #enter(state: State): void {
    if (this.#state !== state) {
      this.#state = state;
      writeNode(this.#client, `${backendPath(this.#address)}/state`, state);
    }
  }
}
