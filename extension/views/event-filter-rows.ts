/** The view _Machine events_: what the machine can be stopped at, by kind, with a check-box each. */

import {
  MACHINE_EVENTS,
  type MachineEventId,
  type MachineEventKind,
} from '../../debug-adapter/debuggee/machine-events.ts';
import { grouped } from './figures.ts';
import type { Ask, EventBreakpoint, IsSet, Row } from './row.ts';

interface Group {
  readonly label: string;
  readonly icon: string;
  readonly events: readonly MachineEventId[];
}

const GROUPS: readonly Group[] = [
  { label: 'Hypercalls', icon: 'symbol-method', events: ['hypercall', 'hypercall-error'] },
  { label: 'Event channels', icon: 'bell', events: ['event-sent', 'event-delivery'] },
  { label: 'Traps', icon: 'zap', events: ['trap', 'page-fault'] },
  { label: 'Memory', icon: 'table', events: ['page-table-write'] },
  { label: 'Time', icon: 'watch', events: ['timer'] },
  { label: 'Devices', icon: 'plug', events: ['ring-request', 'xenstore'] },
  { label: 'Hypervisor', icon: 'shield', events: ['domain-crash', 'unimplemented'] },
];

/** Of what stops anyway: the filter cannot be seen from here. */
const DEFAULT_NOTE = 'It also stops by the filter in the view Breakpoints, which is on at first.';

/** How often each kind has happened, of those that are counted. */
export type EventCounts = Partial<Record<MachineEventId, number>>;

/** As the adapter reads it, with the colon: a single word would be the name of a function. */
export const eventBreakpoint = (id: MachineEventId, subject = '*'): EventBreakpoint => ({
  name: `${id}:${subject}`,
});

/** @see named breakpoints on hypercalls that somebody has set, such as `hypercall:mmu_update` */
export function eventFilterRows(
  counts: EventCounts,
  isSet: IsSet,
  named: readonly string[],
): readonly Row[] {
  return GROUPS.map(({ label, icon, events }) => ({
    id: label,
    label,
    icon: { name: icon },
    isOpen: true,
    children: MACHINE_EVENTS.filter(({ id }) => events.includes(id)).map((kind) =>
      eventRow(kind, counts[kind.id], isSet, named),
    ),
  }));
}

function eventRow(
  { id, label, description, fields, example, isDefault }: MachineEventKind,
  count: number | undefined,
  isSet: IsSet,
  named: readonly string[],
): Row {
  const all = eventBreakpoint(id);
  const about = named.filter((name) => name.startsWith(`${id}:`) && name !== all.name);
  return {
    id,
    label,
    description: count === undefined ? undefined : grouped(count),
    note: isDefault ? `${description} ${DEFAULT_NOTE}` : description,
    details: [
      ...fields.map(({ name, meaning }) => [name, meaning] as const),
      ...(example === '' ? [] : [['Example of a condition', example] as const]),
    ],
    checkBox: { isChecked: isSet(all), sets: all },
    isOpen: true,
    ...(about.length === 0
      ? {}
      : {
          children: about.map((name) => ({
            id: name,
            label: name.slice(id.length + 1),
            checkBox: { isChecked: isSet({ name }), sets: { name } },
          })),
        }),
  };
}

const MOST = 4096;

/** Adds up what the machine's other answers count. What nobody counts is left out. */
export async function eventCounts(ask: Ask): Promise<EventCounts> {
  const [machine, time, trace, failed, journal] = await Promise.all([
    ask('ringside/machine', {}),
    ask('ringside/time', {}),
    ask('ringside/hypercalls', { count: 0 }),
    ask('ringside/hypercalls', { count: 0, filter: { errno: 'any' } }),
    ask('ringside/journal', { count: MOST }),
  ]);
  const channels = await Promise.all(
    machine.domains.map(({ id }) => ask('ringside/eventChannels', { domain: id, count: MOST })),
  );
  const devices = await Promise.all(
    machine.domains
      .filter(({ role }) => role === 'guest')
      .map(({ id }) => ask('ringside/devices', { domain: id })),
  );
  const recorded = (kind: string): number =>
    sum(journal.rows.filter((row) => row.kind === kind).map(({ count }) => count));
  return {
    ...(trace.isTracing ? { hypercall: trace.seen, 'hypercall-error': failed.total } : {}),
    'event-sent': sum(channels.flatMap(({ rows }) => rows.map(({ sent = 0 }) => sent))),
    timer: sum(
      time.domains.flatMap(({ vcpus }) =>
        vcpus.map(({ counts }) =>
          counts === undefined ? 0 : counts.ticks + counts.singleShots + counts.pollTimeouts,
        ),
      ),
    ),
    'ring-request': sum(
      devices.flatMap(({ disks, networks }) =>
        [...disks, ...networks].map(({ statistics }) => statistics?.requests ?? 0),
      ),
    ),
    'domain-crash': machine.domains.filter(({ shutdown }) => shutdown?.name === 'crash').length,
    unimplemented: recorded('unimplemented'),
  };
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);
