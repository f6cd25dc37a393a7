/**
 * The custom requests, answered from one machine: a row for each. It also holds the observers whose
 * counts the answers have, which belong to the session and not to the machine.
 */

import type { Machine } from '../../emulator/machine/machine.ts';
import { bytesOf } from '../../emulator/xenstore/bytes.ts';
import type { BodyOf, CustomRequestName } from '../custom-requests.ts';
import { UserError } from '../user-error.ts';
import { addressMap } from './address-map.ts';
import { walkAddress } from './address-walk.ts';
import { descriptorTable, entryPoints, segmentsOf, trapTable } from './descriptors.ts';
import { devicesOf, journalRows } from './devices.ts';
import { eventChannels } from './event-channels.ts';
import { EventCounts } from './event-counts.ts';
import { whoMaps } from './frame-mappings.ts';
import { FrameReader } from './frame-reader.ts';
import { grantMappings, grantTable } from './grant-tables.ts';
import { HypercallTrace } from './hypercall-trace-buffer.ts';
import { machineData } from './machine-view.ts';
import { explainPort } from './port-explanation.ts';
import { RequestArguments } from './request-arguments.ts';
import { RingCounts } from './ring-counts.ts';
import { sharedStruct } from './shared-structs.ts';
import { removeNode, storeConnections, storeNode, writeNode } from './store-view.ts';
import type { Symbols } from './symbols.ts';
import { tableEntries } from './table-entries.ts';
import { timeData } from './time-view.ts';
import { TimerCounts } from './timer-counts.ts';

const HIGHEST_ADDRESS = 0xffff_ffff;
const STRUCTS = [
  'shared_info',
  'vcpu_info',
  'vcpu_time_info',
  'vcpu_runstate_info',
  'start_info',
] as const;

type Answers = {
  readonly [Name in CustomRequestName]: (
    inspector: Inspector,
    given: RequestArguments,
  ) => BodyOf<Name>;
};

export class Inspector {
  readonly machine: Machine;
  readonly symbols: Symbols;
  readonly events: EventCounts;
  readonly rings: RingCounts;
  readonly timers: TimerCounts;
  readonly trace: HypercallTrace;

  /** Counts from now on, which costs a call of a small function for each event, request and timer. */
  constructor(machine: Machine, symbols: Symbols) {
    this.machine = machine;
    this.symbols = symbols;
    this.events = new EventCounts(machine.xen.probes);
    this.rings = new RingCounts(machine.xen.probes);
    this.timers = new TimerCounts(machine.xen);
    this.trace = new HypercallTrace(machine, symbols);
  }

  /** Whether a command is one of ours. */
  static knows(command: string): command is CustomRequestName {
    return Object.hasOwn(ANSWERS, command);
  }

  /** The body of the response. Throws a `UserError` with a sentence for what cannot be answered. */
  answer<Name extends CustomRequestName>(command: Name, given: unknown): BodyOf<Name> {
    return ANSWERS[command](this, new RequestArguments(given));
  }

  /** Counts and traces no more. */
  end(): void {
    this.events.end();
    this.rings.end();
    this.timers.end();
    this.trace.end();
  }
}

const ANSWERS: Answers = {
  'ringside/machine': ({ machine, symbols }) => machineData(machine, symbols),
  'ringside/eventChannels': ({ machine, events }, given) =>
    eventChannels(machine, given.domain(machine), given.rows(), events),
  'ringside/explainPort': ({ machine, symbols }, given) =>
    explainPort(machine, given.domain(machine), given.number('port'), symbols),
  'ringside/grants': ({ machine }, given) =>
    grantTable(machine.xen, given.domain(machine), {
      ...given.rows(),
      usedOnly: given.flag('usedOnly'),
    }),
  'ringside/grantMappings': ({ machine }, given) =>
    grantMappings(given.domain(machine), given.rows()),
  'ringside/devices': ({ machine, rings }, given) =>
    devicesOf(machine, given.domain(machine).id, rings),
  'ringside/journal': ({ machine }, given) => journalRows(machine, given.rows()),
  'ringside/xenstore': ({ machine }, given) => {
    const path = given.text('path');
    const node = storeNode(machine, path, given.rows());
    if (node === undefined) {
      throw new UserError(`There is no node "${path}" in xenstore.`);
    }
    return node;
  },
  'ringside/xenstoreConnections': ({ machine }, given) => ({
    connections: storeConnections(machine, given.rows()),
  }),
  'ringside/xenstoreWrite': ({ machine }, given) =>
    writeNode(machine, given.text('path'), given.text('value')),
  'ringside/xenstoreRemove': ({ machine }, given) => removeNode(machine, given.text('path')),
  'ringside/time': ({ machine, timers }) => timeData(machine.xen, timers),
  'ringside/traceHypercalls': ({ trace }, given) => {
    if (given.flag('clear')) {
      trace.clear();
    }
    if (given.flag('isTracing')) {
      trace.begin(given.optionalNumber('capacity'));
    } else {
      trace.end();
    }
    return trace.rows({}, { count: 0 });
  },
  'ringside/hypercalls': ({ trace }, given) => {
    const filter = given.inside('filter');
    const name = filter.optionalText('name');
    const errno = filter.optionalText('errno');
    const domain = filter.optionalNumber('domain');
    const wanted = {
      ...(name !== undefined && { name }),
      ...(errno !== undefined && { errno }),
      ...(domain !== undefined && { domain }),
    };
    return trace.rows(wanted, given.rows(), given.flag('last'));
  },
  'ringside/walk': ({ machine }, given) => {
    const access =
      given.optionalText('access') && given.oneOf('access', ['read', 'write', 'fetch']);
    const isUser = given.optionalFlag('isUser');
    return walkAddress(machine, given.vcpu(machine), given.number('address', HIGHEST_ADDRESS), {
      ...(access && { access }),
      ...(isUser !== undefined && { isUser }),
    });
  },
  'ringside/addressMap': ({ machine }, given) => {
    const start = given.optionalNumber('start', HIGHEST_ADDRESS);
    const end = given.optionalNumber('end', HIGHEST_ADDRESS);
    return addressMap(machine.xen, given.vcpu(machine), {
      ...given.rows(),
      ...(start !== undefined && { start }),
      ...(end !== undefined && { end }),
    });
  },
  'ringside/tableEntries': ({ machine }, given) => {
    const linear = given.optionalNumber('linear', HIGHEST_ADDRESS);
    return tableEntries(machine, given.domain(machine), {
      ...given.rows(),
      frame: given.number('frame'),
      level: given.oneOf('level', [1, 2, 3]),
      ...(linear !== undefined && { linear }),
      presentOnly: given.flag('presentOnly'),
    });
  },
  'ringside/frame': ({ machine }, given) => new FrameReader(machine).of(given.number('frame')),
  'ringside/whoMaps': ({ machine }, given) => whoMaps(machine, given.number('frame'), given.rows()),
  'ringside/traps': ({ machine, symbols }, given) =>
    trapTable(given.vcpu(machine), symbols, given.rows()),
  'ringside/entryPoints': ({ machine, symbols }, given) =>
    entryPoints(given.vcpu(machine), symbols),
  'ringside/descriptors': ({ machine, symbols }, given) =>
    descriptorTable(
      machine.xen,
      given.vcpu(machine),
      given.oneOf('table', ['gdt', 'ldt']),
      symbols,
      given.rows(),
    ),
  'ringside/segments': ({ machine }, given) => ({
    segments: segmentsOf(machine.xen, given.vcpu(machine)),
  }),
  'ringside/struct': ({ machine }, given) => {
    const name = given.oneOf('name', STRUCTS);
    const vcpu = given.vcpu(machine);
    const data = sharedStruct(machine, vcpu, name);
    if (data === undefined) {
      throw new UserError(`Domain ${vcpu.domain.id} has no ${name}.`);
    }
    return data;
  },
  'ringside/consoleInput': ({ machine }, given) => {
    machine.consoleInput(given.domain(machine).id, bytesOf(given.text('text')));
    return undefined;
  },
};

/** All that are answered. */
export const CUSTOM_REQUEST_NAMES = Object.keys(ANSWERS) as readonly CustomRequestName[];
