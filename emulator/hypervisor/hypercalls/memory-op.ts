/**
 * `HYPERVISOR_memory_op`: how much memory a domain has, and what it may know of the machine's.
 *
 * What a sub-operation changes in its struct goes back to the guest even when exchange fails, which
 * says how far it got. Xen: `common/memory.c`, `arch/x86/mm.c`, `arch/x86/x86_64/compat/mm.c`.
 */

import { arch_shared_info, MACH2PHYS_VIRT_END } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import type { Layout, View } from '../../abi/layout.ts';
import {
  e820entry,
  XENMAPSPACE,
  XENMEM,
  xen_add_to_physmap,
  xen_add_to_physmap_batch,
  xen_foreign_memory_map,
  xen_machphys_mapping,
  xen_machphys_mfn_list,
  xen_memory_domain,
  xen_memory_exchange,
  xen_memory_map,
  xen_pod_target,
  xen_remove_from_physmap,
  xen_translate_gpfn_list,
} from '../../abi/memory.ts';
import { HYPERVISOR, shared_info } from '../../abi/xen.ts';
import { checkTarget } from '../domains/foreign-domain.ts';
import { type Caller, continueLater, type Hypercall, unimplemented } from '../hypercall.ts';
import { exchange } from './memory-exchange.ts';
import { changeReservation, commandBits } from './memory-reservation.ts';

const PAGE = 4096;
/** A piece of the machine-to-physical table that one list entry stands for. */
const PIECE = 2 ** 21;
/** End of the table's window on a 64-bit Xen. */
const COMPAT_M2P_END = 0xffe0_0000;
const MOST_E820 = 128;
const MOST_TRANSLATED = 0xfff_ffff;
/** Frame numbers that are translated in one go. */
const IN_ONE_GO = 4096;

/** @param start how much of it was done before, where an operation can be interrupted */
type Act = (caller: Caller, address: number, start: number) => number;

// biome-ignore lint/suspicious/noExplicitAny: operations take different structs
type AnyLayout = Layout<any>;

/** Struct in, act, struct out. */
function taking<L extends AnyLayout>(
  layout: L,
  act: (caller: Caller, fields: View<L>, start: number, address: number) => number,
  answersAlways = false,
): Act {
  return (caller, address, start) => {
    const bytes = caller.memory.copyIn(address, layout.size);
    if (bytes === undefined) {
      return -ERRNO.EFAULT;
    }
    const answer = act(caller, layout.at(bytes) as View<L>, start, address);
    const goesBack = layout.answers && (answer >= 0 || answersAlways);
    return goesBack && !caller.memory.write(address, bytes) ? -ERRNO.EFAULT : answer;
  };
}

/** A figure about a domain that the caller may ask about. */
const figure = (read: (caller: Caller) => number): Act =>
  taking(xen_memory_domain, (caller, { domid }) => {
    const target = checkTarget(caller, domid);
    return target === 0 ? read(caller) : target;
  });

/** The pages a domain has; a translated one's run also has places for what Xen shares with it. */
function pagesNow({ xen, domain }: Caller): number {
  const { frameCount, pages } = domain.fields;
  const shared = domain.isTranslated ? frameCount - pages : 0;
  return xen.frames.pagesOf(domain.id) - shared;
}

/** The highest frame number that the guest has said it has. */
function maximumGpfn({ xen, domain }: Caller): number {
  const offset = shared_info.offsets.arch + arch_shared_info.offsets.max_pfn;
  const most = xen.ram.read32(domain.fields.sharedInfo * PAGE + offset);
  return (most || 1) - 1;
}

/** Where the pieces of the machine-to-physical table lie. */
const machphysList = taking(xen_machphys_mfn_list, ({ xen, memory, domain }, fields) => {
  const superpage = domain.format === 'pae' ? PIECE : 2 * PIECE;
  const bytes = Math.ceil((4 * xen.frames.count) / superpage) * superpage;
  const count = Math.min(fields.max_extents, bytes / PIECE);
  for (let i = 0; i < count; i++) {
    if (!memory.write32(fields.extent_start + 4 * i, xen.frames.m2pFrame + (i * PIECE) / PAGE)) {
      return -ERRNO.EFAULT;
    }
  }
  fields.nr_extents = count;
  return 0;
});

/** Where the guest sees the machine-to-physical table. */
function machphysMapping({ memory, domain }: Caller, address: number): number {
  const bytes = new DataView(new ArrayBuffer(xen_machphys_mapping.size));
  const fields = xen_machphys_mapping.at(bytes);
  const end = domain.format === 'pae' ? COMPAT_M2P_END : MACH2PHYS_VIRT_END.nonPae;
  fields.v_start = domain.fields.virtStart;
  fields.v_end = end;
  fields.max_mfn = (end - domain.fields.virtStart) / 4 - 1;
  return memory.write(address, bytes) ? 0 : -ERRNO.EFAULT;
}

const memoryMap = taking(xen_memory_map, ({ domain, memory }, fields) => {
  const { memoryMap: map } = domain.fields;
  if (map === undefined || map.length === 0) {
    return -ERRNO.ENOSYS;
  }
  const count = Math.min(fields.nr_entries, map.length);
  const bytes = new DataView(new ArrayBuffer(count * e820entry.size));
  for (const [i, piece] of map.slice(0, count).entries()) {
    const entry = e820entry.at(bytes, i * e820entry.size);
    entry.addr = BigInt(piece.address);
    entry.size = BigInt(piece.size);
    entry.type = piece.type;
  }
  fields.nr_entries = count;
  return memory.write(fields.buffer, bytes) ? 0 : -ERRNO.EFAULT;
});

/** The guest sets its own memory map, as a toolstack would. */
const setMemoryMap = taking(xen_foreign_memory_map, (caller, { domid, map }) => {
  const count = map.nr_entries;
  const target = checkTarget(caller, domid);
  if (count > MOST_E820) {
    return -ERRNO.EINVAL;
  }
  if (target !== 0) {
    return target;
  }
  const bytes = caller.memory.copyIn(map.buffer, count * e820entry.size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  caller.domain.fields.memoryMap = Array.from({ length: count }, (_, i) => {
    const entry = e820entry.at(bytes, i * e820entry.size);
    return { address: Number(entry.addr), size: Number(entry.size), type: entry.type };
  });
  return 0;
});

/**
 * Puts a frame of Xen's at a frame number of a translated guest's. They lie where the builder put
 * them and stay there, so only that place can be asked for.
 */
const addToPhysmap = taking(xen_add_to_physmap, (caller, { domid, space, idx, gpfn }) => {
  const { domain } = caller;
  const target = checkTarget(caller, domid);
  if (target !== 0) {
    return target;
  }
  if (!domain.isTranslated) {
    return domain.rules.refinesErrors ? -ERRNO.EACCES : -ERRNO.EINVAL;
  }
  const frame =
    space === XENMAPSPACE.shared_info && idx === 0
      ? domain.fields.sharedInfo
      : space === XENMAPSPACE.grant_table
        ? domain.grants.frames[idx]
        : undefined;
  if (frame === undefined) {
    return -ERRNO.EINVAL;
  }
  if (domain.machineFrame(gpfn) === frame) {
    return 0;
  }
  unimplemented(caller, 'memory_op add_to_physmap to another place than the frame has');
  return -ERRNO.EINVAL;
});

const addBatch = taking(xen_add_to_physmap_batch, (caller, { domid, space }) => {
  if (space === XENMAPSPACE.gmfn_range) {
    return -ERRNO.EOPNOTSUPP;
  }
  const target = checkTarget(caller, domid);
  return target === 0 ? -ERRNO.EACCES : target;
});

const removeFromPhysmap = taking(xen_remove_from_physmap, (caller, { domid }) => {
  const target = checkTarget(caller, domid);
  return target === -ERRNO.ESRCH ? target : -ERRNO.EACCES;
});

const populateOnDemand = taking(xen_pod_target, (caller, { domid }) =>
  checkTarget(caller, domid) === -ERRNO.ESRCH ? -ERRNO.ESRCH : -ERRNO.EINVAL,
);

/** The machine frames behind frame numbers of a translated guest. */
const translateList = taking(xen_translate_gpfn_list, (caller, fields, start, address) => {
  const { memory, domain } = caller;
  const { nr_gpfns: count, gpfn_list: from, mfn_list: to } = fields;
  if (count > MOST_TRANSLATED) {
    return -ERRNO.EINVAL;
  }
  if (!memory.isBelowHole(from, 4 * count) || !memory.isBelowHole(to, 4 * count)) {
    return -ERRNO.EFAULT;
  }
  const target = checkTarget(caller, fields.domid);
  if (target !== 0 || !domain.isTranslated) {
    return target === 0 ? -ERRNO.EINVAL : target;
  }
  for (let i = start; i < count; i++) {
    if (i - start >= IN_ONE_GO) {
      const ebx = XENMEM.translate_gpfn_list | (i << commandBits(caller));
      return continueLater(caller, HYPERVISOR.memory_op, { ebx: ebx >>> 0, ecx: address });
    }
    const frame = memory.read32(from + 4 * i);
    const mfn = frame === undefined ? undefined : (domain.machineFrame(frame) ?? 0xffff_ffff);
    if (mfn === undefined || !memory.write32(to + 4 * i, mfn)) {
      return -ERRNO.EFAULT;
    }
  }
  return 0;
});

const refused =
  (errno: number): Act =>
  () =>
    -errno;

const OPERATIONS: Readonly<Record<number, Act>> = {
  [XENMEM.maximum_ram_page]: ({ xen }) => xen.frames.count,
  [XENMEM.current_reservation]: figure(pagesNow),
  [XENMEM.maximum_reservation]: figure(({ domain }) => domain.identity.maxPages),
  [XENMEM.machphys_mfn_list]: machphysList,
  [XENMEM.add_to_physmap]: addToPhysmap,
};

/** Of May 2006 only. */
const EARLIER_OPERATIONS: Readonly<Record<number, Act>> = {
  [XENMEM.translate_gpfn_list]: translateList,
};

/** What came after May 2006. */
const LATER_OPERATIONS: Readonly<Record<number, Act>> = {
  [XENMEM.memory_map]: memoryMap,
  [XENMEM.machine_memory_map]: refused(ERRNO.EPERM),
  [XENMEM.exchange]: taking(xen_memory_exchange, exchange, true),
  [XENMEM.machphys_mapping]: machphysMapping,
  [XENMEM.set_memory_map]: setMemoryMap,
  [XENMEM.maximum_gpfn]: figure(maximumGpfn),
  [XENMEM.remove_from_physmap]: removeFromPhysmap,
  [XENMEM.set_pod_target]: populateOnDemand,
  [XENMEM.get_pod_target]: populateOnDemand,
  [XENMEM.add_to_physmap_batch]: addBatch,
  [XENMEM.machphys_compat_mfn_list]: machphysList,
};

export const memoryOp: Hypercall = {
  number: HYPERVISOR.memory_op,
  name: 'memory_op',
  parameters: ['cmd', 'arg'],
  commands: XENMEM,
  run(caller, command, address) {
    const bits = commandBits(caller);
    const operation = command & (2 ** bits - 1);
    const start = command >>> bits;
    switch (operation) {
      case XENMEM.increase_reservation:
      case XENMEM.decrease_reservation:
      case XENMEM.populate_physmap:
        return changeReservation(caller, operation, start, address);
      default:
        return other(caller, operation, start, address);
    }
  },
};

function other(caller: Caller, operation: number, start: number, address: number): number {
  const isLater = caller.domain.rules.refinesErrors;
  const ofTheTime = isLater ? LATER_OPERATIONS : EARLIER_OPERATIONS;
  const act = OPERATIONS[operation] ?? ofTheTime[operation];
  if (act === undefined) {
    unimplemented(caller, `memory_op ${operation}`);
    return -ERRNO.ENOSYS;
  }
  return start !== 0 && isLater ? -ERRNO.EINVAL : act(caller, address, start);
}
