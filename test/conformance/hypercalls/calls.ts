/**
 * What a hostile guest calls: every hypercall that there is, with arguments of which some are good.
 */

import { FLAT_RING1_CS, trap_info } from '../../../emulator/abi/arch-x86-32.ts';
import { CALLBACKOP, callback_register } from '../../../emulator/abi/callback.ts';
import { EVTCHNOP, evtchn_op } from '../../../emulator/abi/event-channel.ts';
import { nameOf } from '../../../emulator/abi/names.ts';
import { PHYSDEVOP, physdev_op } from '../../../emulator/abi/physdev.ts';
import { SCHEDOP, SHUTDOWN } from '../../../emulator/abi/sched.ts';
import { XENVER } from '../../../emulator/abi/version.ts';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { Suboperation } from '../../../emulator/hypervisor/hypercall.ts';
import { hypercalls } from '../../../emulator/hypervisor/hypercalls/index.ts';
import { integer } from '../silicon/values.ts';
import { grantTableCall } from './grant-calls.ts';
import { memoryCall } from './memory-calls.ts';
import { mmuextCall, mmuUpdateCall, updateDescriptor, updateVaMapping } from './mmu-calls.ts';
import { filled, moment } from './structs.ts';
import type { Values } from './values.ts';
import { vcpuCall } from './vcpu-calls.ts';

/** A call that is to be made. */
export interface Draft {
  /** What the table of outcomes calls it: its name and its command. */
  readonly name: string;
  readonly number: number;
  readonly registers: readonly number[];
  /** The outcome, where the answer of the call is not all; undefined: the answer it is. */
  readonly outcome?: (answer: number) => string | undefined;
  /** Where the stack must be. */
  readonly esp?: number;
}

export type Drafter = (values: Values) => Draft;

/** A call whose first argument is a command and whose second points to a struct of that command. */
function commandCall(
  values: Values,
  number: number,
  commands: Readonly<Record<string, number>>,
): Draft {
  const { dice } = values;
  const row = hypercalls.find((call) => call.number === number);
  const all = Object.values(commands);
  const command = values.isBad()
    ? dice.pick([all.length, 0xffff_ffff, 0x8000_0000, integer(dice, 32)])
    : (all[dice.below(all.length)] ?? 0);
  const layout: Suboperation['layout'] | undefined = row?.operations?.get(command)?.layout;
  const argument =
    layout === undefined
      ? values.words(Array.from({ length: 8 }, () => values.anything()))
      : values.pointerTo(new Uint8Array(filled(values, layout).buffer));
  return {
    name: `${row?.name} ${nameOf(commands, command) ?? 'unknown'}`,
    number,
    registers: [command, argument],
  };
}

const simple =
  (name: keyof typeof HYPERVISOR, make: (values: Values) => readonly number[]): Drafter =>
  (values) => ({ name, number: HYPERVISOR[name], registers: make(values) });

const setTrapTable = simple('set_trap_table', (values) => {
  const { dice } = values;
  if (dice.oneIn(500)) {
    return [0];
  }
  const count = dice.oneIn(100) ? 300 : dice.below(4);
  const bytes = new DataView(new ArrayBuffer((count + 1) * trap_info.size));
  for (let i = 0; i < count; i++) {
    const entry = trap_info.at(bytes, i * trap_info.size);
    entry.vector = dice.below(256);
    entry.flags = dice.below(8);
    entry.cs = dice.oneIn(4) ? values.selector() : FLAT_RING1_CS;
    entry.address = values.handler();
  }
  return [values.pointerTo(new Uint8Array(bytes.buffer))];
});

const setGdt = simple('set_gdt', (values) => {
  const { dice } = values;
  const list = values.list(15, () => values.spareFrame());
  return [
    list,
    values.isBad() ? dice.pick([7169, 0xffff_ffff, 7168, 8192]) : dice.pick([0, 1, 14, 512, 513]),
  ];
});

const iret: Drafter = (values) => {
  const { dice } = values;
  const ring3 = dice.oneIn(3);
  const cs = dice.oneIn(100) ? values.selector() : ring3 ? 0xe02b : FLAT_RING1_CS;
  const ss = dice.oneIn(50) ? values.selector() : ring3 ? 0xe033 : 0xe021;
  const flags = dice.oneIn(200) ? dice.uint32() : dice.pick([0x202, 0x2, 0x3202, 0x102, 0x10202]);
  const frame = [dice.uint32(), values.handler(), cs, flags, values.stack(), ss];
  return {
    name: 'iret',
    number: HYPERVISOR.iret,
    registers: [],
    esp: dice.oneIn(400) ? values.badPointer() : values.words(frame),
  };
};

const schedOp: Drafter = (values) => {
  const { dice } = values;
  const draft = commandCall(values, HYPERVISOR.sched_op, SCHEDOP);
  // Who is gone calls no more.
  const isEnd = draft.name.endsWith('shutdown') && !dice.oneIn(8);
  return isEnd ? { ...draft, registers: [draft.registers[0] ?? 0, values.words([77])] } : draft;
};

const schedOpCompat: Drafter = (values) => {
  const { dice } = values;
  const command = values.isBad() ? integer(dice, 32) : dice.below(dice.oneIn(300) ? 3 : 2);
  const name = nameOf(SCHEDOP, command) ?? 'unknown';
  const registers = [command, dice.pick(Object.values(SHUTDOWN) as [number, ...number[]])];
  return { name: `sched_op_compat ${name}`, number: HYPERVISOR.sched_op_compat, registers };
};

/** The older calls: the command stands in the struct. */
const compat =
  (
    name: 'event_channel_op_compat' | 'physdev_op_compat',
    layout: typeof evtchn_op | typeof physdev_op,
    commands: Readonly<Record<string, number>>,
  ): Drafter =>
  (values) => {
    const bytes = filled(values, layout);
    const all = Object.values(commands);
    const command = values.isBad() ? values.anything() : (all[values.dice.below(all.length)] ?? 0);
    bytes.setUint32(0, command, true);
    const of = hypercalls.find(
      ({ number }) => number === HYPERVISOR[name.replace('_compat', '') as 'physdev_op'],
    );
    const inner = of?.operations?.get(command)?.layout;
    if (inner !== undefined) {
      const fields = new Uint8Array(filled(values, inner).buffer).subarray(0, layout.size - 4);
      new Uint8Array(bytes.buffer).set(fields, layout.offsets.u);
    }
    return {
      name: `${name} ${nameOf(commands, command) ?? 'unknown'}`,
      number: HYPERVISOR[name],
      registers: [values.pointerTo(new Uint8Array(bytes.buffer))],
    };
  };

const consoleIo: Drafter = (values) => {
  const { dice } = values;
  const command = values.isBad() ? dice.below(4) : 0;
  const count = values.isBad() ? values.anything() : dice.below(100);
  const registers = [command, count, values.words([values.anything()])];
  return { name: `console_io ${command}`, number: HYPERVISOR.console_io, registers };
};

const xenVersion: Drafter = (values) => {
  const draft = commandCall(values, HYPERVISOR.xen_version, XENVER);
  const [command = 0] = draft.registers;
  const room = values.room(1100);
  values.world.xen.memory.write32(room, values.isBad() ? values.anything() : 0);
  return { ...draft, registers: [command, values.isBad() ? values.badPointer() : room] };
};

const vmAssist: Drafter = (values) => {
  const { dice } = values;
  const command = values.isBad() ? values.anything() : dice.below(2);
  const type = values.isBad() ? values.anything() : dice.below(6);
  const name = `vm_assist ${command === 0 ? 'enable' : command === 1 ? 'disable' : 'unknown'}`;
  return { name, number: HYPERVISOR.vm_assist, registers: [command, type] };
};

const setTimer = simple('set_timer_op', (values) => {
  const at = values.dice.oneIn(8) ? values.anything() * 2 ** 32 : moment(values);
  return [(at % 2 ** 32) >>> 0, Math.floor(at / 2 ** 32) >>> 0];
});

const nmiOp: Drafter = (values) => {
  const command = values.isBad() ? values.anything() : values.dice.below(2);
  const registers = [command, values.words([values.handler()])];
  return { name: `nmi_op ${command < 2 ? command : 'unknown'}`, number: 28, registers };
};

/** A number that may be none, with anything in the registers. */
const anyNumber: Drafter = (values) => {
  const { dice } = values;
  const refused = [7, 31, 34, 35, 36, 37, 40, 42, 48];
  const number = dice.oneIn(2)
    ? (refused[dice.below(refused.length)] ?? 7)
    : dice.pick([
        ...([11, 25, 27, 38, 39, 41, 43, 47, 49, 55, 56, 63, 64, 0xffff_ffff] as const),
        integer(dice, 32),
      ]);
  const argument = () =>
    dice.oneIn(2)
      ? values.anything()
      : values.words(Array.from({ length: 33 }, () => dice.pick([0x14, 0x15, 0x0300_000b, 0, 1])));
  return {
    name: nameOf(HYPERVISOR, number) ?? 'no hypercall',
    number,
    registers: [argument(), argument(), argument(), argument(), argument()],
  };
};

const SINGLE: readonly (readonly [weight: number, drafter: Drafter])[] = [
  [3, setTrapTable],
  [14, mmuUpdateCall],
  [2, setGdt],
  [1, simple('stack_switch', (v) => [v.isBad() ? v.selector() : 0xe021, v.stack()])],
  [1, simple('set_callbacks', (v) => [v.selector(), v.handler(), v.selector(), v.handler()])],
  [1, simple('fpu_taskswitch', (v) => [v.dice.below(3)])],
  [1, schedOpCompat],
  [2, simple('set_debugreg', (v) => [v.dice.below(9), v.dice.oneIn(2) ? v.anything() : 0x400])],
  [1, simple('get_debugreg', (v) => [v.dice.below(9)])],
  [4, updateDescriptor],
  [9, memoryCall],
  [10, updateVaMapping],
  [2, setTimer],
  [2, compat('event_channel_op_compat', evtchn_op, EVTCHNOP)],
  [2, xenVersion],
  [1, consoleIo],
  [1, compat('physdev_op_compat', physdev_op, PHYSDEVOP)],
  [14, grantTableCall],
  [1, vmAssist],
  [2, iret],
  [5, vcpuCall],
  [12, mmuextCall],
  [1, nmiOp],
  [4, schedOp],
  [1, callbackOp],
  [8, (values) => commandCall(values, HYPERVISOR.event_channel_op, EVTCHNOP)],
  [2, (values) => commandCall(values, HYPERVISOR.physdev_op, PHYSDEVOP)],
  [2, anyNumber],
];

function callbackOp(values: Values): Draft {
  const draft = commandCall(values, HYPERVISOR.callback_op, CALLBACKOP);
  if (!values.isBad() && draft.registers[0] === CALLBACKOP.register) {
    const bytes = filled(values, callback_register);
    callback_register.at(bytes).type = values.dice.below(8);
    return { ...draft, registers: [0, values.pointerTo(new Uint8Array(bytes.buffer))] };
  }
  return draft;
}

const TOTAL = SINGLE.reduce((sum, [weight]) => sum + weight, 0);

function single(values: Values): Draft {
  let left = values.dice.below(TOTAL);
  for (const [weight, drafter] of SINGLE) {
    left -= weight;
    if (left < 0) {
      return drafter(values);
    }
  }
  return iret(values);
}

/** What ends a list, or its caller, is rare in one. */
function insideMulticall(values: Values): Draft {
  const draft = single(values);
  const isEnd = draft.number === HYPERVISOR.iret || draft.registers[0] === SCHEDOP.shutdown;
  return isEnd && !values.dice.oneIn(20) ? insideMulticall(values) : draft;
}

function multicall(values: Values): Draft {
  const { dice } = values;
  const count = dice.oneIn(20) ? 0 : 1 + dice.below(5);
  const words: number[] = [];
  for (let i = 0; i < count; i++) {
    const { number, registers } = insideMulticall(values);
    const op = dice.oneIn(30) ? HYPERVISOR.multicall : number;
    words.push(op, 0xdead, ...Array.from({ length: 6 }, (_, k) => registers[k] ?? 0));
  }
  const claimed = values.isBad() ? values.count() : count;
  const registers = [values.words(words), claimed];
  return { name: 'multicall', number: HYPERVISOR.multicall, registers };
}

/** The next call. */
export function draftCall(values: Values): Draft {
  values.forgetRoom();
  values.rarity = values.dice.pick([6, 12, 40, 1000]);
  return values.dice.oneIn(16) ? multicall(values) : single(values);
}
