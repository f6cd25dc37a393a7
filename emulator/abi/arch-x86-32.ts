/**
 * What is particular to 32-bit x86 guests: `xen/include/public/arch-x86/xen.h` and `xen-x86_32.h`.
 *
 * Beside the structs stand the C types that all other headers are written in. The structs are those
 * of Xen 4.17; where Xen 3.0 of May 2006 had a shorter one, it is a prefix.
 */

import { array, bytes, type FieldType, struct, uint8, uint16, uint32 } from './layout.ts';

/** C's `unsigned long`. */
export const unsigned_long: FieldType<number> = uint32;

export const xen_ulong_t: FieldType<number> = uint32;

/** The number of a page frame: a machine frame for most guests, a pseudo-physical one if translated. */
export const xen_pfn_t: FieldType<number> = uint32;

/** A guest's linear address: `XEN_GUEST_HANDLE`. */
export const guest_handle: FieldType<number> = uint32;

/** Segment selectors that Xen keeps in every guest's GDT, and the bounds of what a guest may use. */
export const FIRST_RESERVED_GDT_PAGE = 14;
export const FIRST_RESERVED_GDT_BYTE = 0xe000;
export const FIRST_RESERVED_GDT_ENTRY = 7168;
export const FLAT_RING1_CS = 0xe019;
export const FLAT_RING1_DS = 0xe021;
export const FLAT_RING1_SS = 0xe021;
export const FLAT_RING3_CS = 0xe02b;
export const FLAT_RING3_DS = 0xe033;
export const FLAT_RING3_SS = 0xe033;

/** Linear addresses from here to 4 GiB are Xen's, by the format of page tables. */
export const HYPERVISOR_VIRT_START = { pae: 0xf580_0000, nonPae: 0xfc00_0000 } as const;

/** The read-only machine-to-physical table: one 32-bit entry for each machine frame. */
export const MACH2PHYS_VIRT_START = {
  pae: HYPERVISOR_VIRT_START.pae,
  nonPae: HYPERVISOR_VIRT_START.nonPae,
} as const;
export const MACH2PHYS_VIRT_END = { pae: 0xf680_0000, nonPae: 0xfc40_0000 } as const;

/** Virtual CPUs whose `vcpu_info` lies in `shared_info`: `XEN_LEGACY_MAX_VCPUS`. */
export const XEN_LEGACY_MAX_VCPUS = 32;

/** The vector of a hypercall made by `int`: `TRAP_INSTR`. */
export const HYPERCALL_VECTOR = 0x82;

/** `ud2` and "xen": before `cpuid` it asks Xen for the answer (`XEN_EMULATE_PREFIX`). */
export const XEN_EMULATE_PREFIX = [0x0f, 0x0b, 0x78, 0x65, 0x6e] as const;

/** The bits of `trap_info.flags`: `TI_GET_DPL`, `TI_GET_IF`. */
export const TI_DPL_MASK = 3;
/** Entering the handler masks events. */
export const TI_IF = 4;

/** Set by `VCPUOP_initialise`'s caller in `vcpu_guest_context.flags`. */
export const VGCF = {
  i387_valid: 1 << 0,
  in_kernel: 1 << 2,
  failsafe_disables_events: 1 << 3,
  syscall_disables_events: 1 << 4,
  online: 1 << 5,
} as const;

export const trap_info = struct('trap_info', {
  vector: uint8,
  /** `TI_DPL_MASK`: the least privileged ring that may use it by `int`; `TI_IF`. */
  flags: uint8,
  cs: uint16,
  address: unsigned_long,
});

export const cpu_user_regs = struct('cpu_user_regs', {
  ebx: uint32,
  ecx: uint32,
  edx: uint32,
  esi: uint32,
  edi: uint32,
  ebp: uint32,
  eax: uint32,
  error_code: uint16,
  entry_vector: uint16,
  eip: uint32,
  cs: uint16,
  saved_upcall_mask: uint8,
  _pad0: uint8,
  /** IF is the inverse of `saved_upcall_mask`. */
  eflags: uint32,
  esp: uint32,
  ss: uint16,
  _pad1: uint16,
  es: uint16,
  _pad2: uint16,
  ds: uint16,
  _pad3: uint16,
  fs: uint16,
  _pad4: uint16,
  gs: uint16,
  _pad5: uint16,
});

/** A whole virtual CPU, as `VCPUOP_initialise` takes it. */
export const vcpu_guest_context = struct('vcpu_guest_context', {
  /** As FXSAVE stores it. */
  fpu_ctxt: bytes(512),
  flags: unsigned_long,
  user_regs: cpu_user_regs,
  trap_ctxt: array(trap_info, 256),
  ldt_base: unsigned_long,
  ldt_ents: unsigned_long,
  gdt_frames: array(unsigned_long, 16),
  gdt_ents: unsigned_long,
  kernel_ss: unsigned_long,
  kernel_sp: unsigned_long,
  /** CR0 to CR7; CR3 has the frame in the form of `xen_pfn_to_cr3`. */
  ctrlreg: array(unsigned_long, 8),
  debugreg: array(unsigned_long, 8),
  event_callback_cs: unsigned_long,
  event_callback_eip: unsigned_long,
  failsafe_callback_cs: unsigned_long,
  failsafe_callback_eip: unsigned_long,
  /** Bits by `VMASST_TYPE`. */
  vm_assist: unsigned_long,
});

/** Of Xen 3.0 only the first three fields. */
export const arch_shared_info = struct('arch_shared_info', {
  max_pfn: unsigned_long,
  pfn_to_mfn_frame_list_list: xen_pfn_t,
  /** Bits by `XEN_NMIREASON`. */
  nmi_reason: unsigned_long,
  p2m_cr3: unsigned_long,
  p2m_vaddr: unsigned_long,
  p2m_generation: unsigned_long,
  wc_sec_hi: uint32,
});

export const arch_vcpu_info = struct('arch_vcpu_info', {
  /** The address of the last page fault. */
  cr2: unsigned_long,
  pad: array(unsigned_long, 5),
});

/** Where to enter the guest: `xen_callback_t`. */
export const xen_callback = struct('xen_callback', {
  cs: unsigned_long,
  eip: unsigned_long,
});

/** CR3 holds frames above 4 GiB too: the top bits of the frame number lie in its low 12 bits. */
export function xen_pfn_to_cr3(pfn: number): number {
  return ((pfn << 12) | (pfn >>> 20)) >>> 0;
}

export function xen_cr3_to_pfn(cr3: number): number {
  return ((cr3 >>> 12) | (cr3 << 20)) >>> 0;
}
