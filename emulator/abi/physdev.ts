/**
 * Physical devices: `xen/include/public/physdev.h`.
 *
 * An unprivileged domain is allowed little of it, but kernels try; so all of it has a name.
 */

import { guest_handle, unsigned_long, xen_pfn_t } from './arch-x86-32.ts';
import { int32, out, struct, uint8, uint16, uint32, uint64, union } from './layout.ts';
import { domid_t } from './xen.ts';

export const PHYSDEVOP = {
  IRQ_UNMASK_NOTIFY: 4,
  irq_status_query: 5,
  set_iopl: 6,
  set_iobitmap: 7,
  apic_read: 8,
  apic_write: 9,
  alloc_irq_vector: 10,
  free_irq_vector: 11,
  eoi: 12,
  map_pirq: 13,
  unmap_pirq: 14,
  manage_pci_add: 15,
  manage_pci_remove: 16,
  pirq_eoi_gmfn_v1: 17,
  restore_msi: 19,
  manage_pci_add_ext: 20,
  setup_gsi: 21,
  get_free_pirq: 23,
  pci_mmcfg_reserved: 24,
  pci_device_add: 25,
  pci_device_remove: 26,
  restore_msi_ext: 27,
  pirq_eoi_gmfn_v2: 28,
  dbgp_op: 29,
  prepare_msix: 30,
  release_msix: 31,
} as const;

/** `physdev_irq_status_query.flags`. */
export const XENIRQSTAT = { needs_eoi: 1 << 0, shared: 1 << 1 } as const;

/** `physdev_map_pirq.type`. */
export const MAP_PIRQ_TYPE = { MSI: 0, GSI: 1, UNKNOWN: 2, MSI_SEG: 3, MULTI_MSI: 4 } as const;

export const XEN_PCI_DEV = { EXTFN: 1 << 0, VIRTFN: 1 << 1, PXM: 1 << 2 } as const;

export const physdev_eoi = struct('physdev_eoi', { irq: uint32 });

export const physdev_pirq_eoi_gmfn = struct('physdev_pirq_eoi_gmfn', { gmfn: xen_pfn_t });

export const physdev_irq_status_query = struct('physdev_irq_status_query', {
  irq: uint32,
  flags: out(uint32),
});

export const physdev_set_iopl = struct('physdev_set_iopl', { iopl: uint32 });

export const physdev_set_iobitmap = struct('physdev_set_iobitmap', {
  /** A bit for each port, set where access is denied. */
  bitmap: guest_handle,
  nr_ports: uint32,
});

export const physdev_apic = struct('physdev_apic', {
  apic_physbase: unsigned_long,
  reg: uint32,
  value: out(uint32),
});

export const physdev_irq = struct('physdev_irq', {
  irq: uint32,
  vector: out(uint32),
});

export const physdev_map_pirq = struct('physdev_map_pirq', {
  domid: domid_t,
  type: int32,
  index: int32,
  pirq: out(int32),
  bus: int32,
  devfn: int32,
  entry_nr: out(int32),
  table_base: uint64,
});

export const physdev_unmap_pirq = struct('physdev_unmap_pirq', { domid: domid_t, pirq: int32 });

export const physdev_manage_pci = struct('physdev_manage_pci', { bus: uint8, devfn: uint8 });

export const physdev_restore_msi = struct('physdev_restore_msi', { bus: uint8, devfn: uint8 });

export const physdev_manage_pci_ext = struct('physdev_manage_pci_ext', {
  bus: uint8,
  devfn: uint8,
  is_extfn: uint32,
  is_virtfn: uint32,
  physfn: struct('physdev_manage_pci_ext.physfn', { bus: uint8, devfn: uint8 }),
});

export const physdev_setup_gsi = struct('physdev_setup_gsi', {
  gsi: int32,
  triggering: uint8,
  polarity: uint8,
});

export const physdev_get_free_pirq = struct('physdev_get_free_pirq', {
  type: int32,
  pirq: out(uint32),
});

export const physdev_pci_mmcfg_reserved = struct('physdev_pci_mmcfg_reserved', {
  address: uint64,
  segment: uint16,
  start_bus: uint8,
  end_bus: uint8,
  flags: uint32,
});

/** Without the array of optional 32-bit words that may follow. */
export const physdev_pci_device_add = struct('physdev_pci_device_add', {
  seg: uint16,
  bus: uint8,
  devfn: uint8,
  flags: uint32,
  physfn: struct('physdev_pci_device_add.physfn', { bus: uint8, devfn: uint8 }),
});

export const physdev_pci_device = struct('physdev_pci_device', {
  seg: uint16,
  bus: uint8,
  devfn: uint8,
});

export const physdev_dbgp_op = struct('physdev_dbgp_op', {
  op: uint8,
  bus: uint8,
  u: union('physdev_dbgp_op.u', { pci: physdev_pci_device }),
});

/** The argument of hypercall 19, all commands in one. */
export const physdev_op = struct('physdev_op', {
  cmd: uint32,
  u: union('physdev_op.u', {
    irq_status_query: physdev_irq_status_query,
    set_iopl: physdev_set_iopl,
    set_iobitmap: physdev_set_iobitmap,
    apic_op: physdev_apic,
    irq_op: physdev_irq,
  }),
});
