/** `HYPERVISOR_set_timer_op`: VIRQ_TIMER once, at a moment of system time. */

import { HYPERVISOR } from '../../abi/xen.ts';
import { NEVER } from '../domains/vcpu.ts';
import type { Hypercall } from '../hypercall.ts';

/** More than this ahead of now, in ns, is taken for a mistake (Xen: `do_set_timer_op`). */
const FAR = 2 ** 50;
/** And is answered after this time. */
const SOON = 100_000_000;

export const setTimerOp: Hypercall = {
  number: HYPERVISOR.set_timer_op,
  name: 'set_timer_op',
  parameters: ['timeout_lo', 'timeout_hi'],
  run({ xen, vcpu }, low, high) {
    const moment = (high | 0) * 2 ** 32 + low;
    const { now } = xen.clock;
    if (moment === 0) {
      vcpu.timerAt = NEVER;
    } else {
      vcpu.timerAt = moment < 0 || moment - now > FAR ? now + SOON : Math.max(moment, now);
    }
    xen.scheduler.armed(vcpu, 'single-shot', vcpu.timerAt);
    return 0;
  },
};
