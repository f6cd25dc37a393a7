/** `HYPERVISOR_set_callbacks` and `HYPERVISOR_callback_op`: where the guest wants to be entered. */

import { FLAT_RING1_CS, TI_IF } from '../../abi/arch-x86-32.ts';
import {
  CALLBACKF,
  CALLBACKOP,
  CALLBACKTYPE,
  callback_register,
  callback_unregister,
} from '../../abi/callback.ts';
import { ERRNO } from '../../abi/errno.ts';
import type { View } from '../../abi/layout.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import { VECTOR } from '../../cpu/exceptions.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import {
  type Caller,
  dispatch,
  type Hypercall,
  type Suboperations,
  suboperation,
} from '../hypercall.ts';
import { fixedUp } from '../selectors.ts';

export const setCallbacks: Hypercall = {
  number: HYPERVISOR.set_callbacks,
  name: 'set_callbacks',
  parameters: ['event_selector', 'event_address', 'failsafe_selector', 'failsafe_address'],
  run({ vcpu }, eventCs, eventEip, failsafeCs, failsafeEip) {
    vcpu.eventCallback = { cs: fixedUp(eventCs & 0xffff), eip: eventEip, masks: true };
    vcpu.failsafeCallback = { cs: fixedUp(failsafeCs & 0xffff), eip: failsafeEip, masks: false };
    return 0;
  },
};

/** A non-maskable interrupt is entered like a trap that masks, through the flat code segment. */
export function setNmiHandler(vcpu: Vcpu, address: number): void {
  const { selectors, addresses, flags } = vcpu.traps;
  selectors[VECTOR.nmi] = address === 0 ? 0 : FLAT_RING1_CS;
  addresses[VECTOR.nmi] = address;
  flags[VECTOR.nmi] = address === 0 ? 0 : TI_IF;
}

function register(caller: Caller, fields: View<typeof callback_register>): number {
  const { vcpu, domain } = caller;
  const { type, flags, address } = fields;
  if (!domain.profile.hasFastCalls) {
    return registerOf2006(caller, fields);
  }
  const callback = {
    cs: fixedUp(address.cs & 0xffff),
    eip: address.eip,
    masks: (flags & CALLBACKF.mask_events) !== 0,
  };
  switch (type) {
    case CALLBACKTYPE.event:
      vcpu.eventCallback = { ...callback, masks: true };
      return 0;
    case CALLBACKTYPE.failsafe:
      vcpu.failsafeCallback = callback;
      return 0;
    case CALLBACKTYPE.nmi:
      setNmiHandler(vcpu, address.eip);
      return 0;
    case CALLBACKTYPE.syscall32:
      vcpu.syscallCallback = callback;
      return 0;
    case CALLBACKTYPE.sysenter:
      vcpu.sysenterCallback = callback;
      return 0;
    default:
      return -ERRNO.ENOSYS;
  }
}

/** The type fills the word of the flags, which came later; NMIs are for domain 0 alone. */
function registerOf2006({ vcpu }: Caller, fields: View<typeof callback_register>): number {
  const { type, flags, address } = fields;
  const callback = { cs: fixedUp(address.cs & 0xffff), eip: address.eip };
  switch (type | (flags << 16)) {
    case CALLBACKTYPE.event:
      vcpu.eventCallback = { ...callback, masks: true };
      return 0;
    case CALLBACKTYPE.failsafe:
      vcpu.failsafeCallback = { ...callback, masks: false };
      return 0;
    default:
      return -ERRNO.EINVAL;
  }
}

/** Only the handler of NMIs can be taken away. */
function unregister({ vcpu, domain }: Caller, { type }: View<typeof callback_unregister>): number {
  switch (type) {
    case CALLBACKTYPE.nmi:
      setNmiHandler(vcpu, 0);
      return 0;
    case CALLBACKTYPE.event:
    case CALLBACKTYPE.failsafe:
    case CALLBACKTYPE.syscall32:
    case CALLBACKTYPE.sysenter:
      return -ERRNO.EINVAL;
    default:
      return domain.profile.hasFastCalls ? -ERRNO.ENOSYS : -ERRNO.EINVAL;
  }
}

const operations: Suboperations = new Map([
  suboperation(CALLBACKOP, CALLBACKOP.register, callback_register, register),
  suboperation(CALLBACKOP, CALLBACKOP.unregister, callback_unregister, unregister),
]);

export const callbackOp: Hypercall = {
  number: HYPERVISOR.callback_op,
  name: 'callback_op',
  parameters: ['cmd', 'arg'],
  operations,
  commands: CALLBACKOP,
  run: (caller, command, argument) =>
    operations.has(command)
      ? dispatch(operations, caller, command, argument, 'callback_op')
      : -ERRNO.EINVAL,
};
