/** The view _Grant table_: what each domain lets others use, and what it uses of theirs. */

import type { GrantMappingsData, GrantTableData } from '../../debug-adapter/custom-requests.ts';
import { counted, hexadecimal } from './figures.ts';
import { rowsByDomain } from './machine-rows.ts';
import { type Ask, type Detail, type Row, type RowIcon, withRest } from './row.ts';

type Grant = GrantTableData['rows'][number];
type Mapping = GrantMappingsData['rows'][number];

export function grantRows(ask: Ask): Promise<readonly Row[]> {
  return rowsByDomain(ask, async ({ id }) => [
    ...(await entryRows(ask, id, 0)),
    ...(await mappingsRow(ask, id)),
  ]);
}

async function entryRows(ask: Ask, domain: number, first: number): Promise<readonly Row[]> {
  const data = await ask('ringside/grants', { domain, usedOnly: true, first });
  const rows = data.rows.map((grant) => grantRow(domain, grant));
  const entries = withRest(`d${domain}`, rows, data, (next) => entryRows(ask, domain, next));
  return first === 0 ? [tableRow(domain, data), ...entries] : entries;
}

function tableRow(domain: number, data: GrantTableData): Row {
  const { version, entries, frames, maxFrames, total } = data;
  return {
    id: `d${domain}/table`,
    label: `Version ${version}`,
    description: `${counted(total, 'grant')} in ${counted(entries, 'entry', 'entries')}`,
    icon: { name: 'table' },
    details: [
      ['Frames', `${frames.length} of at most ${maxFrames}`],
      ['Machine frames', frames.map((frame) => hexadecimal(frame)).join(' ')],
      ...(data.statusFrames.length === 0
        ? []
        : ([
            ['Status frames', data.statusFrames.map((frame) => hexadecimal(frame)).join(' ')],
          ] satisfies Detail[])),
    ],
  };
}

function grantIcon({ type, use }: Grant): RowIcon {
  if (type === 'accept transfer') {
    return { name: 'arrow-swap' };
  }
  if (type === 'transitive') {
    return { name: 'references' };
  }
  return use === undefined ? { name: 'key' } : { name: 'key', color: 'charts.green' };
}

function whatText({ type, frame, part, transitive, transfer }: Grant): string {
  if (transitive !== undefined) {
    return `passes on d${transitive.domain}:${transitive.reference}`;
  }
  const bytes = part === undefined ? '' : ` bytes ${part.start} to ${part.start + part.length - 1}`;
  const where = frame === undefined ? '' : ` frame ${hexadecimal(frame)}${bytes}`;
  return type === 'accept transfer'
    ? `accepts a transfer (${transfer ?? 'waiting'})`
    : where.trim();
}

function useText({ use }: Grant): string {
  if (use === undefined) {
    return 'not in use';
  }
  const { hostRead, hostWrite, deviceRead, deviceWrite } = use;
  const uses = [
    ...(hostWrite > 0 ? [`mapped to write ×${hostWrite}`] : []),
    ...(hostRead > 0 ? [`mapped to read ×${hostRead}`] : []),
    ...(deviceWrite > 0 ? [`device writes ×${deviceWrite}`] : []),
    ...(deviceRead > 0 ? [`device reads ×${deviceRead}`] : []),
  ];
  return `in use by d${use.domain}${uses.length === 0 ? '' : `: ${uses.join(', ')}`}`;
}

function grantRow(domain: number, grant: Grant): Row {
  const { reference, reserved, grantee, flagNames, machineFrame, pseudoPhysicalFrame } = grant;
  const frameDetails: Detail[] = [
    ...(machineFrame === undefined ? [] : [['Machine frame', hexadecimal(machineFrame)] as const]),
    ...(pseudoPhysicalFrame === undefined
      ? []
      : [['Pseudo-physical frame', hexadecimal(pseudoPhysicalFrame)] as const]),
  ];
  return {
    id: `d${domain}g${reference}`,
    label: reserved === undefined ? `${reference}` : `${reference} ${reserved}`,
    description: [
      `to d${grantee}`,
      whatText(grant),
      ...(flagNames.includes('readonly') ? ['read only'] : []),
      useText(grant),
    ]
      .filter((part) => part !== '')
      .join(', '),
    icon: grantIcon(grant),
    details: [
      ['Reference', String(reference)],
      ['Type', grant.type],
      ['Flags', `${hexadecimal(grant.flags, 4)} ${flagNames.join(' ')}`],
      ['Grantee', `d${grantee}`],
      ...frameDetails,
      ['Use', useText(grant)],
    ],
    ...(machineFrame === undefined ? {} : { subject: { kind: 'frame', frame: machineFrame } }),
  };
}

async function mappingsRow(ask: Ask, domain: number): Promise<readonly Row[]> {
  const { total } = await ask('ringside/grantMappings', { domain, count: 0 });
  return total === 0
    ? []
    : [
        {
          id: `d${domain}/mappings`,
          label: 'Mapped of others',
          description: counted(total, 'mapping'),
          icon: { name: 'link' },
          children: () => mappingRows(ask, domain, 0),
        },
      ];
}

async function mappingRows(ask: Ask, domain: number, first: number): Promise<readonly Row[]> {
  const data = await ask('ringside/grantMappings', { domain, first });
  const rows = data.rows.map((mapping) => mappingRow(domain, mapping));
  return withRest(`d${domain}/mappings`, rows, data, (next) => mappingRows(ask, domain, next));
}

function mappingRow(domain: number, mapping: Mapping): Row {
  const { handle, granter, reference, flagNames, machineFrame } = mapping;
  const of = reference === undefined ? 'without a grant' : `grant ${reference}`;
  return {
    id: `d${domain}h${handle}`,
    label: `Handle ${handle}`,
    description: `d${granter}, ${of}, mfn ${hexadecimal(machineFrame)}`,
    icon: { name: 'link' },
    details: [['Flags', flagNames.join(' ')]],
    subject: { kind: 'frame', frame: machineFrame },
  };
}
