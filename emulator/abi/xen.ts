/**
 * The heart of the interface: `xen/include/public/xen.h`.
 *
 * Names keep Xen's spelling without the prefix of their group: `__HYPERVISOR_iret` is
 * `HYPERVISOR.iret`, `DOMID_SELF` is `DOMID.SELF`. Structs are those of Xen 4.17; what Xen 3.0 of
 * May 2006 had is a prefix of each, unless something is said of it.
 */

import {
  arch_shared_info,
  arch_vcpu_info,
  unsigned_long,
  XEN_LEGACY_MAX_VCPUS,
  xen_pfn_t,
  xen_ulong_t,
} from './arch-x86-32.ts';
import {
  array,
  type FieldType,
  int8,
  out,
  struct,
  text,
  uint8,
  uint16,
  uint32,
  uint64,
  union,
} from './layout.ts';

/** The number of a domain, or one of `DOMID`. */
export const domid_t: FieldType<number> = uint16;

/** The numbers of hypercalls, which a guest has in EAX. 11, 43 to 47 and all from 56 on are none. */
export const HYPERVISOR = {
  set_trap_table: 0,
  mmu_update: 1,
  set_gdt: 2,
  stack_switch: 3,
  set_callbacks: 4,
  fpu_taskswitch: 5,
  /** Named `sched_op` in the headers of May 2006's patches. */
  sched_op_compat: 6,
  /** `dom0_op` in Xen 3.0. */
  platform_op: 7,
  set_debugreg: 8,
  get_debugreg: 9,
  update_descriptor: 10,
  memory_op: 12,
  multicall: 13,
  update_va_mapping: 14,
  set_timer_op: 15,
  /** Named `event_channel_op` in the headers of May 2006's patches. */
  event_channel_op_compat: 16,
  xen_version: 17,
  console_io: 18,
  /** Named `physdev_op` in the headers of May 2006's patches. */
  physdev_op_compat: 19,
  grant_table_op: 20,
  vm_assist: 21,
  update_va_mapping_otherdomain: 22,
  iret: 23,
  vcpu_op: 24,
  set_segment_base: 25,
  mmuext_op: 26,
  /** `acm_op` in Xen 3.0. */
  xsm_op: 27,
  nmi_op: 28,
  sched_op: 29,
  callback_op: 30,
  xenoprof_op: 31,
  event_channel_op: 32,
  physdev_op: 33,
  hvm_op: 34,
  sysctl: 35,
  domctl: 36,
  kexec_op: 37,
  tmem_op: 38,
  argo_op: 39,
  xenpmu_op: 40,
  dm_op: 41,
  hypfs_op: 42,
  /** `mca` on x86. */
  arch_0: 48,
  arch_1: 49,
  arch_2: 50,
  arch_3: 51,
  arch_4: 52,
  arch_5: 53,
  arch_6: 54,
  arch_7: 55,
} as const;

/** Interrupts that Xen itself raises. */
export const VIRQ = {
  TIMER: 0,
  DEBUG: 1,
  CONSOLE: 2,
  DOM_EXC: 3,
  TBUF: 4,
  DEBUGGER: 6,
  XENOPROF: 7,
  CON_RING: 8,
  PCPU_STATE: 9,
  MEM_EVENT: 10,
  ARGO: 11,
  ENOMEM: 12,
  XENPMU: 13,
  ARCH_0: 16,
  ARCH_1: 17,
  ARCH_2: 18,
  ARCH_3: 19,
  ARCH_4: 20,
  ARCH_5: 21,
  ARCH_6: 22,
  ARCH_7: 23,
} as const;

export const NR_VIRQS = 24;

/** Those that exist once for each virtual CPU; the others are bound to virtual CPU 0 first. */
export const PER_VCPU_VIRQS: readonly number[] = [
  VIRQ.TIMER,
  VIRQ.DEBUG,
  VIRQ.XENOPROF,
  VIRQ.XENPMU,
];

/** What the low bits of `mmu_update.ptr` ask for. */
export const MMU = {
  NORMAL_PT_UPDATE: 0,
  MACHPHYS_UPDATE: 1,
  PT_UPDATE_PRESERVE_AD: 2,
  PT_UPDATE_NO_TRANSLATE: 3,
} as const;

/** Bit of the count of `mmu_update` and `mmuext_op`: the call is continued (Xen-internal). */
export const MMU_UPDATE_PREEMPTED = 0x8000_0000;

export const MMUEXT = {
  PIN_L1_TABLE: 0,
  PIN_L2_TABLE: 1,
  PIN_L3_TABLE: 2,
  PIN_L4_TABLE: 3,
  UNPIN_TABLE: 4,
  NEW_BASEPTR: 5,
  TLB_FLUSH_LOCAL: 6,
  INVLPG_LOCAL: 7,
  TLB_FLUSH_MULTI: 8,
  INVLPG_MULTI: 9,
  TLB_FLUSH_ALL: 10,
  INVLPG_ALL: 11,
  FLUSH_CACHE: 12,
  SET_LDT: 13,
  NEW_USER_BASEPTR: 15,
  CLEAR_PAGE: 16,
  COPY_PAGE: 17,
  FLUSH_CACHE_GLOBAL: 18,
  MARK_SUPER: 19,
  UNMARK_SUPER: 20,
} as const;

/** The flags of `update_va_mapping`: what to flush, and where unless a pointer to a bitmap is added. */
export const UVMF = {
  NONE: 0,
  TLB_FLUSH: 1,
  INVLPG: 2,
  FLUSHTYPE_MASK: 3,
  MULTI: 0,
  LOCAL: 0,
  ALL: 4,
} as const;

export const CONSOLEIO = { write: 0, read: 1 } as const;

export const VMASST_CMD = { enable: 0, disable: 1 } as const;

export const VMASST_TYPE = {
  '4gb_segments': 0,
  '4gb_segments_notify': 1,
  writable_pagetables: 2,
  pae_extended_cr3: 3,
  architectural_iopl: 4,
  runstate_update_flag: 5,
  m2p_strict: 32,
} as const;

export const DOMID = {
  /** The caller. */
  SELF: 0x7ff0,
  /** Owner of memory-mapped I/O. */
  IO: 0x7ff1,
  /** Owner of pages that Xen shares with all. */
  XEN: 0x7ff2,
  COW: 0x7ff3,
  INVALID: 0x7ff4,
  IDLE: 0x7fff,
} as const;

/** From here on numbers are no domains but those of `DOMID`. */
export const DOMID_FIRST_RESERVED = 0x7ff0;

/** `start_info.flags`. */
export const SIF = {
  PRIVILEGED: 1 << 0,
  INITDOMAIN: 1 << 1,
  MULTIBOOT_MOD: 1 << 2,
  MOD_START_PFN: 1 << 3,
  VIRT_P2M_4TOOLS: 1 << 4,
} as const;

export const SIF_PM_MASK = 0xff00;

export const MAX_GUEST_CMDLINE = 1024;

/** Ports of the two-level event channels: a bit each of `shared_info.evtchn_pending`. */
export const EVTCHN_2L_NR_CHANNELS = 1024;

/** System time for one virtual CPU. `version` is odd while Xen changes the rest. */
export const vcpu_time_info = struct('vcpu_time_info', {
  version: uint32,
  pad0: uint32,
  /** Value of the time-stamp counter at `system_time`. */
  tsc_timestamp: uint64,
  /** Nanoseconds since Xen's start. */
  system_time: uint64,
  /** Nanoseconds = (ticks << tsc_shift) * tsc_to_system_mul >> 32; a negative shift goes right. */
  tsc_to_system_mul: uint32,
  tsc_shift: int8,
  /** `XEN_PVCLOCK`. In Xen 3.0 a byte of padding. */
  flags: uint8,
  pad1: array(uint8, 2),
});

/** `vcpu_time_info.flags`. */
export const XEN_PVCLOCK = { TSC_STABLE_BIT: 1, GUEST_STOPPED: 2 } as const;

export const vcpu_info = struct('vcpu_info', {
  /** 1 if an event is pending; guests compare it, together with the mask, as one 16-bit word. */
  evtchn_upcall_pending: uint8,
  /** Nonzero: no upcall. A guest's interrupt flag, inverted. */
  evtchn_upcall_mask: uint8,
  /** One bit for each word of `evtchn_pending` to look at. */
  evtchn_pending_sel: xen_ulong_t,
  arch: arch_vcpu_info,
  time: vcpu_time_info,
});

export const shared_info = struct('shared_info', {
  vcpu_info: array(vcpu_info, XEN_LEGACY_MAX_VCPUS),
  evtchn_pending: array(xen_ulong_t, 32),
  evtchn_mask: array(xen_ulong_t, 32),
  /** Odd while Xen changes the wall clock. */
  wc_version: uint32,
  /** Wall-clock time, since 1970, when system time was 0. */
  wc_sec: uint32,
  wc_nsec: uint32,
  arch: arch_shared_info,
});

/** What ESI points to when a guest starts. */
export const start_info = struct('start_info', {
  /** `xen-<version>-<platform>`, as in the capabilities. */
  magic: text(32),
  nr_pages: unsigned_long,
  /** A machine address; of a translated guest, a pseudo-physical one. */
  shared_info: unsigned_long,
  flags: uint32,
  store_mfn: xen_pfn_t,
  store_evtchn: uint32,
  /** Plain `console_mfn` and `console_evtchn` in Xen 3.0, in the places of `domU`. */
  console: union('start_info.console', {
    domU: struct('start_info.console.domU', { mfn: xen_pfn_t, evtchn: uint32 }),
    dom0: struct('start_info.console.dom0', { info_off: uint32, info_size: uint32 }),
  }),
  pt_base: unsigned_long,
  nr_pt_frames: unsigned_long,
  /** Linear address of the physical-to-machine table. */
  mfn_list: unsigned_long,
  /** Linear address of the module, or its frame with `SIF.MOD_START_PFN`. */
  mod_start: unsigned_long,
  /** In bytes. */
  mod_len: unsigned_long,
  cmd_line: text(MAX_GUEST_CMDLINE),
  first_p2m_pfn: unsigned_long,
  nr_p2m_frames: unsigned_long,
});

/** Bytes of `start_info` in Xen 3.0, which ends with the command line. */
export const START_INFO_SIZE_3_0 = start_info.offsets.first_p2m_pfn;

export const mmu_update = struct('mmu_update', {
  /** Machine address of a page table entry; the bits below the size of one are of `MMU`. */
  ptr: uint64,
  val: uint64,
});

export const mmuext_op = struct('mmuext_op', {
  cmd: uint32,
  arg1: union('mmuext_op.arg1', { mfn: xen_pfn_t, linear_addr: unsigned_long }),
  arg2: union('mmuext_op.arg2', {
    nr_ents: uint32,
    /** Linear address of a bitmap. */
    vcpumask: unsigned_long,
    src_mfn: xen_pfn_t,
  }),
});

export const multicall_entry = struct('multicall_entry', {
  op: xen_ulong_t,
  result: out(xen_ulong_t),
  args: array(xen_ulong_t, 6),
});
