/** Words that the debug console understands beside expressions. */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Debuggee } from '../debuggee/debuggee.ts';
import { addressMap } from '../inspection/address-map.ts';
import { walkAddress } from '../inspection/address-walk.ts';
import { devicesOf } from '../inspection/devices.ts';
import { eventChannels } from '../inspection/event-channels.ts';
import { whoMaps } from '../inspection/frame-mappings.ts';
import { grantTable } from '../inspection/grant-tables.ts';
import { explainPort } from '../inspection/port-explanation.ts';
import { storeNode } from '../inspection/store-view.ts';
import { timeData } from '../inspection/time-view.ts';
import { UserError } from '../user-error.ts';
import { MACHINE_FUNCTIONS } from '../values/machine-functions.ts';
import { textTable } from '../values/text-table.ts';
import { descriptionLines } from './description-lines.ts';

/** Where a verb is asked. */
export interface ConsolePlace {
  readonly debuggee: Debuggee;
  readonly machine: Machine;
  readonly vcpu: Vcpu;
  /** The value of an expression there. */
  number(expression: string): number;
  /** The last calls that were traced, or a sentence about tracing. */
  trace(count: number): string;
}

export interface Verb {
  readonly name: string;
  /** With its arguments: `why PORT`. */
  readonly usage: string;
  readonly summary: string;
  run(place: ConsolePlace, argument: string): string;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const yes = (value: boolean | undefined): string => (value === true ? 'yes' : '');
const MOST_ROWS = 200;

export const VERBS: readonly Verb[] = [
  {
    name: 'help',
    usage: 'help',
    summary: 'These words, and the functions that expressions have.',
    run: () =>
      [
        textTable(
          ['word', 'what it shows'],
          VERBS.map(({ usage, summary }) => [usage, summary]),
        ),
        '',
        'Anything else is a C expression, with registers as $eax and formats as value,x. Functions:',
        textTable(
          ['function', 'what it is'],
          MACHINE_FUNCTIONS.map(({ name, parameters, summary }) => [
            `${name}(${parameters.map((parameter) => parameter.name).join(', ')})`,
            summary,
          ]),
        ),
      ].join('\n'),
  },
  {
    name: 'ports',
    usage: 'ports',
    summary: 'Event channels of this domain.',
    run({ machine, vcpu }) {
      const { rows } = eventChannels(machine, vcpu.domain, { count: MOST_ROWS });
      return textTable(
        ['port', 'type', 'for', 'vCPU', 'pending', 'masked'],
        rows.map(({ port, type, virqName, purpose, peer, vcpu: notified, isPending, isMasked }) => [
          ...[String(port), virqName === undefined ? type : `${type} ${virqName}`],
          ...[purpose ?? peer?.who ?? '', String(notified), yes(isPending), yes(isMasked)],
        ]),
      );
    },
  },
  {
    name: 'why',
    usage: 'why PORT',
    summary: 'Why an event at a port is not delivered, condition by condition.',
    run({ machine, vcpu, debuggee, number }, argument) {
      const port = number(argument);
      const { conditions, conclusion } = explainPort(machine, vcpu.domain, port, debuggee.symbols);
      const rows = conditions.map(({ condition, holds, detail }) => [
        holds ? '✓' : '✗',
        condition,
        detail,
      ]);
      return `${textTable(['', 'condition', 'now'], rows)}\n${conclusion}`;
    },
  },
  {
    name: 'walk',
    usage: 'walk ADDRESS',
    summary: 'Each page-table entry on the way to a virtual address.',
    run({ machine, vcpu, number }, argument) {
      const { levels, outcome } = walkAddress(machine, vcpu, number(argument) >>> 0);
      const rows = levels.map(({ level, index, table, value, bitNames, tableFrame }) => [
        ...[String(level), hex(table), String(index), value, bitNames.join(' ')],
        `${tableFrame.type}, ${tableFrame.typeCount} uses`,
      ]);
      const head = ['level', 'table', 'index', 'entry', 'bits', 'table is'];
      return [textTable(head, rows), ...descriptionLines(outcome)].join('\n');
    },
  },
  {
    name: 'map',
    usage: 'map [START]',
    summary: 'The address space in ranges of equal rights.',
    run({ machine, vcpu, number }, argument) {
      const start = argument === '' ? 0 : number(argument) >>> 0;
      const { rows, total } = addressMap(machine.xen, vcpu, { start, count: MOST_ROWS });
      const shown = rows.filter(({ kind }) => kind !== 'hole');
      const table = textTable(
        ['from', 'to', 'kind', 'rights', 'pages', 'machine'],
        shown.map(({ start: from, end, kind, isWritable, isExecutable, pages, machineStart }) => [
          ...[hex(from), hex(end), kind, `r${isWritable ? 'w' : '-'}${isExecutable ? 'x' : '-'}`],
          ...[String(pages), machineStart === undefined ? '' : hex(machineStart)],
        ]),
      );
      return total > rows.length ? `${table}\n${total - rows.length} more ranges.` : table;
    },
  },
  {
    name: 'frame',
    usage: 'frame FRAME',
    summary: 'A machine frame, and all addresses that map it.',
    run({ machine, number }, argument) {
      const { frame, rows } = whoMaps(machine, number(argument), { count: MOST_ROWS });
      const mappings = rows.map(({ domain, address, isWritable, isUser }) => [
        ...[`d${domain}`, hex(address), isWritable ? 'rw' : 'r', isUser ? 'user' : 'kernel'],
      ]);
      return [
        ...descriptionLines(frame),
        textTable(['domain', 'address', 'rights', 'for'], mappings),
      ].join('\n');
    },
  },
  {
    name: 'grants',
    usage: 'grants',
    summary: 'Entries of the grant table that are in use.',
    run({ machine, vcpu }) {
      const wanted = { usedOnly: true, count: MOST_ROWS };
      const { rows } = grantTable(machine.xen, vcpu.domain, wanted);
      return textTable(
        ['reference', 'type', 'for', 'frame', 'flags', 'used by'],
        rows.map(({ reference, type, grantee, frame, flagNames, use }) => [
          ...[String(reference), type, `d${grantee}`, frame === undefined ? '' : hex(frame)],
          ...[flagNames.join(' '), use === undefined ? '' : `d${use.domain}`],
        ]),
      );
    },
  },
  {
    name: 'xenstore',
    usage: 'xenstore ls [PATH]',
    summary: 'Nodes of xenstore with their values.',
    run({ machine, vcpu }, argument) {
      const [, path = ''] = /^(?:ls\b)?\s*(.*)$/.exec(argument) ?? [];
      const home = `/local/domain/${vcpu.domain.id}`;
      const absolute = path.startsWith('/') ? path : path === '' ? home : `${home}/${path}`;
      const lines = storeLines(machine, absolute, '');
      if (lines === undefined) {
        throw new UserError(`There is no node ${absolute} in xenstore.`);
      }
      return lines.slice(0, MOST_ROWS).join('\n');
    },
  },
  {
    name: 'trace',
    usage: 'trace [COUNT]',
    summary: 'The last hypercalls that were traced.',
    run: ({ trace, number }, argument) => trace(argument === '' ? 20 : number(argument)),
  },
  {
    name: 'timers',
    usage: 'timers',
    summary: 'System time, timers and run states.',
    run: ({ machine }) => descriptionLines(timeData(machine.xen)).join('\n'),
  },
  {
    name: 'disks',
    usage: 'disks',
    summary: 'Disks of this domain: states, ring, requests in flight.',
    run({ machine, vcpu }) {
      const { disks } = devicesOf(machine, vcpu.domain.id);
      return disks.length === 0
        ? 'This domain has no disks.'
        : disks.flatMap((disk) => descriptionLines(disk)).join('\n');
    },
  },
];

/** A node and all below it; undefined: there is none. */
function storeLines(machine: Machine, path: string, indent: string): string[] | undefined {
  const node = storeNode(machine, path, { count: MOST_ROWS });
  if (node === undefined) {
    return undefined;
  }
  const name = path.slice(path.lastIndexOf('/') + 1);
  const below = node.children.rows.flatMap(
    (child) =>
      storeLines(machine, `${path === '/' ? '' : path}/${child.name}`, `${indent}  `) ?? [],
  );
  return [`${indent}${name} = ${JSON.stringify(node.value)}`, ...below];
}

/** The verb that a line begins with, and what stands behind it. */
export function verbOf(line: string): { verb: Verb; argument: string } | undefined {
  const [, word, argument = ''] = /^\s*([a-z]+)(?:\s+([^=].*))?\s*$/.exec(line) ?? [];
  const verb = VERBS.find(({ name }) => name === word);
  return verb && { verb, argument: argument.trim() };
}
