/** Calls about page tables and descriptors. */

import { nameOf } from '../../../emulator/abi/names.ts';
import { DOMID, HYPERVISOR, MMU, MMUEXT, mmuext_op } from '../../../emulator/abi/xen.ts';
import type { Draft } from './calls.ts';
import type { Values } from './values.ts';

/** A list of one request mostly: then the answer of the call is that of the request. */
function lengthOf({ dice }: Values): number {
  return dice.oneIn(4) ? 1 + dice.below(6) : 1;
}

/** Count, where to store how many were done, and whose memory it is about. */
function rest(values: Values, count: number): readonly number[] {
  const { dice } = values;
  const claimed = values.isBad() ? values.count() : count;
  const isContinued = dice.oneIn(50) ? 0x8000_0000 : 0;
  const done = dice.oneIn(2) ? 0 : values.words([dice.below(4)]);
  const foreign = values.isBad() ? (values.domid() | (dice.below(3) << 16)) >>> 0 : DOMID.SELF;
  return [(claimed | isContinued) >>> 0, done, foreign];
}

export function mmuUpdateCall(values: Values): Draft {
  const { dice } = values;
  const count = lengthOf(values);
  const words: number[] = [];
  let command = 0;
  for (let i = 0; i < count; i++) {
    command = values.isBad() ? dice.below(8) : dice.pick([0, 0, 0, 1, 2]);
    const isMachPhys = command === MMU.MACHPHYS_UPDATE;
    const address = isMachPhys ? values.frame() * 4096 : values.entryAddress();
    const [low, high] = values.entry();
    const pointer = address - (address % 8) + command;
    words.push((pointer % 2 ** 32) >>> 0, Math.floor(pointer / 2 ** 32) >>> 0, low, high);
  }
  const name = count === 1 ? (nameOf(MMU, command) ?? 'unknown') : 'list';
  return {
    name: `mmu_update ${name}`,
    number: HYPERVISOR.mmu_update,
    registers: [values.words(words), ...rest(values, count)],
  };
}

export function mmuextCall(values: Values): Draft {
  const { dice } = values;
  const count = lengthOf(values);
  const bytes = new DataView(new ArrayBuffer(count * mmuext_op.size));
  const commands = Object.values(MMUEXT);
  let command = 0;
  for (let i = 0; i < count; i++) {
    command = values.isBad() ? dice.below(24) : (commands[dice.below(commands.length)] ?? 0);
    const request = mmuext_op.at(bytes, i * mmuext_op.size);
    request.cmd = command;
    request.arg1.mfn = firstArgument(values, command);
    request.arg2.src_mfn = secondArgument(values, command);
  }
  const name = count === 1 ? (nameOf(MMUEXT, command) ?? 'unknown') : 'list';
  const list = values.pointerTo(new Uint8Array(bytes.buffer));
  return {
    name: `mmuext_op ${name}`,
    number: HYPERVISOR.mmuext_op,
    registers: [list, ...rest(values, count)],
  };
}

function firstArgument(values: Values, command: number): number {
  const { dice, domain, world, vcpu } = values;
  const made = world.madeTables(domain);
  switch (command) {
    case MMUEXT.PIN_L1_TABLE:
      return dice.oneIn(3) ? domain.guestFrame(made.table) : values.spareFrame();
    case MMUEXT.PIN_L2_TABLE:
      return dice.oneIn(2) ? domain.guestFrame(made.directory) : values.tableFrame();
    case MMUEXT.PIN_L3_TABLE:
    case MMUEXT.PIN_L4_TABLE:
    case MMUEXT.NEW_BASEPTR:
      return values.isBad()
        ? values.frame()
        : domain.guestFrame(dice.oneIn(2) ? made.root : vcpu.baseFrame);
    case MMUEXT.UNPIN_TABLE:
      return dice.oneIn(2) ? domain.guestFrame(made.table) : values.tableFrame();
    case MMUEXT.NEW_USER_BASEPTR:
      return values.isBad() ? values.frame() : 0;
    case MMUEXT.CLEAR_PAGE:
    case MMUEXT.COPY_PAGE:
      return values.spareFrame();
    case MMUEXT.SET_LDT:
      return values.isBad() ? values.badPointer() : values.linear();
    default:
      return dice.oneIn(2) ? values.linear() : values.frame();
  }
}

function secondArgument(values: Values, command: number): number {
  switch (command) {
    case MMUEXT.COPY_PAGE:
      return values.frame();
    case MMUEXT.SET_LDT:
      return values.isBad() ? values.count() : values.dice.pick([0, 1, 8, 512, 8192]);
    default:
      return values.words([values.dice.below(8), 0]);
  }
}

export function updateVaMapping(values: Values): Draft {
  const { dice } = values;
  const [low, high] = values.entry();
  const flags = dice.oneIn(8)
    ? (values.words([values.anything()]) & ~3) + dice.below(4)
    : dice.pick([0, 1, 2, 3, 4, 5, 6]);
  const registers = [values.linear(), low, high, flags];
  return dice.oneIn(8)
    ? {
        name: 'update_va_mapping_otherdomain',
        number: HYPERVISOR.update_va_mapping_otherdomain,
        registers: [...registers, values.domid()],
      }
    : { name: 'update_va_mapping', number: HYPERVISOR.update_va_mapping, registers };
}

export function updateDescriptor(values: Values): Draft {
  const { dice, vcpu, domain } = values;
  const gdt = vcpu.gdtFrames[0];
  const frame = gdt === undefined || dice.oneIn(2) ? values.spareFrame() : domain.guestFrame(gdt);
  const address = frame * 4096 + 8 * dice.below(512) + (values.isBad() ? dice.below(8) : 0);
  const [low, high] = values.descriptor();
  const registers = [(address % 2 ** 32) >>> 0, Math.floor(address / 2 ** 32), low, high];
  return { name: 'update_descriptor', number: HYPERVISOR.update_descriptor, registers };
}
