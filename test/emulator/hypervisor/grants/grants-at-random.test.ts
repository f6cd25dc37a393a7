/** Whatever two guests do with grants, the books of frames stay right and nothing is thrown. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  GNTTABOP,
  GTF,
  GTF_TYPE,
  gnttab_copy,
  gnttab_map_grant_ref,
  gnttab_set_version,
  gnttab_setup_table,
  gnttab_swap_grant_ref,
  gnttab_transfer,
  gnttab_unmap_and_replace,
  gnttab_unmap_grant_ref,
} from '../../../../emulator/abi/grant-table.ts';
import { DOMID, HYPERVISOR } from '../../../../emulator/abi/xen.ts';
import { releaseGrants } from '../../../../emulator/hypervisor/grants/grant-map.ts';
import { relinquish } from '../../../../emulator/hypervisor/memory/base-pointer.ts';
import { updateVaMapping } from '../../../../emulator/hypervisor/memory/page-table-update.ts';
import {
  type Answer,
  aGuest,
  aXen,
  discrepancies,
  type Guest,
} from '../../../support/granting-machine.ts';

const PLACES = 4;
/** Of each guest. */
const PAGES = 1024;

const often = <T>(usual: readonly T[], rare: readonly T[]) =>
  fc.oneof(
    { arbitrary: fc.constantFrom(...usual), weight: 9 },
    { arbitrary: fc.constantFrom(...rare), weight: 1 },
  );

const reference = often([8, 9, 10], [0, 7, 511, 512, 0xffff_ffff]);
const domid = often<number>([1, 2], [DOMID.SELF, 0, 999]);
const flags = often<number>([1, 2, 3, 6, 7, 18, 22, 5], [0, 4, 16, 31, 0xffff_ffff, 0x7_0002]);
const place = fc.nat({ max: PLACES });
const handle = often([0, 1, 2], [3, 5, 0xffff_ffff]);
const status = often<number>(
  [GTF_TYPE.permit_access, GTF_TYPE.permit_access | GTF.readonly, GTF_TYPE.accept_transfer],
  [GTF_TYPE.transitive, GTF_TYPE.permit_access | GTF.sub_page, 0],
);
/** Which frame a guest means: one of its pages, its root, the other's page, its table, or none. */
const frame = often<number | string>([0, 1, 2, 3], ['root', 'other', 'table', 'none', 'heap']);

const offer = fc.record({ does: fc.constant('offer'), reference, domid, status, frame });
const map = fc.record({ does: fc.constant('map'), reference, domid, flags, place });
const unmap = fc.record({ does: fc.constant('unmap'), handle, place, flags });

const step = fc.oneof(
  { arbitrary: offer, weight: 10 },
  { arbitrary: map, weight: 12 },
  { arbitrary: unmap, weight: 10 },
  fc.record({ does: fc.constant('replace'), handle, place, reference: place }),
  fc.record({ does: fc.constant('clear'), place }),
  fc.record({ does: fc.constant('drop'), frame }),
  { arbitrary: fc.record({ does: fc.constant('transfer'), reference, domid, frame }), weight: 4 },
  fc.record({ does: fc.constant('copy'), reference, domid, flags, frame }),
  fc.record({ does: fc.constant('version'), flags: often([1, 2], [0, 3]) }),
  fc.record({ does: fc.constant('setup'), flags: often([1, 2], [64, 65]) }),
  fc.record({ does: fc.constant('swap'), reference, place: reference }),
  fc.record({ does: fc.constant('raw'), flags: fc.nat({ max: 13 }), reference: fc.nat() }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Fields = Partial<
  Record<'reference' | 'domid' | 'flags' | 'place' | 'handle' | 'status', number>
>;

class Play {
  readonly xen = aXen();
  /** How many operations of each kind succeeded. */
  readonly succeeded = new Map<string, number>();
  /** Where guests mapped what has a handle: by `guest handle`. */
  readonly #places = new Map<string, bigint>();
  readonly #guests: readonly Guest[];
  readonly #frames: readonly (readonly number[])[];

  constructor() {
    this.#guests = [
      aGuest(this.xen, { pages: PAGES, maxPages: PAGES + 4 }),
      aGuest(this.xen, { id: 2, pages: PAGES, maxPages: PAGES + 4 }),
    ];
    this.#frames = this.#guests.map((guest) =>
      Array.from({ length: PLACES }, (_, n) => guest.page(n).frame),
    );
  }

  #frameOf(who: number, which: number | string): number {
    const guest = this.#guests[who] as Guest;
    switch (which) {
      case 'root':
        return guest.vcpu.baseFrame;
      case 'other':
        return this.#frames[1 - who]?.[0] ?? 0;
      case 'table':
        return guest.domain.grants.frames[0] ?? 0;
      case 'none':
        return 0xffff_ffff;
      case 'heap':
        return this.xen.frames.count - 1;
      default:
        return this.#frames[who]?.[Number(which)] ?? 0;
    }
  }

  take(who: number, move: Step): void {
    const guest = this.#guests[who] as Guest;
    const target = 'frame' in move ? this.#frameOf(who, move.frame) : 0;
    this.#act(guest, move.does, move as Fields, target);
  }

  #act(guest: Guest, does: string, fields: Fields, frame: number): void {
    const { reference: ref = 0, domid: dom = 0, flags = 0, handle = 0, place = 0 } = fields;
    const address = BigInt(guest.page(place).linear);
    switch (does) {
      case 'offer':
        guest.offer(ref, fields.status ?? 0, dom, frame);
        guest.domain.grants.setFrame(this.xen.ram, ref, frame);
        break;
      case 'map': {
        const entry = flags & 16 ? BigInt(guest.placeOf(Number(address))) : address;
        const args = { host_addr: entry, flags, ref, dom };
        const answer = guest.grantOp('map_grant_ref', gnttab_map_grant_ref, args);
        this.#note('map', answer);
        if (answer.fields.status === 0) {
          this.#places.set(`${guest.id} ${answer.fields.handle}`, entry);
        }
        break;
      }
      case 'unmap': {
        const mapped = guest.domain.grants.mapping(handle)?.frame ?? 0;
        const more = flags & 1 ? { dev_bus_addr: BigInt(mapped) * 4096n } : {};
        const mappedAt = this.#places.get(`${guest.id} ${handle}`) ?? address;
        const host_addr = place === 0 ? address : mappedAt;
        const args = { host_addr, handle, ...more };
        this.#note('unmap', guest.grantOp('unmap_grant_ref', gnttab_unmap_grant_ref, args));
        break;
      }
      case 'replace': {
        const new_addr = BigInt(guest.page(ref).linear);
        const args = { host_addr: address, new_addr, handle };
        this.#note('replace', guest.grantOp('unmap_and_replace', gnttab_unmap_and_replace, args));
        break;
      }
      default:
        this.#actOnTables(guest, does, fields, frame);
    }
  }

  #actOnTables(guest: Guest, does: string, fields: Fields, frame: number): void {
    const { reference: ref = 0, domid = 0, flags = 0, place = 0 } = fields;
    const { domain } = guest;
    switch (does) {
      case 'clear':
        this.#clear(guest, place);
        break;
      case 'drop':
        if (this.xen.frames.isValid(frame) && this.xen.frames.owner[frame] === domain.id) {
          this.xen.frames.release(frame);
        }
        break;
      case 'transfer': {
        this.#clearAll(guest, frame);
        const args = { mfn: frame, domid, ref };
        this.#note('transfer', guest.grantOp('transfer', gnttab_transfer, args));
        break;
      }
      case 'copy':
        this.#copy(guest, fields, frame);
        break;
      case 'version':
        guest.grantOp('set_version', gnttab_set_version, { version: flags });
        break;
      case 'setup':
        guest.grantOp('setup_table', gnttab_setup_table, {
          dom: DOMID.SELF,
          nr_frames: flags,
          frame_list: guest.page(6).linear,
        });
        break;
      case 'swap':
        guest.grantOp('swap_grant_ref', gnttab_swap_grant_ref, { ref_a: ref, ref_b: place });
        break;
      default:
        guest.call(HYPERVISOR.grant_table_op, flags % (GNTTABOP.cache_flush + 2), ref, 2);
    }
  }

  #clear(guest: Guest, place: number): void {
    const { domain, vcpu } = guest;
    const scope = { domain, frameOwner: domain.id, preservesAccessed: false };
    const { linear } = guest.page(place);
    updateVaMapping(this.xen.pages, scope, vcpu.baseFrame, linear, { low: 0, high: 0 });
  }

  /** Lets go of a frame, which else could not be given away. */
  #clearAll(guest: Guest, frame: number): void {
    for (let place = 0; place < PLACES; place++) {
      if (guest.page(place).frame === frame) {
        this.#clear(guest, place);
      }
    }
  }

  #copy(guest: Guest, { reference: ref = 0, domid = 0, flags = 0 }: Fields, frame: number): void {
    const side = (isGrant: boolean) => ({
      u: { ref: isGrant ? ref : frame },
      domid: isGrant ? domid : DOMID.SELF,
    });
    const answer = guest.grantOp('copy', gnttab_copy, {
      source: side((flags & 1) !== 0),
      dest: side((flags & 2) !== 0),
      len: flags & 0x1fff,
      flags: flags & 3,
    });
    this.#note('copy', answer);
  }

  #note(what: string, { fields }: Answer): void {
    if (fields.status === 0) {
      this.succeeded.set(what, (this.succeeded.get(what) ?? 0) + 1);
    }
  }

  end(): void {
    for (const { domain, vcpu } of this.#guests) {
      const spare = this.#guests.find((guest) => guest.vcpu !== vcpu) as Guest;
      releaseGrants(this.xen, domain);
      spare.xen.scheduler.loaded = undefined;
      relinquish(this.xen.pages, domain);
    }
  }
}

test('the books stay right over any sequence of grants, maps, copies and transfers', () => {
  const succeeded = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.noBias(
        fc.array(fc.tuple(fc.nat({ max: 1 }), step), {
          minLength: 20,
          maxLength: 250,
          size: 'max',
        }),
      ),
      (steps) => {
        const play = new Play();
        for (const [who, move] of steps) {
          play.take(who, move);
        }
        expect(discrepancies(play.xen)).toEqual([]);
        play.end();
        expect(discrepancies(play.xen)).toEqual([]);
        expect([play.xen.frames.pagesOf(1), play.xen.frames.pagesOf(2)]).toEqual([0, 0]);
        for (const [what, count] of play.succeeded) {
          succeeded.set(what, (succeeded.get(what) ?? 0) + count);
        }
      },
    ),
    { numRuns: 20, seed: 20060509 },
  );
  // Else the guests only met refusals, which change nothing.
  expect([...succeeded.keys()].sort()).toEqual(['copy', 'map', 'replace', 'transfer', 'unmap']);
}, 120_000);
