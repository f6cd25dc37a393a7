/**
 * Grant tables: `xen/include/public/grant_table.h`.
 *
 * A reference is an index into the table that the guest shares with Xen; a domain which maps it gets
 * a handle. `status` of an operation is one of `GNTST`; the hypercall itself answers 0.
 */

import { guest_handle, xen_pfn_t } from './arch-x86-32.ts';
import {
  array,
  type FieldType,
  int16,
  out,
  struct,
  uint16,
  uint32,
  uint64,
  union,
} from './layout.ts';
import { domid_t } from './xen.ts';

/** An index into a grant table. */
export const grant_ref_t: FieldType<number> = uint32;

/** What mapping answers and unmapping wants. */
export const grant_handle_t: FieldType<number> = uint32;

/** One of `GNTST`. */
const gnttab_status_t: FieldType<number> = int16;

export const GNTTABOP = {
  map_grant_ref: 0,
  unmap_grant_ref: 1,
  setup_table: 2,
  dump_table: 3,
  transfer: 4,
  copy: 5,
  query_size: 6,
  unmap_and_replace: 7,
  set_version: 8,
  get_status_frames: 9,
  get_version: 10,
  swap_grant_ref: 11,
  cache_flush: 12,
} as const;

/** The type of an entry, in the bits `GTF_type_mask` of its flags. */
export const GTF_TYPE = {
  invalid: 0,
  permit_access: 1,
  accept_transfer: 2,
  transitive: 3,
} as const;

export const GTF_type_mask = 3;

/** Further flags of an entry that permits access. */
export const GTF = {
  readonly: 1 << 2,
  reading: 1 << 3,
  writing: 1 << 4,
  PWT: 1 << 5,
  PCD: 1 << 6,
  PAT: 1 << 7,
  sub_page: 1 << 8,
} as const;

/** Further flags of an entry that accepts a transfer. */
export const GTF_TRANSFER = { committed: 1 << 2, completed: 1 << 3 } as const;

/** The flags of mapping. */
export const GNTMAP = {
  device_map: 1 << 0,
  host_map: 1 << 1,
  readonly: 1 << 2,
  application_map: 1 << 3,
  contains_pte: 1 << 4,
} as const;

/** Bits of the flags that go to the available bits of the page table entry. */
export const GNTMAP_guest_avail_mask = 0xffff_0000;

export const GNTST = {
  okay: 0,
  general_error: -1,
  bad_domain: -2,
  bad_gntref: -3,
  bad_handle: -4,
  bad_virt_addr: -5,
  bad_dev_addr: -6,
  no_device_space: -7,
  permission_denied: -8,
  bad_page: -9,
  bad_copy_arg: -10,
  address_too_big: -11,
  eagain: -12,
  no_space: -13,
} as const;

export const GNTCOPY = { source_gref: 1 << 0, dest_gref: 1 << 1 } as const;

export const GNTTAB_CACHE = { CLEAN: 1 << 0, INVAL: 1 << 1, SOURCE_GREF: 0x8000_0000 } as const;

/** Entries at the start of the table that the toolstack uses. */
export const GNTTAB_NR_RESERVED_ENTRIES = 8;
export const GNTTAB_RESERVED = { CONSOLE: 0, XENSTORE: 1 } as const;

/** An entry of version 1, 512 to a frame. */
export const grant_entry_v1 = struct('grant_entry_v1', {
  flags: uint16,
  domid: domid_t,
  /** The granted frame; of a finished transfer, the frame received. */
  frame: uint32,
});

export const grant_entry_header = struct('grant_entry_header', { flags: uint16, domid: domid_t });

/** An entry of version 2. */
export const grant_entry_v2 = union('grant_entry_v2', {
  hdr: grant_entry_header,
  full_page: struct('grant_entry_v2.full_page', {
    hdr: grant_entry_header,
    pad0: uint32,
    frame: uint64,
  }),
  sub_page: struct('grant_entry_v2.sub_page', {
    hdr: grant_entry_header,
    page_off: uint16,
    length: uint16,
    frame: uint64,
  }),
  transitive: struct('grant_entry_v2.transitive', {
    hdr: grant_entry_header,
    trans_domid: domid_t,
    pad0: uint16,
    gref: grant_ref_t,
  }),
  __spacer: array(uint32, 4),
});

export const gnttab_map_grant_ref = struct('gnttab_map_grant_ref', {
  /** A linear address, or the machine address of an entry with `GNTMAP.contains_pte`. */
  host_addr: uint64,
  flags: uint32,
  ref: grant_ref_t,
  dom: domid_t,
  status: out(gnttab_status_t),
  handle: out(grant_handle_t),
  dev_bus_addr: out(uint64),
});

export const gnttab_unmap_grant_ref = struct('gnttab_unmap_grant_ref', {
  host_addr: uint64,
  dev_bus_addr: uint64,
  handle: grant_handle_t,
  status: out(gnttab_status_t),
});

export const gnttab_setup_table = struct('gnttab_setup_table', {
  dom: domid_t,
  nr_frames: uint32,
  status: out(gnttab_status_t),
  /** Where the frames go, a `xen_pfn_t` each; the pointer itself stays. */
  frame_list: guest_handle,
});

export const gnttab_dump_table = struct('gnttab_dump_table', {
  dom: domid_t,
  status: out(gnttab_status_t),
});

export const gnttab_transfer = struct('gnttab_transfer', {
  mfn: xen_pfn_t,
  domid: domid_t,
  ref: grant_ref_t,
  status: out(gnttab_status_t),
});

export const gnttab_copy_ptr = struct('gnttab_copy_ptr', {
  u: union('gnttab_copy_ptr.u', { ref: grant_ref_t, gmfn: xen_pfn_t }),
  domid: domid_t,
  offset: uint16,
});

export const gnttab_copy = struct('gnttab_copy', {
  source: gnttab_copy_ptr,
  dest: gnttab_copy_ptr,
  len: uint16,
  flags: uint16,
  status: out(gnttab_status_t),
});

export const gnttab_query_size = struct('gnttab_query_size', {
  dom: domid_t,
  nr_frames: out(uint32),
  max_nr_frames: out(uint32),
  status: out(gnttab_status_t),
});

export const gnttab_unmap_and_replace = struct('gnttab_unmap_and_replace', {
  host_addr: uint64,
  new_addr: uint64,
  handle: grant_handle_t,
  status: out(gnttab_status_t),
});

export const gnttab_set_version = struct('gnttab_set_version', {
  /** Asked for; the version that is in force comes back. */
  version: out(uint32),
});

export const gnttab_get_status_frames = struct('gnttab_get_status_frames', {
  nr_frames: uint32,
  dom: domid_t,
  status: out(gnttab_status_t),
  /** Where the frames go, a `uint64_t` each. */
  frame_list: guest_handle,
});

export const gnttab_get_version = struct('gnttab_get_version', {
  dom: domid_t,
  pad: uint16,
  version: out(uint32),
});

export const gnttab_swap_grant_ref = struct('gnttab_swap_grant_ref', {
  ref_a: grant_ref_t,
  ref_b: grant_ref_t,
  status: out(gnttab_status_t),
});

export const gnttab_cache_flush = struct('gnttab_cache_flush', {
  a: union('gnttab_cache_flush.a', { dev_bus_addr: uint64, ref: grant_ref_t }),
  offset: uint16,
  length: uint16,
  op: uint32,
});
