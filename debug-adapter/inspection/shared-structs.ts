/** Structs that a guest shares with Xen, by name, as trees of fields. */

import { describe } from '../../emulator/abi/description.ts';
import type { FieldType } from '../../emulator/abi/layout.ts';
import { vcpu_runstate_info } from '../../emulator/abi/vcpu.ts';
import { shared_info, start_info, vcpu_info, vcpu_time_info } from '../../emulator/abi/xen.ts';
import { runstateNow } from '../../emulator/hypervisor/domains/runstate.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { SharedStructData, SharedStructName } from './data/structs.ts';

const PAGE = 4096;

/** Undefined: the domain has none, such as the start_info of a domain that is gone. */
export function sharedStruct(
  machine: Machine,
  vcpu: Vcpu,
  name: SharedStructName,
): SharedStructData | undefined {
  const { fields } = vcpu.domain;
  switch (name) {
    case 'shared_info':
      return atMachineAddress(machine, name, shared_info, fields.sharedInfo * PAGE);
    case 'vcpu_info':
      return atMachineAddress(machine, name, vcpu_info, vcpu.info);
    case 'vcpu_time_info':
      return atMachineAddress(machine, name, vcpu_time_info, vcpu.info + vcpu_info.offsets.time);
    case 'vcpu_runstate_info': {
      const bytes = runstateNow(machine.xen, vcpu);
      return { name, size: bytes.byteLength, fields: describe(vcpu_runstate_info, bytes) };
    }
    case 'start_info':
      return startInfo(machine, vcpu);
  }
}

function startInfo(machine: Machine, { domain }: Vcpu): SharedStructData | undefined {
  const { frames } = machine.xen;
  const frame = machine.servicesOf(domain.id)?.built.startInfoFrame;
  if (frame === undefined || frames.owner[frame] !== domain.id) {
    return undefined;
  }
  const data = atMachineAddress(machine, 'start_info', start_info, frame * PAGE);
  const { magic } = data.fields as { magic: string };
  return magic.startsWith('xen-')
    ? data
    : { ...data, note: 'The guest has put something else into the page since it started.' };
}

function atMachineAddress(
  { xen }: Machine,
  name: SharedStructName,
  type: FieldType<unknown>,
  address: number,
): SharedStructData {
  const bytes = xen.ram.bytes(address, type.size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { name, address, size: type.size, fields: describe(type, view) };
}
