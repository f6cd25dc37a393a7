/** The whole interface on one screen: every hypercall that there is. A number without one is -ENOSYS. */

import type { Hypercall } from '../hypercall.ts';
import { callbackOp, setCallbacks } from './callbacks.ts';
import { consoleIo } from './console-io.ts';
import { getDebugreg, setDebugreg } from './debug-register.ts';
import { eventChannelOp, eventChannelOpCompat } from './event-channel-op.ts';
import { fpuTaskswitch } from './fpu-taskswitch.ts';
import { grantTableOp } from './grant-table-op.ts';
import { iret } from './iret.ts';
import { memoryOp } from './memory-op.ts';
import { mmuUpdate } from './mmu-update.ts';
import { mmuextOp } from './mmuext-op.ts';
import { multicall } from './multicall.ts';
import { nmiOp } from './nmi-op.ts';
import { physdevOp, physdevOpCompat } from './physdev-op.ts';
import { refused } from './refused.ts';
import { schedOp, schedOpCompat } from './sched-op.ts';
import { setGdt } from './set-gdt.ts';
import { setTimerOp } from './set-timer-op.ts';
import { setTrapTable } from './set-trap-table.ts';
import { stackSwitch } from './stack-switch.ts';
import { updateDescriptor } from './update-descriptor.ts';
import { updateVaMapping, updateVaMappingOtherdomain } from './update-va-mapping.ts';
import { vcpuOp } from './vcpu-op.ts';
import { vmAssist } from './vm-assist.ts';
import { xenVersion } from './xen-version.ts';

export const hypercalls: readonly Hypercall[] = [
  setTrapTable,
  mmuUpdate,
  setGdt,
  stackSwitch,
  setCallbacks,
  fpuTaskswitch,
  schedOpCompat,
  setDebugreg,
  getDebugreg,
  updateDescriptor,
  memoryOp,
  multicall,
  updateVaMapping,
  setTimerOp,
  eventChannelOpCompat,
  xenVersion,
  consoleIo,
  physdevOpCompat,
  grantTableOp,
  vmAssist,
  updateVaMappingOtherdomain,
  iret,
  vcpuOp,
  mmuextOp,
  nmiOp,
  schedOp,
  callbackOp,
  eventChannelOp,
  physdevOp,
  ...refused,
];
