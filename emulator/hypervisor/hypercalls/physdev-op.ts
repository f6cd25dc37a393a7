/**
 * `HYPERVISOR_physdev_op`, and its older form with one struct for all commands.
 *
 * A domain without hardware has I/O privilege and a bitmap of ports to set; all else is refused,
 * with the error that real Xen gives. Xen: `arch/x86/physdev.c`.
 */

import { ERRNO } from '../../abi/errno.ts';
import type { View } from '../../abi/layout.ts';
import {
  MAP_PIRQ_TYPE,
  PHYSDEVOP,
  physdev_get_free_pirq,
  physdev_irq_status_query,
  physdev_op,
  physdev_set_iobitmap,
  physdev_set_iopl,
} from '../../abi/physdev.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import {
  type Caller,
  dispatch,
  dispatchCompat,
  type Hypercall,
  type Suboperations,
  suboperation,
  unimplemented,
} from '../hypercall.ts';

const MOST_PORTS = 65_536;
const HIGHEST_IOPL = 3;

function setIopl({ vcpu }: Caller, { iopl }: View<typeof physdev_set_iopl>): number {
  if (iopl > HIGHEST_IOPL) {
    return -ERRNO.EINVAL;
  }
  vcpu.iopl = iopl;
  return 0;
}

function setBitmap({ vcpu, memory }: Caller, args: View<typeof physdev_set_iobitmap>): number {
  const { bitmap, nr_ports: count } = args;
  if (count > MOST_PORTS || !memory.isBelowHole(bitmap, Math.ceil(count / 8))) {
    return -ERRNO.EINVAL;
  }
  vcpu.portBitmap = bitmap;
  vcpu.portCount = count;
  return 0;
}

/** There are no interrupts of devices here, hence none that wants to be told of its end. */
function irqStatus(_caller: Caller, args: View<typeof physdev_irq_status_query>): number {
  args.flags = 0;
  return 0;
}

/** Physical interrupts of a domain; the first ones are those of the old interrupt controllers. */
const PIRQS = 256;
const FIRST_GSI = 16;

/** The number that a next interrupt would have. None is ever mapped, so that all are free. */
function freePirq(_caller: Caller, args: View<typeof physdev_get_free_pirq>): number {
  args.pirq = args.type === MAP_PIRQ_TYPE.GSI ? FIRST_GSI : PIRQS - 1;
  return 0;
}

const operations: Suboperations = new Map([
  suboperation(PHYSDEVOP, PHYSDEVOP.irq_status_query, physdev_irq_status_query, irqStatus),
  suboperation(PHYSDEVOP, PHYSDEVOP.set_iopl, physdev_set_iopl, setIopl),
  suboperation(PHYSDEVOP, PHYSDEVOP.get_free_pirq, physdev_get_free_pirq, freePirq),
  suboperation(PHYSDEVOP, PHYSDEVOP.set_iobitmap, physdev_set_iobitmap, setBitmap),
]);

const { EINVAL, EPERM } = ERRNO;

/** What a domain without hardware is answered, by command. */
const REFUSALS: Readonly<Record<number, number>> = {
  [PHYSDEVOP.IRQ_UNMASK_NOTIFY]: 0,
  [PHYSDEVOP.eoi]: -EINVAL,
  [PHYSDEVOP.pirq_eoi_gmfn_v1]: -EINVAL,
  [PHYSDEVOP.pirq_eoi_gmfn_v2]: -EINVAL,
  [PHYSDEVOP.apic_read]: -EPERM,
  [PHYSDEVOP.apic_write]: -EPERM,
  [PHYSDEVOP.alloc_irq_vector]: -EPERM,
  [PHYSDEVOP.map_pirq]: -EPERM,
  [PHYSDEVOP.unmap_pirq]: -EPERM,
  [PHYSDEVOP.manage_pci_add]: -EPERM,
  [PHYSDEVOP.manage_pci_remove]: -EPERM,
  [PHYSDEVOP.restore_msi]: -EPERM,
  [PHYSDEVOP.manage_pci_add_ext]: -EPERM,
  [PHYSDEVOP.setup_gsi]: -EPERM,
  [PHYSDEVOP.pci_mmcfg_reserved]: -EPERM,
  [PHYSDEVOP.pci_device_add]: -EPERM,
  [PHYSDEVOP.pci_device_remove]: -EPERM,
  [PHYSDEVOP.restore_msi_ext]: -EPERM,
  [PHYSDEVOP.dbgp_op]: -EPERM,
  [PHYSDEVOP.prepare_msix]: -EPERM,
  [PHYSDEVOP.release_msix]: -EPERM,
};

export const physdevOp: Hypercall = {
  number: HYPERVISOR.physdev_op,
  name: 'physdev_op',
  parameters: ['cmd', 'arg'],
  operations,
  commands: PHYSDEVOP,
  run(caller, command, argument) {
    const refusal = REFUSALS[command];
    if (refusal === undefined) {
      return dispatch(operations, caller, command, argument, 'physdev_op');
    }
    return caller.memory.copyIn(argument, 4) === undefined ? -ERRNO.EFAULT : refusal;
  },
};

/** Number 19. */
export const physdevOpCompat: Hypercall = {
  number: HYPERVISOR.physdev_op_compat,
  name: 'physdev_op_compat',
  parameters: ['op'],
  run: (caller, argument) =>
    dispatchCompat(
      physdev_op,
      operations,
      caller,
      argument,
      (command) => REFUSALS[command] ?? unimplemented(caller, `physdev_op_compat ${command}`),
    ),
};
