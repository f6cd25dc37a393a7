/** What a guest does without a call: it writes what it shares with the hypervisor, and executes. */

import { GTF, GTF_TYPE } from '../../../emulator/abi/grant-table.ts';
import { shared_info, vcpu_info } from '../../../emulator/abi/xen.ts';
import type { Values } from './values.ts';
import { JUNK, PAGE, SPIN, STACK } from './world.ts';

/** Instructions that machine code of any bytes is given. */
const BURST = 200;

/** An entry of its grant table, as good as any or not. */
function writeGrant(values: Values): void {
  const { dice, domain, world } = values;
  const reference = values.reference();
  const address = domain.grants.entryAddress(reference);
  if (address === undefined) {
    return;
  }
  const { ram } = world.xen;
  if (values.isBad()) {
    ram.write32(address + 4 * dice.below(domain.grants.entrySize / 4), dice.uint32());
    return;
  }
  const type = dice.pick([
    GTF_TYPE.permit_access,
    GTF_TYPE.permit_access,
    0,
    GTF_TYPE.accept_transfer,
  ]);
  const flags = type | (dice.oneIn(3) ? GTF.readonly : 0) | (dice.oneIn(8) ? GTF.sub_page : 0);
  // As a kernel does: an entry in use is left alone.
  if (!domain.grants.active.has(reference)) {
    ram.write32(address, (flags | (values.other() << 16)) >>> 0);
    domain.grants.setFrame(ram, reference, values.spareFrame());
  }
}

/** A word of shared_info or of its vcpu_info. */
function writeShared(values: Values): void {
  const { dice, domain, vcpu, world } = values;
  const { ram } = world.xen;
  const base = domain.fields.sharedInfo * PAGE;
  switch (dice.below(4)) {
    case 0:
      ram.write32(base + shared_info.offsets.evtchn_mask + 4 * dice.below(32), dice.uint32());
      break;
    case 1:
      ram.write32(base + shared_info.offsets.evtchn_pending + 4 * dice.below(32), dice.uint32());
      break;
    case 2:
      ram.write32(base + 4 * dice.below(PAGE / 4), dice.uint32());
      break;
    case 3:
      ram.write8(vcpu.info + vcpu_info.offsets.evtchn_upcall_mask, dice.below(2));
      ram.write8(vcpu.info + vcpu_info.offsets.evtchn_upcall_pending, dice.below(2));
      break;
  }
}

/** A translated guest can map the pages of its descriptors and write them. */
function writeDescriptor(values: Values): void {
  const { dice, vcpu, world } = values;
  const frame = vcpu.gdtFrames[0] ?? [...vcpu.ldtFrames.values()][0];
  if (frame !== undefined) {
    const [low, high] = values.descriptor();
    const address = frame * PAGE + 8 * dice.below(512);
    world.xen.ram.write32(address, low);
    world.xen.ram.write32(address + 4, high);
  }
}

/** An entry of its own page tables, which are plain memory to a translated guest. */
function writeTable(values: Values): void {
  const { dice, domain, world } = values;
  const { tables } = world.placesOf(domain);
  const at = tables.start + 4 * dice.below((tables.end - tables.start) / 4);
  const [low] = values.entry();
  world.xen.memory.write32(at, dice.oneIn(4) ? dice.uint32() : low);
}

export function act(values: Values): void {
  if (values.domain.isTranslated && values.dice.oneIn(4)) {
    writeDescriptor(values);
  } else if (values.domain.isTranslated && values.dice.oneIn(8)) {
    writeTable(values);
  } else if (values.dice.oneIn(2)) {
    writeGrant(values);
  } else {
    writeShared(values);
  }
}

/** The instructions that only privileged code has use for, and the prefixes of some. */
const OPCODES: readonly (readonly number[])[] = [
  ...[[0xcd, 0x82], [0xcd, 0x80], [0xcd, 3], [0xcc], [0xce], [0xcf], [0xf4], [0xfa], [0xfb]],
  ...[
    [0x0f, 0x20, 0xd8],
    [0x0f, 0x22, 0xd8],
    [0x0f, 0x20, 0xc0],
    [0x0f, 0x22, 0xc0],
    [0x0f, 6],
  ],
  ...[
    [0x0f, 0x22, 0xe0],
    [0x0f, 0x23, 0xf8],
    [0x0f, 0x21, 0xf0],
    [0x0f, 0x31],
    [0x0f, 0x32],
  ],
  ...[
    [0x0f, 0x30],
    [0x0f, 0xa2],
    [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2],
    [0x0f, 1, 0x38],
  ],
  ...[[0xe4, 0x70], [0xe6, 0x70], [0xec], [0xee], [0x6c], [0x6e], [0xf3, 0x6d], [0xf3, 0x6f]],
  ...[
    [0x8e, 0xd8],
    [0x8e, 0xc0],
    [0x8e, 0xd0],
    [0x8e, 0xe0],
    [0x0f, 0, 0xd0],
    [0x0f, 0, 0xd8],
  ],
  ...[[0x0f, 1, 0x10], [0x0f, 1, 0x18], [0x9d], [0x9c], [0x0f, 8], [0x0f, 9], [0xcb], [0x0f, 0x34]],
  ...[[0x0f, 1, 0xf0], [0x0f, 0xb], [0xf1], [0x67, 0x0f, 0x22, 0xd8], [0x66, 0x6f], [0x0f, 0x35]],
  ...[
    [0x9a, 0, 0, 0x10, 0, 8, 0],
    [0xea, 0, 0, 0x10, 0, 0x11, 0],
    [0xea, 0, 0, 0x10, 0, 8, 0xe0],
  ],
  ...[
    [0xff, 0x18],
    [0xff, 0x28],
    [0x9a, 0, 0, 0x10, 0, 7, 0],
    [0xca, 4, 0],
    [0x8e, 0xe8],
    [0xf, 3],
  ],
];

/** Fills memory with bytes that are mostly instructions for the hypervisor to see to. */
function junk(values: Values, length: number): Uint8Array {
  const { dice } = values;
  const bytes = Uint8Array.from({ length }, () => dice.below(256));
  for (let at = 0; at < length - 8; at += 4 + dice.below(12)) {
    bytes.set(OPCODES[dice.below(OPCODES.length)] ?? [], at);
  }
  return bytes;
}

/** Executes whatever bytes there are, in ring 1 or 3, with any registers. */
export function executeJunk(values: Values): void {
  const { dice, vcpu, world } = values;
  const { xen, machine } = world;
  world.enterKernel(vcpu);
  const at = JUNK.start + dice.below(JUNK.end - JUNK.start - 64);
  xen.memory.write(at, junk(values, 64));
  const { state } = xen.cpu;
  const { tables } = world.placesOf(vcpu.domain);
  if (dice.oneIn(2)) {
    // To user mode, as a kernel goes there.
    const frame = Uint32Array.of(0, at, 0xe02b, 0x202, values.stack(), 0xe033);
    xen.memory.write(STACK.start, new Uint8Array(frame.buffer));
    state.esp = STACK.start;
    world.call(vcpu, 23, []);
  } else {
    state.eip = at;
    state.esp = dice.oneIn(6)
      ? tables.start + dice.below(tables.end - tables.start)
      : values.stack();
  }
  for (const name of ['eax', 'ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp'] as const) {
    const table = tables.start + dice.below(tables.end - tables.start);
    const address = dice.pick([values.linear(), values.stack(), table, table & ~7, at]);
    state[name] = dice.pick([address, address, address, values.selector(), dice.uint32()]);
  }
  machine.run(BURST);
}

/** The machine runs on, with what its guests happen to execute. */
export function runOn(values: Values): void {
  const { dice, world, vcpu } = values;
  if (dice.oneIn(2) && vcpu === world.xen.scheduler.current) {
    world.enterKernel(vcpu);
    world.xen.cpu.state.eip = SPIN;
  }
  world.machine.run(BURST);
}
