/** Something that happened, or is about to happen, in the machine: for conditions and for its story. */

import type { Description } from '../../emulator/abi/description.ts';
import { errnoName } from '../../emulator/abi/errno.ts';
import { nameOf } from '../../emulator/abi/names.ts';
import { SHUTDOWN } from '../../emulator/abi/sched.ts';
import { HYPERVISOR } from '../../emulator/abi/xen.ts';
import type { ProbeEvent } from '../../emulator/hypervisor/probes.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { decodeCall } from '../inspection/hypercall-description.ts';
import type { MachineEventId } from './machine-events.ts';

export type FieldValue = number | bigint | string;

export interface Occurrence {
  readonly id: MachineEventId;
  readonly domain: number;
  readonly vcpu: number;
  /** What conditions can name. */
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** In a few words: `event_channel_op send, port 5`. */
  readonly title: string;
  /** What it is about, for breakpoints by name: `event_channel_op/send`. */
  readonly subject: string;
  /** Everything that is known, by name. */
  readonly story: Readonly<Record<string, Description>>;
  /** Of the instruction that it is about, where there is one. */
  readonly eip?: number;
}

export interface CallPlace {
  readonly domain: number;
  readonly vcpu: number;
}

interface CallEnd {
  readonly result: number;
  /** Why it was refused, if anything is known of that. */
  readonly refusedBy: string | undefined;
}

/** A hypercall with its arguments by name; its struct is read from the guest's memory as it is now. */
export function callOccurrence(
  machine: Machine,
  place: CallPlace,
  number: number,
  registers: readonly number[],
  end?: CallEnd,
): Occurrence {
  const name = nameOf(HYPERVISOR, number) ?? String(number);
  const decoded = decodeCall(machine, number, registers);
  const { operation, arguments: named } = decoded;
  const [command = 0] = registers;
  const subject = operation === undefined ? name : `${name}/${operation}`;
  const errno = end === undefined ? undefined : errnoName(end.result);
  const plain = plainFields(named);
  return {
    id: end === undefined ? 'hypercall' : 'hypercall-error',
    ...place,
    fields: {
      ...plain,
      ...place,
      call: name,
      number,
      op: operation ?? '',
      cmd: command,
      ...Object.fromEntries(registers.map((value, i) => [`arg${i}`, value])),
      ...(end === undefined ? {} : { result: end.result, errno: errno ?? '' }),
    },
    subject,
    title: `${operation === undefined ? name : `${name} ${operation}`}${summaryOf(plain)}${
      end === undefined ? '' : ` answered ${errno === undefined ? end.result : `-${errno}`}`
    }`,
    story: {
      hypercall: name,
      ...(operation === undefined ? {} : { operation }),
      arguments: named,
      ...(end === undefined ? {} : { result: end.result, errno: errno ?? 'none' }),
      ...(end?.refusedBy === undefined ? {} : { refusedBy: end.refusedBy }),
    },
  };
}

/** Fields of structs stand beside the arguments; inner structs and arrays cannot be named. */
function plainFields(named: Readonly<Record<string, Description>>): Record<string, FieldValue> {
  const fields: Record<string, FieldValue> = {};
  const add = (entries: Readonly<Record<string, Description>>, depth: number): void => {
    for (const [name, value] of Object.entries(entries)) {
      if (typeof value === 'number') {
        fields[name] = value;
      } else if (typeof value === 'string') {
        fields[name] = /^-?0x[0-9a-f]+$/.test(value) ? Number(value) : value;
      } else if (!Array.isArray(value) && depth < 2) {
        add(value as Readonly<Record<string, Description>>, depth + 1);
      }
    }
  };
  add(named, 0);
  return fields;
}

/** The first few fields, as `, port 5`. */
function summaryOf(fields: Readonly<Record<string, FieldValue>>): string {
  return Object.entries(fields)
    .filter(([name]) => !['cmd', 'arg', 'uop', 'op'].includes(name))
    .slice(0, 3)
    .map(([name, value]) => {
      const isLarge = typeof value === 'number' && value > 9999;
      return `, ${name} ${isLarge ? `0x${value.toString(16)}` : value}`;
    })
    .join('');
}

/** What a probe told, as an occurrence; undefined for kinds that nobody can stop at. */
export function occurrenceOf(event: ProbeEvent): Occurrence | undefined {
  const { domain, vcpu } = event;
  const place = { domain, vcpu };
  const made = (
    id: MachineEventId,
    subject: string,
    title: string,
    fields: Record<string, FieldValue>,
  ): Occurrence => ({
    ...{ id, subject, title, ...place },
    fields: { ...place, ...fields },
    story: Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === 'bigint' ? `0x${value.toString(16)}` : value,
      ]),
    ),
  });
  switch (event.kind) {
    case 'event-sent': {
      const { port, isMasked } = event;
      const title = `event at port ${port}${isMasked ? ', which is masked' : ''}`;
      return made('event-sent', String(port), title, { port, masked: isMasked ? 1 : 0 });
    }
    case 'page-table-write': {
      const { address, value } = event;
      const frame = Number((value >> 12n) & 0xff_ffffn);
      const title = `page-table entry at machine address 0x${address.toString(16)} is 0x${value.toString(16)}`;
      return made('page-table-write', `0x${address.toString(16)}`, title, {
        address,
        value,
        frame,
      });
    }
    case 'timer':
      return made('timer', event.timer, `${event.timer} timer fired`, {
        timer: event.timer,
        at: event.at,
      });
    case 'ring': {
      const { device, request, status } = event;
      const title = `${device}: ${request} answered with status ${status}`;
      return made('ring-request', device, title, { device, request, status });
    }
    case 'xenstore': {
      const [path = ''] = event.payload.split('\0');
      const { type, direction } = event;
      const title = `xenstore ${direction === 'in' ? 'gets' : 'sends'} ${type} ${path}`;
      return made('xenstore', path, title, { type, path, direction });
    }
    case 'domain-state':
      return crashOf(event.reason) === undefined
        ? undefined
        : made('domain-crash', '', crashOf(event.reason) ?? '', { reason: event.reason });
    case 'record':
      return event.record === 'unimplemented'
        ? made('unimplemented', '', event.text, { text: event.text })
        : undefined;
    default:
      return undefined;
  }
}

/** Why a domain crashed, in a sentence; undefined: it has ended otherwise. */
function crashOf(reason: string): string | undefined {
  if (reason === String(SHUTDOWN.crash)) {
    return 'the guest says that it has crashed';
  }
  return /^\d+$/.test(reason) ? undefined : reason;
}
