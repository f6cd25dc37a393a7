/** The view _Hypercall trace_: the calls that were made, newest first. */

import type { HypercallFilter, HypercallTraceData } from '../../debug-adapter/custom-requests.ts';
import { address, counted, grouped } from './figures.ts';
import type { Ask, Row } from './row.ts';

type Call = HypercallTraceData['rows'][number];
type Described = NonNullable<Call['arguments']>[string];

const PAGE = 200;

/** What a user types to find calls: words of names, names of errors, `d1`; all must fit. */
export function filterOf(text: string): HypercallFilter {
  const filter: { name?: string; errno?: string; domain?: number } = {};
  for (const word of text.trim().split(/\s+/)) {
    const [, domain] = /^d(\d+)$/.exec(word) ?? [];
    if (domain !== undefined) {
      filter.domain = Number(domain);
    } else if (/^E[A-Z0-9]+$/.test(word)) {
      filter.errno = word;
    } else if (word === 'failed') {
      filter.errno = 'any';
    } else if (word !== '') {
      filter.name = word;
    }
  }
  return filter;
}

export async function hypercallRows(ask: Ask, filter: HypercallFilter): Promise<readonly Row[]> {
  const data = await ask('ringside/hypercalls', { filter, last: true, first: 0, count: PAGE });
  return newestFirst(ask, filter, data);
}

/** A sentence on the trace as a whole, for above the rows. */
export function traceSentence(data: HypercallTraceData, filter: HypercallFilter): string {
  const state = data.isTracing ? 'Tracing' : 'Not tracing';
  const words = [filter.name, filter.errno, filter.domain && `d${filter.domain}`];
  const wanted = words.filter((word) => word !== undefined).join(' ');
  const fitting = wanted === '' ? '' : `, ${grouped(data.total)} of those kept fit “${wanted}”`;
  return `${state}: ${counted(data.seen, 'call')} seen${fitting}.`;
}

/** Older calls stand below one row at the end, a page at a time. */
function newestFirst(ask: Ask, filter: HypercallFilter, data: HypercallTraceData): readonly Row[] {
  const rows = [...data.rows].reverse().map(callRow);
  const { first } = data;
  if (first === 0 || rows.length === 0) {
    return rows;
  }
  const older = async (): Promise<readonly Row[]> => {
    const start = Math.max(0, first - PAGE);
    const page = { first: start, count: first - start };
    return newestFirst(ask, filter, await ask('ringside/hypercalls', { filter, ...page }));
  };
  const oldest = data.rows[0]?.sequence ?? 0;
  return [
    ...rows,
    {
      id: `before ${oldest}`,
      label: `${grouped(first)} older`,
      icon: { name: 'ellipsis' },
      children: older,
    },
  ];
}

export function callRow(call: Call): Row {
  const { sequence, name, operation, caller, domain, vcpu, isNested } = call;
  const place = caller.symbol ?? address(caller.address);
  const given = Object.entries(call.arguments ?? {});
  return {
    id: `call ${sequence}`,
    label: operation === undefined ? name : `${name}/${operation}`,
    description: `${resultText(call)} ← ${place}`.trim(),
    icon:
      call.errno === undefined
        ? { name: isNested ? 'list-tree' : 'symbol-method' }
        : { name: 'error', color: 'list.errorForeground' },
    details: [
      ['Call', `${grouped(sequence)}, at instruction ${grouped(call.instructions)}`],
      ['By', `d${domain} vCPU ${vcpu}${isNested ? ', within a multicall' : ''}`],
      ['From', `${address(caller.address)} ${caller.symbol ?? ''}`],
      ...given.map(([parameter, value]) => [parameter, described(value)] as const),
      ['Result', resultText(call)],
    ],
    subject: { kind: 'place', domain, address: caller.address },
    ...(given.length === 0
      ? {}
      : { children: given.map(([key, value]) => fieldRow(`call ${sequence}`, key, value)) }),
  };
}

/** `iret` does not come back to where it was called, so what it answers says nothing. */
function resultText({ name, result, errno, isContinued }: Call): string {
  if (name === 'iret') {
    return '';
  }
  if (isContinued) {
    return 'continued';
  }
  return errno === undefined ? `= ${result}` : `= −${errno}`;
}

const MOST_FIELDS = 64;

/** A field of a struct of the ABI; structs and arrays have theirs below them. */
function fieldRow(parent: string, name: string, value: Described): Row {
  const id = `${parent}/${name}`;
  if (typeof value !== 'object') {
    return { id, label: name, description: String(value) };
  }
  return {
    id,
    label: name,
    description: described(value),
    children: Object.entries(value)
      .slice(0, MOST_FIELDS)
      .map(([key, inner]) => fieldRow(id, key, inner)),
  };
}

const LONGEST = 120;

/** On one line, cut where it would be long. */
export function described(value: Described): string {
  const text =
    typeof value === 'object'
      ? `{${Object.entries(value)
          .slice(0, MOST_FIELDS)
          .map(([key, inner]) => `${key}: ${described(inner)}`)
          .join(', ')}}`
      : String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
