/** The view _Event channels_: the ports of each domain. */

import type { EventChannelsData, PortExplanation } from '../../debug-adapter/custom-requests.ts';
import { counted, hexadecimal } from './figures.ts';
import { rowsByDomain } from './machine-rows.ts';
import {
  type Ask,
  type Detail,
  type EventBreakpoint,
  type IsSet,
  type Row,
  type RowIcon,
  withRest,
} from './row.ts';

type Channel = EventChannelsData['rows'][number];

/** The check-box of a port: a stop after an event has arrived there. */
const portBreakpoint = (domain: number, port: number): EventBreakpoint => ({
  name: `event-sent:${port}`,
  condition: `domain == ${domain}`,
});

export function eventChannelRows(ask: Ask, isSet: IsSet): Promise<readonly Row[]> {
  return rowsByDomain(ask, ({ id }) => portRows(ask, isSet, id, 0));
}

async function portRows(
  ask: Ask,
  isSet: IsSet,
  domain: number,
  first: number,
): Promise<readonly Row[]> {
  const data = await ask('ringside/eventChannels', { domain, first });
  const rows = data.rows.map((channel) => portRow(domain, channel, isSet));
  const ports = withRest(`d${domain}`, rows, data, (next) => portRows(ask, isSet, domain, next));
  return first === 0
    ? [
        ...data.vcpus.flatMap((vcpu) => upcallRow(domain, vcpu)),
        ...ports,
        ...strayRow(domain, data),
      ]
    : ports;
}

/** What vcpu_info says, where it holds anything back or has something to say. */
function upcallRow(domain: number, upcall: EventChannelsData['vcpus'][number]): Row[] {
  const { vcpu, selector, upcallPending, upcallMask } = upcall;
  const isHeld = upcallPending !== 0 && upcallMask !== 0;
  return [
    {
      id: `d${domain}/vcpu ${vcpu}`,
      label: `vCPU ${vcpu}`,
      description: `upcall ${upcallPending === 0 ? 'not pending' : 'pending'}, ${upcallMask === 0 ? 'not masked' : 'masked'}, selector ${hexadecimal(selector)}`,
      icon: isHeld ? { name: 'bell-slash', color: 'charts.yellow' } : { name: 'chip' },
      details: [
        ['evtchn_upcall_pending', String(upcallPending)],
        ['evtchn_upcall_mask', String(upcallMask)],
        ['evtchn_pending_sel', hexadecimal(selector, 8)],
      ],
    },
  ];
}

function strayRow(domain: number, { strayPending }: EventChannelsData): Row[] {
  return strayPending.length === 0
    ? []
    : [
        {
          id: `d${domain}/stray`,
          label: 'Pending, but not connected',
          description: strayPending.join(', '),
          icon: { name: 'warning', color: 'list.warningForeground' },
          note: 'Bits of evtchn_pending are set at ports that are connected to nothing.',
        },
      ];
}

/** Pending and masked need two signs: a bell that is crossed out, and a colour where one waits. */
function portIcon({ isPending, isMasked }: Channel): RowIcon {
  if (isPending === true) {
    return isMasked === true
      ? { name: 'bell-slash-dot', color: 'charts.yellow' }
      : { name: 'bell-dot', color: 'charts.green' };
  }
  return isMasked === true ? { name: 'bell-slash', color: 'disabledForeground' } : { name: 'bell' };
}

function peerText({ type, peer, virq, virqName }: Channel): string {
  switch (type) {
    case 'virq':
      return `VIRQ_${virqName ?? virq}`;
    case 'ipi':
      return 'IPI';
    case 'unbound':
      return peer === undefined ? 'unbound' : `unbound, for ${peer.who} (d${peer.domain})`;
    case 'interdomain':
      return peer === undefined
        ? 'interdomain'
        : `↔ ${peer.who} (d${peer.domain}:${peer.port ?? '?'})`;
  }
}

function stateWords({ isPending, isMasked, isSelected }: Channel): string[] {
  return [
    ...(isPending === true ? ['pending'] : []),
    ...(isMasked === true ? ['masked'] : []),
    ...(isPending === true && isSelected === false ? ['not selected'] : []),
  ];
}

export function portRow(domain: number, channel: Channel, isSet: IsSet): Row {
  const { port, vcpu, purpose, sent, sentMasked } = channel;
  const parts = [
    peerText(channel),
    ...(vcpu === 0 ? [] : [`vCPU ${vcpu}`]),
    ...stateWords(channel),
    ...(sent === undefined || sent === 0 ? [] : [`${sent} sent`]),
  ];
  const breakpoint = portBreakpoint(domain, port);
  const yesOrNo = (name: string, bit: boolean | undefined): Detail[] =>
    bit === undefined ? [] : [[name, bit ? 'yes' : 'no']];
  return {
    id: `d${domain}p${port}`,
    label: purpose === undefined ? `${port}` : `${port} ${purpose}`,
    description: parts.join(', '),
    icon: portIcon(channel),
    details: [
      ['Port', String(port)],
      ['Type', channel.type],
      ['Other end', peerText(channel)],
      ['Notifies', `vCPU ${vcpu}`],
      ...yesOrNo('Pending', channel.isPending),
      ...yesOrNo('Masked', channel.isMasked),
      ...yesOrNo('Selected', channel.isSelected),
      ...(sent === undefined
        ? []
        : ([
            ['Sent', `${counted(sent, 'event')}, ${sentMasked ?? 0} of them to a masked port`],
          ] satisfies Detail[])),
    ],
    checkBox: { isChecked: isSet(breakpoint), sets: breakpoint },
    subject: { kind: 'port', domain, port },
  };
}

/** The answer to _Why is it not delivered?_, as items of a list and a sentence above them. */
export function explanationItems({ conditions, missing }: PortExplanation): readonly {
  readonly label: string;
  readonly detail: string;
}[] {
  return conditions.map(({ condition, holds, detail }) => ({
    label: `$(${holds ? 'pass' : condition === missing ? 'error' : 'circle-slash'}) ${condition}`,
    detail,
  }));
}
