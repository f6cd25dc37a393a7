/**
 * Memory: `xen/include/public/memory.h`.
 *
 * Handles point to the guest's arrays and stay; what Xen writes goes behind them.
 */

import { guest_handle, xen_pfn_t, xen_ulong_t } from './arch-x86-32.ts';
import { out, struct, uint16, uint32, uint64, union } from './layout.ts';
import { domid_t } from './xen.ts';

export const XENMEM = {
  increase_reservation: 0,
  decrease_reservation: 1,
  maximum_ram_page: 2,
  current_reservation: 3,
  maximum_reservation: 4,
  machphys_mfn_list: 5,
  populate_physmap: 6,
  add_to_physmap: 7,
  /** Of Xen 3.0 only, and of translated guests. */
  translate_gpfn_list: 8,
  memory_map: 9,
  machine_memory_map: 10,
  exchange: 11,
  machphys_mapping: 12,
  set_memory_map: 13,
  maximum_gpfn: 14,
  remove_from_physmap: 15,
  set_pod_target: 16,
  get_pod_target: 17,
  get_sharing_freed_pages: 18,
  get_sharing_shared_pages: 19,
  paging_op: 20,
  access_op: 21,
  sharing_op: 22,
  add_to_physmap_batch: 23,
  claim_pages: 24,
  machphys_compat_mfn_list: 25,
  get_vnumainfo: 26,
  reserved_device_memory_map: 27,
  acquire_resource: 28,
} as const;

/** `xen_memory_reservation.mem_flags`; the low 8 bits are the width of an address, 0 for any. */
export const XENMEMF = {
  populate_on_demand: 1 << 16,
  exact_node_request: 1 << 17,
  vnode: 1 << 18,
} as const;

/** `xen_add_to_physmap.space`. */
export const XENMAPSPACE = {
  shared_info: 0,
  grant_table: 1,
  gmfn: 2,
  gmfn_range: 3,
  gmfn_foreign: 4,
  dev_mmio: 5,
} as const;

/** Bit of `xen_add_to_physmap.idx`: a frame of grant status. */
export const XENMAPIDX_grant_table_status = 0x8000_0000;

export const xen_memory_reservation = struct('xen_memory_reservation', {
  /** An array of frame numbers. */
  extent_start: guest_handle,
  nr_extents: xen_ulong_t,
  /** An extent has 2 to this power frames. */
  extent_order: uint32,
  /** Plain `address_bits` in Xen 3.0. */
  mem_flags: uint32,
  domid: domid_t,
});

export const xen_memory_exchange = struct('xen_memory_exchange', {
  in: xen_memory_reservation,
  out: xen_memory_reservation,
  nr_exchanged: out(xen_ulong_t),
});

/** The whole argument of `current_reservation`, `maximum_reservation` and `maximum_gpfn`. */
export const xen_memory_domain = struct('xen_memory_domain', { domid: domid_t });

export const xen_machphys_mfn_list = struct('xen_machphys_mfn_list', {
  max_extents: uint32,
  extent_start: guest_handle,
  nr_extents: out(uint32),
});

export const xen_machphys_mapping = struct('xen_machphys_mapping', {
  v_start: out(xen_ulong_t),
  v_end: out(xen_ulong_t),
  max_mfn: out(xen_ulong_t),
});

export const xen_add_to_physmap = struct('xen_add_to_physmap', {
  domid: domid_t,
  /** For `gmfn_range` only. */
  size: uint16,
  space: uint32,
  idx: xen_ulong_t,
  gpfn: xen_pfn_t,
});

export const xen_add_to_physmap_batch = struct('xen_add_to_physmap_batch', {
  domid: domid_t,
  space: uint16,
  size: uint16,
  u: union('xen_add_to_physmap_batch.u', { foreign_domid: domid_t, res0: uint16 }),
  idxs: guest_handle,
  gpfns: guest_handle,
  errs: guest_handle,
});

export const xen_remove_from_physmap = struct('xen_remove_from_physmap', {
  domid: domid_t,
  gpfn: xen_pfn_t,
});

/** Of Xen 3.0 only. */
export const xen_translate_gpfn_list = struct('xen_translate_gpfn_list', {
  domid: domid_t,
  nr_gpfns: xen_ulong_t,
  gpfn_list: guest_handle,
  mfn_list: guest_handle,
});

export const xen_memory_map = struct('xen_memory_map', {
  /** How many fit into the buffer; how many were stored comes back. */
  nr_entries: out(uint32),
  /** An array of `e820entry`. */
  buffer: guest_handle,
});

export const xen_foreign_memory_map = struct('xen_foreign_memory_map', {
  domid: domid_t,
  map: xen_memory_map,
});

/** A piece of the memory map, as the BIOS call INT 15h with E820h in AX answers it. */
export const e820entry = struct('e820entry', {
  /** Physical, in bytes. */
  addr: uint64,
  size: uint64,
  /** One of `E820`. */
  type: uint32,
});

/** What a piece of the memory map is good for, by the ACPI specification. */
export const E820 = { RAM: 1, RESERVED: 2, ACPI: 3, NVS: 4, UNUSABLE: 5 } as const;

export const xen_pod_target = struct('xen_pod_target', {
  target_pages: uint64,
  tot_pages: out(uint64),
  pod_cache_pages: out(uint64),
  pod_entries: out(uint64),
  domid: domid_t,
});

export const xen_mem_acquire_resource = struct('xen_mem_acquire_resource', {
  domid: domid_t,
  type: uint16,
  id: uint32,
  nr_frames: out(uint32),
  pad: uint32,
  frame: uint64,
  frame_list: guest_handle,
});
