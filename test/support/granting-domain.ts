/**
 * A guest as devices see it, and nothing more: pages of plain memory, grants, event ports.
 *
 * Tests hold it from both sides: `grant`, `openPort` and `raise` are the guest's acts.
 */

import type {
  Channel,
  EventReceiver,
  FrontendDomain,
  GrantedPage,
} from '../../emulator/devices/frontend.ts';

interface Grant {
  readonly bytes: Uint8Array;
  readonly access: 'read' | 'write';
}

interface Port {
  receiver: EventReceiver | undefined;
  localPort: number | undefined;
  /** How many events the guest got. */
  events: number;
}

export class GrantingDomain implements FrontendDomain {
  readonly id: number;
  readonly #grants = new Map<number, Grant>();
  readonly #mappings = new Map<number, GrantedPage>();
  readonly #ports = new Map<number, Port>();
  #nextHandle = 1;
  #nextLocalPort = 100;

  constructor(id = 1) {
    this.id = id;
  }

  /** Offers a page under a reference that nobody uses yet. */
  grant(access: 'read' | 'write', bytes = new Uint8Array(4096)): number {
    const ref = this.#grants.size + 8;
    this.#grants.set(ref, { bytes, access });
    return ref;
  }

  /** The memory behind a grant. */
  page(ref: number): Uint8Array {
    const grant = this.#grants.get(ref);
    if (grant === undefined) {
      throw new Error(`no grant ${ref}`);
    }
    return grant.bytes;
  }

  /** A port that waits for domain 0. */
  openPort(): number {
    const port = this.#ports.size + 3;
    this.#ports.set(port, { receiver: undefined, localPort: undefined, events: 0 });
    return port;
  }

  /** The guest's `EVTCHNOP_send`. */
  raise(port: number): void {
    this.#ports.get(port)?.receiver?.handleEvent();
  }

  eventsAt(port: number): number {
    return this.#ports.get(port)?.events ?? 0;
  }

  isBound(port: number): boolean {
    return this.#ports.get(port)?.localPort !== undefined;
  }

  get mappings(): number {
    return this.#mappings.size;
  }

  mapGrant(ref: number, access: 'read' | 'write'): GrantedPage | undefined {
    const grant = this.#grants.get(ref);
    if (grant === undefined || (access === 'write' && grant.access === 'read')) {
      return undefined;
    }
    const page = plainPage(this.#nextHandle++, grant.bytes, access);
    this.#mappings.set(page.handle, page);
    return page;
  }

  unmapGrant(page: GrantedPage): void {
    if (!this.#mappings.delete(page.handle)) {
      throw new Error(`mapping ${page.handle} is unmapped twice`);
    }
  }

  grantedPage(handle: number): GrantedPage | undefined {
    return this.#mappings.get(handle);
  }

  bindInterdomain(remotePort: number, receiver: EventReceiver): Channel | undefined {
    const port = this.#ports.get(remotePort);
    if (port === undefined || port.localPort !== undefined) {
      return undefined;
    }
    port.localPort = this.#nextLocalPort++;
    return this.channel(port.localPort, receiver);
  }

  channel(localPort: number, receiver: EventReceiver): Channel | undefined {
    const port = [...this.#ports.values()].find((candidate) => candidate.localPort === localPort);
    if (port === undefined) {
      return undefined;
    }
    port.receiver = receiver;
    return {
      localPort,
      notify: () => {
        port.events++;
      },
      close: () => {
        port.receiver = undefined;
        port.localPort = undefined;
      },
    };
  }
}

/** A page over plain bytes, which holds its user to the bounds and to the access of the mapping. */
export function plainPage(
  handle: number,
  bytes: Uint8Array,
  access: 'read' | 'write' = 'write',
): GrantedPage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mayWrite = () => {
    if (access === 'read') {
      throw new Error('a page that was mapped for reading is written');
    }
  };
  const within = (offset: number, length: number) => {
    if (offset < 0 || offset + length > bytes.length) {
      throw new Error(`${length} bytes at ${offset} leave the page`);
    }
  };
  return {
    handle,
    read8: (offset) => view.getUint8(offset),
    read32: (offset) => view.getUint32(offset, true),
    write8(offset, value) {
      mayWrite();
      view.setUint8(offset, value);
    },
    write32(offset, value) {
      mayWrite();
      view.setUint32(offset, value, true);
    },
    readBytes(offset, length) {
      within(offset, length);
      return bytes.slice(offset, offset + length);
    },
    writeBytes(offset, source) {
      mayWrite();
      within(offset, source.length);
      bytes.set(source, offset);
    },
  };
}
