/**
 * The back-end's side of a shared ring: requests and responses in one page, in the same slots.
 *
 * Indices run freely through 32 bits and are masked for use. The page belongs to the guest, which
 * may write anything anywhere at any time, so the back-end's own indices are never read back from
 * it, a request is a copy, and a producer index that claims more requests than there are slots
 * breaks the ring for good. Source: `xen/include/public/io/ring.h`.
 */

import { ringLength, sring } from '../abi/io/ring.ts';
import { type GrantedPage, PAGE_BYTES } from './frontend.ts';

/** Where a ring stands. The indices are the back-end's own, which the guest does not see. */
export interface RingImage {
  readonly requestConsumer: number;
  readonly responseProducer: number;
  readonly broken: boolean;
}

const { req_prod, req_event, rsp_prod, rsp_event } = sring.offsets;

/** Slots begin behind the indices and padding. */
const SLOTS = sring.size;

export class BackRing {
  /** How many slots there are: a power of two. */
  readonly size: number;
  readonly #page: GrantedPage;
  readonly #slotBytes: number;
  #requestConsumer: number;
  #responseProducer: number;
  #broken: boolean;

  private constructor(page: GrantedPage, slotBytes: number, image: RingImage) {
    this.#page = page;
    this.#slotBytes = slotBytes;
    this.size = ringLength(slotBytes, PAGE_BYTES);
    this.#requestConsumer = image.requestConsumer;
    this.#responseProducer = image.responseProducer;
    this.#broken = image.broken;
  }

  /**
   * Takes up a ring that the front-end prepared: whatever it asked so far is still to be answered.
   *
   * @param slotBytes of the longer of request and response
   */
  static attach(page: GrantedPage, slotBytes: number): BackRing {
    const produced = page.read32(rsp_prod);
    return new BackRing(page, slotBytes, {
      requestConsumer: produced,
      responseProducer: produced,
      broken: false,
    });
  }

  static restore(page: GrantedPage, slotBytes: number, image: RingImage): BackRing {
    return new BackRing(page, slotBytes, image);
  }

  capture(): RingImage {
    return {
      requestConsumer: this.#requestConsumer,
      responseProducer: this.#responseProducer,
      broken: this.#broken,
    };
  }

  /** Whether the guest once claimed more requests than fit. Nothing is taken from then on. */
  get isBroken(): boolean {
    return this.#broken;
  }

  /** A copy of the next request, if there is one. May find the ring broken. */
  take(): Uint8Array | undefined {
    if (!this.#hasRequests()) {
      return undefined;
    }
    const request = this.#page.readBytes(this.#slot(this.#requestConsumer), this.#slotBytes);
    this.#requestConsumer = (this.#requestConsumer + 1) >>> 0;
    return request;
  }

  /** Puts a response in the next slot, which the front-end sees when it is published. */
  respond(response: Uint8Array): void {
    this.#page.writeBytes(this.#slot(this.#responseProducer), response);
    this.#responseProducer = (this.#responseProducer + 1) >>> 0;
  }

  /** Shows the front-end all responses. Says whether it asked to be notified of one among them. */
  publish(): boolean {
    const before = this.#page.read32(rsp_prod);
    const after = this.#responseProducer;
    this.#page.write32(rsp_prod, after);
    const wanted = this.#page.read32(rsp_event);
    return (after - wanted) >>> 0 < (after - before) >>> 0;
  }

  /** Asks for an event with the next request. Says whether requests have come meanwhile. */
  sleep(): boolean {
    if (this.#hasRequests()) {
      return true;
    }
    this.#page.write32(req_event, (this.#requestConsumer + 1) >>> 0);
    return this.#hasRequests();
  }

  #hasRequests(): boolean {
    if (this.#broken) {
      return false;
    }
    const produced = this.#page.read32(req_prod);
    // Requests that are taken but not answered still hold their slots.
    if ((produced - this.#responseProducer) >>> 0 > this.size) {
      this.#broken = true;
      return false;
    }
    // An index behind ours but within the ring: a guest that went back is as good as one at rest.
    const ahead = (produced - this.#requestConsumer) >>> 0;
    return ahead !== 0 && ahead <= this.size;
  }

  #slot(index: number): number {
    return SLOTS + (index & (this.size - 1)) * this.#slotBytes;
  }
}
