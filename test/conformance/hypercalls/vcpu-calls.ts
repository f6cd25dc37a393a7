/** Calls about virtual processors. */

import { vcpu_guest_context } from '../../../emulator/abi/arch-x86-32.ts';
import type { Layout } from '../../../emulator/abi/layout.ts';
import { nameOf } from '../../../emulator/abi/names.ts';
import {
  VCPUOP,
  vcpu_register_runstate_memory_area,
  vcpu_register_time_memory_area,
  vcpu_register_vcpu_info,
  vcpu_set_periodic_timer,
  vcpu_set_singleshot_timer,
} from '../../../emulator/abi/vcpu.ts';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { Draft } from './calls.ts';
import { filled } from './structs.ts';
import type { Values } from './values.ts';

// biome-ignore lint/suspicious/noExplicitAny: any struct of the ABI
const LAYOUTS: Readonly<Record<number, Layout<any>>> = {
  [VCPUOP.initialise]: vcpu_guest_context,
  [VCPUOP.register_runstate_memory_area]: vcpu_register_runstate_memory_area,
  [VCPUOP.set_periodic_timer]: vcpu_set_periodic_timer,
  [VCPUOP.set_singleshot_timer]: vcpu_set_singleshot_timer,
  [VCPUOP.register_vcpu_info]: vcpu_register_vcpu_info,
  [VCPUOP.register_vcpu_time_memory_area]: vcpu_register_time_memory_area,
};

export function vcpuCall(values: Values): Draft {
  const { dice, vcpu } = values;
  const all = Object.values(VCPUOP);
  const command = values.isBad() ? values.anything() : (all[dice.below(all.length)] ?? 0);
  const layout = LAYOUTS[command];
  const bytes = layout === undefined ? new DataView(new ArrayBuffer(64)) : filled(values, layout);
  if (command === VCPUOP.initialise && !values.isBad()) {
    const context = vcpu_guest_context.at(bytes);
    const frame = values.domain.guestFrame(vcpu.baseFrame);
    context.ctrlreg.set(3, ((frame << 12) | (frame >>> 20)) >>> 0);
  }
  if (command === VCPUOP.set_periodic_timer && !values.isBad()) {
    vcpu_set_periodic_timer.at(bytes).period_ns = 1_000_000n + BigInt(dice.below(1_000_000));
  }
  // The last one to go down takes its domain with it.
  const isDown = command === VCPUOP.down && !dice.oneIn(50);
  const id = isDown ? 2 : dice.oneIn(2) ? vcpu.id : values.vcpuId();
  // An NMI takes no argument, and some Xens insist on that.
  const isBare = command === VCPUOP.send_nmi && !values.isBad();
  return {
    name: `vcpu_op ${nameOf(VCPUOP, command) ?? 'unknown'}`,
    number: HYPERVISOR.vcpu_op,
    registers: [command, id, isBare ? 0 : values.pointerTo(new Uint8Array(bytes.buffer))],
  };
}
