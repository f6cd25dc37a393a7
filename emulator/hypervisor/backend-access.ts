/**
 * How a back-end in domain 0 reaches a guest: by the grants and ports that the guest offers it.
 *
 * Domain 0 has no page tables here; its mappings are device mappings, which hold the frame and
 * show in the guest's grant table as any other. They stand in domain 0's own table, so a restored
 * machine has them, and a page is found again by its handle.
 */

import { GNTMAP, GNTST } from '../abi/grant-table.ts';
import { assert } from '../assert.ts';
import type { Domain } from './domains/domain.ts';
import type { BackendPorts, PortReceiver } from './events/backend-ports.ts';
import { raiseEvent } from './events/event-delivery.ts';
import { closePort, connectInterdomain } from './events/event-ports.ts';
import { endMapping, mapGrant } from './grants/grant-map.ts';
import type { Mapping } from './grants/grant-table.ts';
import { transferPage } from './grants/grant-transfer.ts';
import { FRAME_TYPE } from './memory/frame-types.ts';
import type { Xen } from './xen.ts';

const PAGE = 4096;

/** A page of a guest that domain 0 has mapped. */
export class MappedPage {
  /** Of domain 0's grant table. */
  readonly handle: number;
  readonly #xen: Xen;
  readonly #mapping: Mapping;
  readonly #isMapped: () => boolean;

  /** @param mapping as domain 0's table has it at this moment */
  constructor(xen: Xen, owner: Domain, handle: number, mapping: Mapping) {
    this.handle = handle;
    this.#xen = xen;
    this.#mapping = mapping;
    this.#isMapped = () => owner.grants.mapping(handle)?.frame === mapping.frame;
  }

  read8(offset: number): number {
    return this.#xen.ram.read8(this.#place(offset, 1, false));
  }

  /** @param offset a multiple of 4 */
  read32(offset: number): number {
    return this.#xen.ram.read32(this.#place(offset, 4, false));
  }

  write8(offset: number, value: number): void {
    this.#xen.ram.write8(this.#place(offset, 1, true), value);
  }

  /** @param offset a multiple of 4 */
  write32(offset: number, value: number): void {
    this.#xen.ram.write32(this.#place(offset, 4, true), value);
  }

  /** A copy, which the guest cannot change any more. */
  readBytes(offset: number, length: number): Uint8Array {
    return this.#xen.ram.bytes(this.#place(offset, length, false), length).slice();
  }

  writeBytes(offset: number, bytes: Uint8Array): void {
    this.#xen.ram.load(this.#place(offset, bytes.length, true), bytes);
  }

  #place(offset: number, length: number, isWrite: boolean): number {
    const { frame, flags } = this.#mapping;
    assert(offset >= 0 && offset + length <= PAGE, `${length} bytes at ${offset} leave the page`);
    assert(this.#isMapped(), `The mapping ${this.handle} of domain 0 has ended`);
    assert(!isWrite || !(flags & GNTMAP.readonly), 'A page mapped for reading is written');
    return frame * PAGE + offset;
  }
}

/** Domain 0's end of an event channel. */
export interface BackendChannel {
  readonly localPort: number;
  notify(): void;
  close(): void;
}

/** A guest as the back-ends see it. */
export class FrontendAccess {
  readonly #xen: Xen;
  readonly #ports: BackendPorts;
  readonly #domain: Domain;

  constructor(xen: Xen, ports: BackendPorts, domain: Domain) {
    this.#xen = xen;
    this.#ports = ports;
    this.#domain = domain;
  }

  get id(): number {
    return this.#domain.id;
  }

  /** Maps the page of a grant; undefined if the grant table refuses. */
  mapGrant(reference: number, access: 'read' | 'write'): MappedPage | undefined {
    const flags = GNTMAP.device_map | (access === 'read' ? GNTMAP.readonly : 0);
    const request = { granter: this.#domain, reference, flags };
    const mapped = mapGrant(this.#xen, this.#ports.domain, request, () => false);
    return typeof mapped === 'number' ? undefined : this.grantedPage(mapped.handle);
  }

  /** Ends a mapping; the page must not be used afterwards. */
  unmapGrant({ handle }: { readonly handle: number }): void {
    const { domain } = this.#ports;
    assert(this.grantedPage(handle) !== undefined, `Mapping ${handle} is unmapped twice`);
    endMapping(this.#xen, domain, handle, GNTMAP.device_map, GNTMAP.device_map);
  }

  /** The mapping of this guest's that has this handle. */
  grantedPage(handle: number): MappedPage | undefined {
    const { domain } = this.#ports;
    const mapping = domain.grants.mapping(handle);
    return mapping?.domain === this.#domain.id
      ? new MappedPage(this.#xen, domain, handle, mapping)
      : undefined;
  }

  /**
   * Maps a page that the builder gave a purpose, such as a ring, without the guest's leave.
   *
   * @param frame machine frame; undefined is answered if the guest cannot let it be written any more
   */
  foreignPage(frame: number): MappedPage | undefined {
    const { id } = this.#domain;
    if (this.#xen.pages.getPageAndType(frame, id, FRAME_TYPE.writable) !== 0) {
      return undefined;
    }
    const mapping = { domain: id, reference: undefined, flags: GNTMAP.device_map, frame };
    const handle = this.#ports.domain.grants.addMapping(mapping);
    if (handle === undefined) {
      this.#xen.pages.putPageAndType(frame);
      return undefined;
    }
    return this.grantedPage(handle);
  }

  /**
   * Gives the guest a page of domain 0's that it waits for at an entry that accepts a transfer.
   * False if the guest does not take it.
   *
   * @param bytes at most a page; zeroes follow
   */
  transfer(reference: number, bytes: Uint8Array): boolean {
    assert(bytes.length <= PAGE, `${bytes.length} bytes are more than a page`);
    const { frames, ram } = this.#xen;
    const giver = this.#ports.domain;
    const frame = frames.allocate(giver.id);
    if (frame === undefined) {
      return false;
    }
    frames.scrub(frame);
    ram.load(frame * PAGE, bytes);
    return transferPage(this.#xen, giver, frame, this.id, reference) === GNTST.okay;
  }

  /** Binds to an unbound port of the guest that waits for domain 0. */
  bindInterdomain(remotePort: number, receiver: PortReceiver): BackendChannel | undefined {
    const port = connectInterdomain(this.#xen, this.#ports.domain, this.#domain, remotePort);
    if (port < 0) {
      return undefined;
    }
    return this.#open(port, receiver);
  }

  /** The channel to this guest that has this local port, with its receiver anew. */
  channel(localPort: number, receiver: PortReceiver): BackendChannel | undefined {
    const end = this.#ports.domain.events.at(localPort);
    const isOurs =
      (end.state === 'interdomain' || end.state === 'unbound') && end.remoteDomain === this.id;
    return isOurs ? this.#open(localPort, receiver) : undefined;
  }

  #open(localPort: number, receiver: PortReceiver): BackendChannel {
    this.#ports.attach(localPort, receiver);
    return {
      localPort,
      notify: () => this.#notify(localPort),
      close: () => {
        this.#ports.detach(localPort);
        closePort(this.#xen, this.#ports.domain, localPort);
      },
    };
  }

  /** As EVTCHNOP_send: while the guest has closed its end, events are lost. */
  #notify(localPort: number): void {
    const end = this.#ports.domain.events.at(localPort);
    if (end.state === 'interdomain') {
      raiseEvent(this.#xen, this.#domain, end.remotePort);
    }
  }
}
