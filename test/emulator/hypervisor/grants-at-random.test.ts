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
} from '../../../emulator/abi/grant-table.ts';
import { DOMID, HYPERVISOR } from '../../../emulator/abi/xen.ts';
import { releaseGrants } from '../../../emulator/hypervisor/grant-map.ts';
import { relinquish } from '../../../emulator/hypervisor/memory/base-pointer.ts';
import { updateVaMapping } from '../../../emulator/hypervisor/memory/page-table-update.ts';
import { aGuest, aXen, discrepancies, type Guest } from '../../support/granting-machine.ts';

const PLACES = 4;

const reference = fc.oneof(
  fc.integer({ min: 7, max: 11 }),
  fc.constantFrom(0, 511, 512, 0xffff_ffff),
);
const domid = fc.constantFrom(1, 2, 2, 1, DOMID.SELF, 0, 999);
const flags = fc.oneof(
  fc.constantFrom<number>(1, 2, 3, 6, 2, 7),
  fc.integer({ min: 0, max: 31 }),
  fc.nat(),
);
const place = fc.nat({ max: PLACES });
const handle = fc.nat({ max: 5 });
const status = fc.constantFrom<number>(
  GTF_TYPE.permit_access,
  GTF_TYPE.permit_access,
  GTF_TYPE.permit_access | GTF.readonly,
  GTF_TYPE.accept_transfer,
  GTF_TYPE.transitive,
  0x101,
  0,
);
/** Which frame a guest means: one of its pages, its root, the other's page, its table, or none. */
const frame = fc.constantFrom(0, 1, 2, 3, 'root', 'other', 'table', 'none', 'heap');

const step = fc.oneof(
  fc.record({ does: fc.constant('offer'), reference, domid, status, frame }),
  fc.record({ does: fc.constant('map'), reference, domid, flags, place }),
  fc.record({ does: fc.constant('map'), reference, domid, flags, place }),
  fc.record({ does: fc.constant('unmap'), handle, place, flags }),
  fc.record({ does: fc.constant('replace'), handle, place, reference: place }),
  fc.record({ does: fc.constant('clear'), place }),
  fc.record({ does: fc.constant('drop'), frame }),
  fc.record({ does: fc.constant('transfer'), reference, domid, frame }),
  fc.record({ does: fc.constant('copy'), reference, domid, flags, frame }),
  fc.record({ does: fc.constant('version'), flags: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ does: fc.constant('setup'), flags: fc.integer({ min: 0, max: 66 }) }),
  fc.record({ does: fc.constant('swap'), reference, place: reference }),
  fc.record({ does: fc.constant('raw'), flags: fc.nat({ max: 13 }), reference: fc.nat() }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Fields = Partial<
  Record<'reference' | 'domid' | 'flags' | 'place' | 'handle' | 'status', number>
>;

class Play {
  readonly xen = aXen();
  readonly #guests: readonly Guest[];
  readonly #frames: readonly (readonly number[])[];

  constructor() {
    this.#guests = [aGuest(this.xen), aGuest(this.xen, { id: 2 })];
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
        break;
      case 'map': {
        const entry = flags & 16 ? BigInt(guest.placeOf(Number(address))) : address;
        guest.grantOp('map_grant_ref', gnttab_map_grant_ref, { host_addr: entry, flags, ref, dom });
        break;
      }
      case 'unmap': {
        const mapped = guest.domain.grants.mapping(handle)?.frame ?? 0;
        const more = flags & 1 ? { dev_bus_addr: BigInt(mapped) * 4096n } : {};
        const host_addr = flags & 16 ? BigInt(guest.placeOf(Number(address))) : address;
        guest.grantOp('unmap_grant_ref', gnttab_unmap_grant_ref, { host_addr, handle, ...more });
        break;
      }
      case 'replace': {
        const new_addr = BigInt(guest.page(ref).linear);
        const args = { host_addr: address, new_addr, handle };
        guest.grantOp('unmap_and_replace', gnttab_unmap_and_replace, args);
        break;
      }
      default:
        this.#actOnTables(guest, does, fields, frame);
    }
  }

  #actOnTables(guest: Guest, does: string, fields: Fields, frame: number): void {
    const { reference: ref = 0, domid = 0, flags = 0, place = 0 } = fields;
    const { domain, vcpu } = guest;
    switch (does) {
      case 'clear': {
        const scope = { domain, frameOwner: domain.id, preservesAccessed: false };
        const { linear } = guest.page(place);
        updateVaMapping(this.xen.pages, scope, vcpu.baseFrame, linear, { low: 0, high: 0 });
        break;
      }
      case 'drop':
        if (this.xen.frames.isValid(frame) && this.xen.frames.owner[frame] === domain.id) {
          this.xen.frames.release(frame);
        }
        break;
      case 'transfer':
        guest.grantOp('transfer', gnttab_transfer, { mfn: frame, domid, ref });
        break;
      case 'copy':
        guest.grantOp('copy', gnttab_copy, {
          source: { u: { ref: flags & 1 ? ref : frame }, domid: flags & 1 ? domid : DOMID.SELF },
          dest: { u: { ref: flags & 2 ? ref : frame }, domid: flags & 2 ? domid : DOMID.SELF },
          len: flags & 0x1fff,
          flags: flags & 3,
        });
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
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: 1 }), step), { minLength: 5, maxLength: 60 }),
      (steps) => {
        const play = new Play();
        for (const [who, move] of steps) {
          play.take(who, move);
        }
        expect(discrepancies(play.xen)).toEqual([]);
        play.end();
        expect(discrepancies(play.xen)).toEqual([]);
        expect([play.xen.frames.pagesOf(1), play.xen.frames.pagesOf(2)]).toEqual([0, 0]);
      },
    ),
    { numRuns: 40, seed: 20060509 },
  );
}, 120_000);
