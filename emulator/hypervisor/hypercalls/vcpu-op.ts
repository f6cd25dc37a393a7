/**
 * `HYPERVISOR_vcpu_op`: bringing virtual processors up and down, their timers, and where they tell
 * their guest of time.
 *
 * Xen: `common/domain.c`, `arch/x86/domain.c`.
 */

import { vcpu_guest_context } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import type { Layout, View } from '../../abi/layout.ts';
import { SHUTDOWN } from '../../abi/sched.ts';
import {
  VCPU_SSHOTTMR_future,
  VCPUOP,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
} from '../../abi/vcpu.ts';
import { HYPERVISOR, vcpu_info } from '../../abi/xen.ts';
import { runstateNow, writeTime } from '../domains/runstate.ts';
import { NEVER, type Vcpu } from '../domains/vcpu.ts';
import { initialiseVcpu } from '../domains/vcpu-context.ts';
import { placeVcpuInfo } from '../domains/vcpu-info.ts';
import { markAllPending } from '../events/event-delivery.ts';
import { type Caller, type Hypercall, unimplemented } from '../hypercall.ts';

/** The shortest period of a periodic timer, in ns. */
const SHORTEST_PERIOD = 1_000_000;

type Act = (caller: Caller, target: Vcpu, argument: number) => number;

// biome-ignore lint/suspicious/noExplicitAny: operations take different structs
const taking = <L extends Layout<any>>(
  layout: L,
  act: (caller: Caller, target: Vcpu, fields: View<L>) => number,
): Act => {
  return (caller, target, argument) => {
    const bytes = caller.memory.copyIn(argument, layout.size);
    return bytes === undefined ? -ERRNO.EFAULT : act(caller, target, layout.at(bytes) as View<L>);
  };
};

const initialise = taking(vcpu_guest_context, (caller, target, context) =>
  target.context === undefined ? initialiseVcpu(caller.xen, target, context) : -ERRNO.EEXIST,
);

const up: Act = ({ xen }, target) => {
  if (target.context === undefined) {
    return -ERRNO.EINVAL;
  }
  if (!target.isUp) {
    target.isUp = true;
    xen.scheduler.wake(target);
    xen.lookAround();
  }
  return 0;
};

/** The last one to go down powers the domain off. */
const down: Act = ({ xen, domain }, target) => {
  if (target.context === undefined) {
    return 0;
  }
  target.isUp = false;
  xen.scheduler.setState(target, 'offline');
  if (domain.profile.hasFastCalls && domain.vcpus.every(({ isUp }) => !isUp)) {
    xen.shutDown(domain, SHUTDOWN.poweroff);
  }
  xen.scheduler.chooseAgain();
  return 0;
};

const getRunstate: Act = ({ xen, memory }, target, argument) =>
  memory.write(argument, runstateNow(xen, target)) ? 0 : -ERRNO.EFAULT;

const registerRunstate = taking(
  vcpu_register_runstate_memory_area,
  ({ xen, memory }, target, { addr }) => {
    // Only the running one's address space is at hand; the others' area is filled when they run.
    target.runstateArea = addr.v;
    return memory.write(addr.v, runstateNow(xen, target)) ? 0 : -ERRNO.EFAULT;
  },
);

const registerTime = taking(vcpu_register_time_memory_area, ({ xen, memory }, target, { addr }) => {
  if (!memory.isBelowHole(addr.v, 32)) {
    return -ERRNO.EFAULT;
  }
  target.timeArea = addr.v;
  xen.updateTime(target);
  return 0;
});

const setPeriodic = taking(vcpu_set_periodic_timer, ({ xen }, target, { period_ns }) => {
  const period = Number(period_ns);
  if (period < SHORTEST_PERIOD) {
    return -ERRNO.EINVAL;
  }
  if (period > 2 ** 52) {
    return -ERRNO.EINVAL;
  }
  target.tickPeriod = period;
  target.tickAt = xen.clock.now + period;
  xen.scheduler.armed(target, 'tick', target.tickAt);
  return 0;
});

const stopPeriodic: Act = ({ xen }, target) => {
  target.tickPeriod = 0;
  target.tickAt = NEVER;
  xen.scheduler.timersChanged();
  return 0;
};

const setSingleshot = taking(vcpu_set_singleshot_timer, (caller, target, fields) => {
  const { xen, vcpu, domain } = caller;
  if (target !== vcpu) {
    return -ERRNO.EINVAL;
  }
  const moment = Number(BigInt.asIntN(64, fields.timeout_abs_ns));
  const isPast = moment < xen.clock.now;
  if (isPast && fields.flags & VCPU_SSHOTTMR_future && domain.profile.reportsLateTimers) {
    return -ERRNO.ETIME;
  }
  target.timerAt = Math.max(moment, xen.clock.now);
  xen.scheduler.armed(target, 'single-shot', target.timerAt);
  return 0;
});

const stopSingleshot: Act = ({ xen, vcpu }, target) => {
  if (target !== vcpu) {
    return -ERRNO.EINVAL;
  }
  target.timerAt = NEVER;
  xen.scheduler.timersChanged();
  return 0;
};

const registerInfo = taking(vcpu_register_vcpu_info, ({ xen }, target, { mfn, offset }) => {
  const result = placeVcpuInfo(xen, target, Number(mfn), offset);
  if (result === 0) {
    markAllPending(xen, target);
    writeTime(xen, target, target.info + vcpu_info.offsets.time);
  }
  return result;
});

const sendNmi: Act = ({ xen, vcpu }, target, argument) => {
  if (argument !== 0) {
    return -ERRNO.EINVAL;
  }
  target.isNmiPending = true;
  xen.scheduler.wake(target);
  if (target === vcpu) {
    xen.scheduler.mustLook = true;
  }
  return 0;
};

const ACTS: Readonly<Record<number, Act>> = {
  [VCPUOP.initialise]: initialise,
  [VCPUOP.up]: up,
  [VCPUOP.down]: down,
  [VCPUOP.is_up]: (_caller, target) => (target.isUp ? 1 : 0),
  [VCPUOP.get_runstate_info]: getRunstate,
  [VCPUOP.register_runstate_memory_area]: registerRunstate,
};

/** What came after May 2006. */
const LATER_ACTS: Readonly<Record<number, Act>> = {
  [VCPUOP.set_periodic_timer]: setPeriodic,
  [VCPUOP.stop_periodic_timer]: stopPeriodic,
  [VCPUOP.set_singleshot_timer]: setSingleshot,
  [VCPUOP.stop_singleshot_timer]: stopSingleshot,
  [VCPUOP.register_vcpu_info]: registerInfo,
  [VCPUOP.send_nmi]: sendNmi,
  [VCPUOP.get_physid]: () => -ERRNO.EINVAL,
  [VCPUOP.register_vcpu_time_memory_area]: registerTime,
};

export const vcpuOp: Hypercall = {
  number: HYPERVISOR.vcpu_op,
  name: 'vcpu_op',
  parameters: ['cmd', 'vcpuid', 'extra_args'],
  commands: VCPUOP,
  run(caller, command, id, argument) {
    const target = caller.domain.vcpus[id];
    if (target === undefined) {
      return -ERRNO.ENOENT;
    }
    const later = caller.domain.profile.hasVcpuInfoPlacement ? LATER_ACTS[command] : undefined;
    const act = ACTS[command] ?? later;
    if (act === undefined) {
      unimplemented(caller, `vcpu_op ${command}`);
      return -ERRNO.ENOSYS;
    }
    return act(caller, target, argument);
  },
};
