/** What a virtual processor tells its guest of time: vcpu_time_info and the runstate area. */

import { vcpu_runstate_info } from '../../abi/vcpu.ts';
import { vcpu_time_info } from '../../abi/xen.ts';
import { TSC_SCALE } from '../clock.ts';
import type { Xen } from '../xen.ts';
import { RUN_STATES, type Vcpu } from './vcpu.ts';

const { offsets } = vcpu_time_info;

/** Writes a quantity of 64 bits. */
function write64(xen: Xen, address: number, value: number): void {
  xen.ram.write32(address, value >>> 0);
  xen.ram.write32(address + 4, Math.floor(value / 2 ** 32));
}

/** @param address machine address of a vcpu_time_info */
export function writeTime(xen: Xen, vcpu: Vcpu, address: number): void {
  const { now } = xen.clock;
  xen.ram.write32(address + offsets.version, (vcpu.timeVersion + 1) >>> 0);
  write64(xen, address + offsets.tsc_timestamp, now);
  write64(xen, address + offsets.system_time, now);
  xen.ram.write32(address + offsets.tsc_to_system_mul, TSC_SCALE.multiplier);
  xen.ram.write8(address + offsets.tsc_shift, TSC_SCALE.shift);
  vcpu.timeVersion = (vcpu.timeVersion + 2) >>> 0;
  xen.ram.write32(address + offsets.version, vcpu.timeVersion);
  if (vcpu.timeArea !== 0 && vcpu === xen.scheduler.loaded) {
    xen.memory.write(vcpu.timeArea, xen.ram.bytes(address, vcpu_time_info.size).slice());
  }
}

/** A vcpu_runstate_info as it is at this moment. */
export function runstateNow(xen: Xen, vcpu: Vcpu): DataView {
  const bytes = new DataView(new ArrayBuffer(vcpu_runstate_info.size));
  const info = vcpu_runstate_info.at(bytes);
  const { state, since, spent } = vcpu.runstate;
  const index = RUN_STATES.indexOf(state);
  info.state = index;
  info.state_entry_time = BigInt(since);
  for (const [i, time] of spent.entries()) {
    info.time.set(i, BigInt(i === index ? time + xen.clock.now - since : time));
  }
  return bytes;
}

/** Stores the runstate where the guest asked for it; an address that faults is its own loss. */
export function writeRunstate(xen: Xen, vcpu: Vcpu): void {
  if (vcpu.runstateArea !== 0) {
    xen.memory.write(vcpu.runstateArea, runstateNow(xen, vcpu));
  }
}
