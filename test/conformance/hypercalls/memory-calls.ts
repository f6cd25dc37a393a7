/** Calls about how much memory a guest has, and which. */

import type { Layout } from '../../../emulator/abi/layout.ts';
import {
  XENMEM,
  xen_add_to_physmap,
  xen_add_to_physmap_batch,
  xen_foreign_memory_map,
  xen_machphys_mfn_list,
  xen_memory_domain,
  xen_memory_exchange,
  xen_memory_map,
  xen_memory_reservation,
  xen_pod_target,
  xen_remove_from_physmap,
  xen_translate_gpfn_list,
} from '../../../emulator/abi/memory.ts';
import { nameOf } from '../../../emulator/abi/names.ts';
import { DOMID, HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { Draft } from './calls.ts';
import { filled } from './structs.ts';
import type { Values } from './values.ts';

// biome-ignore lint/suspicious/noExplicitAny: any struct of the ABI
const LAYOUTS: Readonly<Record<number, Layout<any>>> = {
  [XENMEM.increase_reservation]: xen_memory_reservation,
  [XENMEM.decrease_reservation]: xen_memory_reservation,
  [XENMEM.populate_physmap]: xen_memory_reservation,
  [XENMEM.current_reservation]: xen_memory_domain,
  [XENMEM.maximum_reservation]: xen_memory_domain,
  [XENMEM.maximum_gpfn]: xen_memory_domain,
  [XENMEM.machphys_mfn_list]: xen_machphys_mfn_list,
  [XENMEM.machphys_compat_mfn_list]: xen_machphys_mfn_list,
  [XENMEM.add_to_physmap]: xen_add_to_physmap,
  [XENMEM.add_to_physmap_batch]: xen_add_to_physmap_batch,
  [XENMEM.remove_from_physmap]: xen_remove_from_physmap,
  [XENMEM.translate_gpfn_list]: xen_translate_gpfn_list,
  [XENMEM.memory_map]: xen_memory_map,
  [XENMEM.set_memory_map]: xen_foreign_memory_map,
  [XENMEM.exchange]: xen_memory_exchange,
  [XENMEM.set_pod_target]: xen_pod_target,
  [XENMEM.get_pod_target]: xen_pod_target,
};

/** Those that change something are called more often. */
const FAVOURITES: readonly [number, ...number[]] = [
  XENMEM.increase_reservation,
  XENMEM.decrease_reservation,
  XENMEM.populate_physmap,
  XENMEM.exchange,
];

export function memoryCall(values: Values): Draft {
  const { dice, domain } = values;
  const all = Object.values(XENMEM);
  const command = dice.oneIn(2) ? dice.pick(FAVOURITES) : (all[dice.below(all.length)] ?? 0);
  const layout = LAYOUTS[command];
  const bytes = layout === undefined ? new DataView(new ArrayBuffer(16)) : filled(values, layout);
  if (!values.isBad()) {
    adjust(values, command, bytes);
  }
  const bits = domain.rules.refinesErrors ? 6 : 4;
  const start = values.isBad() ? (dice.below(4) << bits) >>> 0 : 0;
  const argument = values.pointerTo(new Uint8Array(bytes.buffer));
  const name = `memory_op ${nameOf(XENMEM, command) ?? 'unknown'}`;
  const isCount = FAVOURITES.slice(0, 3).includes(command);
  return {
    name,
    number: HYPERVISOR.memory_op,
    registers: [(command | start) >>> 0, argument],
    outcome: (answer) => (isCount && answer === 0 ? 'none done' : undefined),
  };
}

/** Fields that must fit each other. */
function adjust(values: Values, command: number, bytes: DataView): void {
  const { dice } = values;
  switch (command) {
    case XENMEM.increase_reservation:
    case XENMEM.decrease_reservation:
    case XENMEM.populate_physmap: {
      const reservation = xen_memory_reservation.at(bytes);
      reservation.domid = DOMID.SELF;
      reservation.extent_order = dice.oneIn(4) ? dice.below(3) : 0;
      break;
    }
    case XENMEM.exchange: {
      const { in: input, out: output } = xen_memory_exchange.at(bytes);
      const order = dice.pick([0, 0, 0, 1, 2]);
      input.domid = DOMID.SELF;
      output.domid = DOMID.SELF;
      input.extent_order = 0;
      input.nr_extents = 2 ** order * (1 + dice.below(2));
      output.extent_order = order;
      output.nr_extents = input.nr_extents / 2 ** order;
      bytes.setUint32(xen_memory_exchange.offsets.nr_exchanged, 0, true);
      break;
    }
    case XENMEM.set_memory_map:
      xen_foreign_memory_map.at(bytes).domid = DOMID.SELF;
      break;
    case XENMEM.add_to_physmap: {
      const { domain } = values;
      const fields = xen_add_to_physmap.at(bytes);
      fields.domid = DOMID.SELF;
      fields.space = dice.below(2);
      fields.idx = 0;
      const [frame = 0] = fields.space === 0 ? [domain.fields.sharedInfo] : domain.grants.frames;
      fields.gpfn = domain.guestFrame(frame) >>> 0;
      break;
    }
  }
}
