/** Calls about grants: the two guests map, copy and transfer each other's pages. */

import {
  GNTMAP,
  GNTST,
  GNTTABOP,
  gnttab_cache_flush,
  gnttab_copy,
  gnttab_get_status_frames,
  gnttab_get_version,
  gnttab_map_grant_ref,
  gnttab_query_size,
  gnttab_set_version,
  gnttab_setup_table,
  gnttab_swap_grant_ref,
  gnttab_transfer,
  gnttab_unmap_and_replace,
  gnttab_unmap_grant_ref,
} from '../../../emulator/abi/grant-table.ts';
import type { Layout, View } from '../../../emulator/abi/layout.ts';
import { nameOf } from '../../../emulator/abi/names.ts';
import { DOMID, HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { Draft } from './calls.ts';
import { copyFlags, filled, grantFlags } from './structs.ts';
import type { Values } from './values.ts';

// biome-ignore lint/suspicious/noExplicitAny: any struct of the ABI
type AnyLayout = Layout<any>;

const LAYOUTS: Readonly<Record<number, AnyLayout>> = {
  [GNTTABOP.map_grant_ref]: gnttab_map_grant_ref,
  [GNTTABOP.unmap_grant_ref]: gnttab_unmap_grant_ref,
  [GNTTABOP.setup_table]: gnttab_setup_table,
  [GNTTABOP.transfer]: gnttab_transfer,
  [GNTTABOP.copy]: gnttab_copy,
  [GNTTABOP.query_size]: gnttab_query_size,
  [GNTTABOP.unmap_and_replace]: gnttab_unmap_and_replace,
  [GNTTABOP.set_version]: gnttab_set_version,
  [GNTTABOP.get_status_frames]: gnttab_get_status_frames,
  [GNTTABOP.get_version]: gnttab_get_version,
  [GNTTABOP.swap_grant_ref]: gnttab_swap_grant_ref,
  [GNTTABOP.cache_flush]: gnttab_cache_flush,
};

const FAVOURITES: readonly [number, ...number[]] = [
  ...([GNTTABOP.map_grant_ref, GNTTABOP.map_grant_ref, GNTTABOP.unmap_grant_ref] as const),
  ...[GNTTABOP.unmap_grant_ref, GNTTABOP.copy, GNTTABOP.transfer, GNTTABOP.unmap_and_replace],
];

export function grantTableCall(values: Values): Draft {
  const { dice, world, vcpu } = values;
  const all = Object.values(GNTTABOP);
  const command = dice.oneIn(3) ? (all[dice.below(all.length)] ?? 0) : dice.pick(FAVOURITES);
  const layout = LAYOUTS[command];
  const one = layout === undefined ? new DataView(new ArrayBuffer(16)) : filled(values, layout);
  if (!values.isBad()) {
    adjust(values, command, one);
  }
  const count = dice.oneIn(8) ? 1 + dice.below(4) : 1;
  const bytes = new Uint8Array(count * one.byteLength);
  for (let i = 0; i < count; i++) {
    bytes.set(new Uint8Array(one.buffer), i * one.byteLength);
  }
  const address = values.pointerTo(bytes);
  const { domain } = vcpu;
  return {
    name: `grant_table_op ${nameOf(GNTTABOP, command) ?? 'unknown'}`,
    number: HYPERVISOR.grant_table_op,
    registers: [command, address, values.isBad() ? values.count() : count],
    outcome(answer) {
      if (answer !== 0 || layout === undefined) {
        return undefined;
      }
      const back = world.xen.memory.copyIn(address, layout.size);
      if (back === undefined || world.xen.scheduler.loaded?.domain !== domain) {
        return 'unreadable';
      }
      if (command === GNTTABOP.map_grant_ref) {
        remember(values, back, domain.id);
      }
      return statusOf(layout, back);
    },
  };
}

function statusOf(layout: AnyLayout, bytes: DataView): string | undefined {
  const field = layout.fields.find(({ name }) => name === 'status');
  if (field === undefined) {
    return undefined;
  }
  const status = bytes.getInt16(field.offset, true);
  return status === GNTST.okay ? undefined : `GNTST ${nameOf(GNTST, status) ?? status}`;
}

function remember(values: Values, bytes: DataView, domain: number): void {
  const map = gnttab_map_grant_ref.at(bytes);
  if (map.status === GNTST.okay) {
    const { handle, host_addr: hostAddress, dev_bus_addr: busAddress } = map;
    values.remember({ domain, handle, hostAddress, busAddress });
  }
}

/** Fields that must fit each other, and what is known of grants mapped before. */
function adjust(values: Values, command: number, bytes: DataView): void {
  const { dice } = values;
  const known = values.mappedGrant();
  switch (command) {
    case GNTTABOP.map_grant_ref: {
      const map = gnttab_map_grant_ref.at(bytes);
      map.dom = values.other();
      map.flags = grantFlags(values);
      const isEntry = (map.flags & GNTMAP.contains_pte) !== 0;
      map.host_addr = BigInt(isEntry ? values.entryAddress() : values.linear());
      break;
    }
    case GNTTABOP.unmap_grant_ref: {
      const unmap = gnttab_unmap_grant_ref.at(bytes);
      unmap.handle = known?.handle ?? 0;
      unmap.host_addr = dice.oneIn(6) ? 0n : (known?.hostAddress ?? 0n);
      unmap.dev_bus_addr = dice.oneIn(2) ? 0n : (known?.busAddress ?? 0n);
      break;
    }
    case GNTTABOP.unmap_and_replace: {
      const replace = gnttab_unmap_and_replace.at(bytes);
      replace.handle = known?.handle ?? 0;
      replace.host_addr = known?.hostAddress ?? 0n;
      replace.new_addr = dice.oneIn(4) ? 0n : BigInt(values.linear());
      break;
    }
    case GNTTABOP.copy:
      adjustCopy(values, gnttab_copy.at(bytes));
      break;
    case GNTTABOP.transfer: {
      const transfer = gnttab_transfer.at(bytes);
      transfer.domid = values.other();
      transfer.ref = values.world.acceptingReference(dice);
      break;
    }
    case GNTTABOP.setup_table: {
      const setup = gnttab_setup_table.at(bytes);
      setup.dom = DOMID.SELF;
      setup.nr_frames = dice.below(4);
      break;
    }
    case GNTTABOP.set_version:
      gnttab_set_version.at(bytes).version = 1 + dice.below(2);
      break;
    case GNTTABOP.cache_flush: {
      const flush = gnttab_cache_flush.at(bytes);
      flush.a.dev_bus_addr = BigInt(values.frame()) * 4096n;
      flush.op = dice.below(4);
      flush.offset = dice.below(2048);
      flush.length = dice.below(2048);
      break;
    }
  }
}

function adjustCopy(values: Values, copy: View<typeof gnttab_copy>): void {
  const { dice } = values;
  const flags = copyFlags(values);
  copy.flags = flags;
  copy.len = dice.below(256);
  for (const [side, isGrant] of [
    [copy.source, (flags & 1) !== 0],
    [copy.dest, (flags & 2) !== 0],
  ] as const) {
    side.domid = isGrant ? values.other() : DOMID.SELF;
    side.offset = dice.below(3800);
    side.u.ref = isGrant ? values.reference() : values.spareFrame();
  }
}
