/**
 * What happens in a machine that a user can stop at: declared once, for filters in the client, for
 * breakpoints by name, for conditions, and for what is told when it stops.
 */

/** A field that conditions can name. */
export interface EventField {
  readonly name: string;
  /** What it is, with its unit. */
  readonly meaning: string;
}

export interface MachineEventKind {
  /** As filters and breakpoints name it: `hypercall-error`. */
  readonly id: MachineEventId;
  readonly label: string;
  readonly description: string;
  readonly fields: readonly EventField[];
  /** Whether it stops unless the user says otherwise. */
  readonly isDefault: boolean;
  /** An example of a condition. */
  readonly example: string;
}

export type MachineEventId =
  | 'hypercall'
  | 'hypercall-error'
  | 'event-sent'
  | 'event-delivery'
  | 'trap'
  | 'page-fault'
  | 'page-table-write'
  | 'timer'
  | 'ring-request'
  | 'xenstore'
  | 'domain-crash'
  | 'unimplemented';

const field = (name: string, meaning: string): EventField => ({ name, meaning });

/** Every event has these. */
export const COMMON_FIELDS: readonly EventField[] = [
  field('domain', 'number of the domain'),
  field('vcpu', 'number of the virtual processor'),
];

const CALL_FIELDS: readonly EventField[] = [
  field('call', 'name of the hypercall, as in Xen’s headers: "mmu_update"'),
  field('number', 'number of the hypercall'),
  field('op', 'name of the sub-operation: "send"'),
  field('cmd', 'number of the sub-operation'),
  field('arg0', 'EBX; arg1 to arg4 are ECX, EDX, ESI and EDI'),
];

export const MACHINE_EVENTS: readonly MachineEventKind[] = [
  {
    id: 'hypercall',
    label: 'Hypercalls',
    description: 'Before a hypercall is carried out. Fields of its struct can be named as well.',
    fields: CALL_FIELDS,
    isDefault: false,
    example: 'call == "event_channel_op" && op == "send" && port == 5',
  },
  {
    id: 'hypercall-error',
    label: 'Failed hypercalls',
    description: 'After a hypercall that answered a negative number.',
    fields: [...CALL_FIELDS, field('result', 'what it answered'), field('errno', '"EINVAL"')],
    isDefault: false,
    example: 'errno == "EPERM"',
  },
  {
    id: 'event-sent',
    label: 'Events sent',
    description: 'After an event has arrived at a port.',
    fields: [field('port', 'at which it arrived'), field('masked', '1: the port is masked')],
    isDefault: false,
    example: 'port == 5 && !masked',
  },
  {
    id: 'event-delivery',
    label: 'Event deliveries',
    description: 'Before the upcall: step in to see its stages.',
    fields: [
      field('selector', 'evtchn_pending_sel of the vCPU'),
      field('port', 'the lowest port that is pending and not masked'),
    ],
    isDefault: false,
    example: 'port == 5',
  },
  {
    id: 'trap',
    label: 'Traps',
    description: 'Before an exception or software interrupt enters a handler of the guest.',
    fields: [
      field('vector', 'of the exception'),
      field('error', 'error code, 0 where there is none'),
      field('eip', 'of the instruction'),
      field('cr2', 'the address of a page fault'),
    ],
    isDefault: false,
    example: 'vector == 13',
  },
  {
    id: 'page-fault',
    label: 'Page faults',
    description: 'Before a page fault enters the guest’s handler.',
    fields: [
      field('address', 'that was accessed'),
      field('error', 'error code'),
      field('eip', 'of the instruction'),
      field('write', '1: a write'),
      field('user', '1: from ring 3'),
      field('present', '1: the page is there, its rights forbid it'),
    ],
    isDefault: false,
    example: 'address < 4096',
  },
  {
    id: 'page-table-write',
    label: 'Page-table writes',
    description:
      'After an entry of a page table was changed, by a hypercall or by a trapped store.',
    fields: [
      field('address', 'machine address of the entry'),
      field('value', 'the new entry'),
      field('frame', 'machine frame that the new entry names'),
    ],
    isDefault: false,
    example: '(value & 1) == 0',
  },
  {
    id: 'timer',
    label: 'Timers',
    description: 'After a timer of a virtual processor has fired.',
    fields: [
      field('timer', '"single-shot", "tick" or "poll"'),
      field('at', 'when it was due, in ns of system time'),
    ],
    isDefault: false,
    example: 'timer == "single-shot"',
  },
  {
    id: 'ring-request',
    label: 'Ring requests',
    description: 'After a back-end has answered a request.',
    fields: [
      field('device', '"vbd/51712"'),
      field('request', '"read"'),
      field('status', '0: it succeeded'),
    ],
    isDefault: false,
    example: 'status != 0',
  },
  {
    id: 'xenstore',
    label: 'XenStore messages',
    description: 'After a message between a guest and xenstore.',
    fields: [
      field('type', '"WRITE"'),
      field('path', 'the first string of the payload'),
      field('direction', '"in": from the guest'),
    ],
    isDefault: false,
    example: 'type == "WRITE"',
  },
  {
    id: 'domain-crash',
    label: 'Domain crashes',
    description: 'When the hypervisor ends a domain, or a guest says that it has crashed.',
    fields: [field('reason', 'in a sentence')],
    isDefault: true,
    example: '',
  },
  {
    id: 'unimplemented',
    label: 'What is not implemented',
    description: 'After a guest asked for something that this hypervisor does not have.',
    fields: [field('text', 'what it asked for')],
    isDefault: false,
    example: '',
  },
];

/** The event that a breakpoint names, such as `hypercall:event_channel_op/send`. */
export interface NamedEvent {
  readonly id: MachineEventId;
  /** What it must be about; undefined: whatever. */
  readonly subject: string | undefined;
}

/** Undefined where the text names no event, but perhaps a function. */
export function namedEvent(text: string): NamedEvent | undefined {
  const [, name = '', subject] = /^([a-z-]+)(?::(.*))?$/.exec(text.trim()) ?? [];
  const kind = MACHINE_EVENTS.find(({ id }) => id === name);
  if (
    kind === undefined ||
    (subject === undefined && !text.includes('-') && name !== 'hypercall')
  ) {
    return undefined;
  }
  return { id: kind.id, subject: subject === undefined || subject === '*' ? undefined : subject };
}
