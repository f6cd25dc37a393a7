/**
 * What a back-end needs of the hypervisor: pages that a guest granted, and event channels to it.
 *
 * Devices stand where domain 0 would, so they reach a guest only by what it offers: a grant that it
 * revoked or never made is refused, a port that it did not open cannot be bound. A page and a
 * channel have a number that outlives a checkpoint, by which a restored device finds them again.
 */

/** The domain on the other side of a device. */
export interface FrontendDomain {
  readonly id: number;

  /**
   * Maps the page of a grant, as `GNTTABOP_map_grant_ref` of domain 0 does.
   *
   * @returns undefined if the grant table refuses
   */
  mapGrant(ref: number, access: 'read' | 'write'): GrantedPage | undefined;

  /** Ends the mapping; the page must not be used afterwards. */
  unmapGrant(page: GrantedPage): void;

  /** The mapping that had this handle when the machine was captured. */
  grantedPage(handle: number): GrantedPage | undefined;

  /**
   * Binds to an unbound port of the guest that waits for domain 0, as
   * `EVTCHNOP_bind_interdomain` does. Events of the guest arrive at `receiver` from then on.
   *
   * @returns undefined if the port does not wait for domain 0
   */
  bindInterdomain(remotePort: number, receiver: EventReceiver): Channel | undefined;

  /** The channel that had this local port when the machine was captured, with its receiver anew. */
  channel(localPort: number, receiver: EventReceiver): Channel | undefined;
}

/** A page of the guest, 4096 bytes. Writes are seen by whoever tracks the machine's memory. */
export interface GrantedPage {
  /** Unique among the mappings of a machine. */
  readonly handle: number;
  read8(offset: number): number;
  /** @param offset a multiple of 4 */
  read32(offset: number): number;
  write8(offset: number, value: number): void;
  /** @param offset a multiple of 4 */
  write32(offset: number, value: number): void;
  /** A copy, which the guest cannot change any more. */
  readBytes(offset: number, length: number): Uint8Array;
  writeBytes(offset: number, bytes: Uint8Array): void;
}

/** Domain 0's end of an event channel. */
export interface Channel {
  /** Domain 0's own port. */
  readonly localPort: number;
  /** Raises the event at the guest's end. */
  notify(): void;
  close(): void;
}

/** Who is told that the guest raised an event. Many events before the call are one. */
export interface EventReceiver {
  handleEvent(): void;
}

/** How much a grant covers: one page. In bytes. */
export const PAGE_BYTES = 4096;
