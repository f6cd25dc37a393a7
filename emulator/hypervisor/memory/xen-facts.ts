/** Numbers of Xen's public headers that memory management needs. */

/** Positive, as in errno.h; answers are their negation. */
export const ERRNO = { EPERM: 1, EBUSY: 16, EINVAL: 22 } as const;

/** Numbers that are no domains (xen.h). */
export const DOMID = { SELF: 0x7ff0, IO: 0x7ff1, XEN: 0x7ff2, INVALID: 0x7ff4 } as const;

/** The one hypervisor code selector that a guest may name (arch-x86_32.h). */
export const FLAT_RING1_CS = 0xe019;

/** Descriptors of the GDT from here on are the hypervisor's. */
export const FIRST_RESERVED_GDT_ENTRY = 7168;

/** Where the guest-readable part of the hypervisor's address space ends. */
export const MACH2PHYS_VIRT_END = { pae: 0xf680_0000, nonPae: 0xfc40_0000 } as const;
