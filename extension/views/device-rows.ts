/** The view _Virtual devices_: the rings that a guest shares with its back-ends. */

import type { DevicesData } from '../../debug-adapter/custom-requests.ts';
import { counted, grouped, hexadecimal, memorySize } from './figures.ts';
import { rowsByDomain } from './machine-rows.ts';
import type { Ask, Detail, Row, RowIcon } from './row.ts';

type Console = NonNullable<DevicesData['console']>;
type StoreRing = NonNullable<DevicesData['store']>;
type Queue = StoreRing['requests'];
type Page = StoreRing['ring'];
type Disk = DevicesData['disks'][number];
type BlockRing = NonNullable<Disk['ring']>;
type BlockRequest = BlockRing['inFlight'][number];
type Network = DevicesData['networks'][number];
type Xenbus = Disk['xenbus'];
type Statistics = NonNullable<Disk['statistics']>;

const SECTOR = 512;

export async function deviceRows(ask: Ask): Promise<readonly Row[]> {
  const rows = await rowsByDomain(ask, async ({ id }) =>
    devicesOfDomain(await ask('ringside/devices', { domain: id })),
  );
  // Domain 0 is the back-ends themselves and has no devices of its own.
  return rows.filter(({ isOpen }) => isOpen);
}

function devicesOfDomain({ domain, console, store, disks, networks }: DevicesData): Row[] {
  return [
    ...(console === undefined ? [] : [consoleRow(domain, console)]),
    ...(store === undefined ? [] : [storeRow(domain, store)]),
    ...disks.map((disk) => diskRow(domain, disk)),
    ...networks.map((network) => networkRow(domain, network)),
  ];
}

function pageDetails({ machineFrame, reference, port, backendPort }: Page): Detail[] {
  return [
    ['Page of the ring', `mfn ${hexadecimal(machineFrame)}`],
    ['Grant', reference === undefined ? 'none, by right of domain 0' : String(reference)],
    ['Port', port === undefined ? 'closed' : String(port)],
    ...(backendPort === undefined ? [] : [['Port of the back-end', String(backendPort)] as const]),
  ];
}

function queueRow(id: string, label: string, queue: Queue): Row {
  const { producer, consumer, used, size } = queue;
  return {
    id,
    label,
    description:
      used === undefined
        ? `indices make no sense: ${grouped(producer)} and ${grouped(consumer)}`
        : `${used} of ${size} bytes`,
    icon: used === undefined ? WRONG : { name: used === 0 ? 'dash' : 'layers' },
    details: [
      ['Producer', `${grouped(producer)}, at ${producer % size}`],
      ['Consumer', `${grouped(consumer)}, at ${consumer % size}`],
    ],
  };
}

const WRONG: RowIcon = { name: 'error', color: 'list.errorForeground' };

function consoleRow(domain: number, { ring, input, output, waiting }: Console): Row {
  const id = `d${domain}/console`;
  return {
    id,
    label: 'Console',
    description:
      ring === undefined ? 'not connected' : waiting === 0 ? '' : `${waiting} bytes wait`,
    icon: { name: 'terminal' },
    details: [
      ...(ring === undefined ? [] : pageDetails(ring)),
      ['Typed, without room in the ring', counted(waiting, 'byte')],
    ],
    isOpen: true,
    children: [
      ...(input === undefined ? [] : [queueRow(`${id}/in`, 'To the guest', input)]),
      ...(output === undefined ? [] : [queueRow(`${id}/out`, 'From the guest', output)]),
    ],
  };
}

function storeRow(domain: number, { ring, requests, responses, error }: StoreRing): Row {
  const id = `d${domain}/store`;
  return {
    id,
    label: 'XenStore ring',
    icon: { name: 'database' },
    details: [...pageDetails(ring), ['Error', error]],
    isOpen: true,
    children: [
      queueRow(`${id}/requests`, 'Requests', requests),
      queueRow(`${id}/responses`, 'Responses', responses),
    ],
  };
}

const isConnected = ({ frontend, backend }: Xenbus): boolean =>
  frontend === 'Connected' && backend === 'Connected';

function xenbusRow(id: string, xenbus: Xenbus): Row {
  const { frontend, backend, frontendPath, backendPath } = xenbus;
  return {
    id: `${id}/xenbus`,
    label: 'xenbus',
    description: `front-end ${frontend}, back-end ${backend}`,
    icon: isConnected(xenbus)
      ? { name: 'pass', color: 'charts.green' }
      : { name: 'circle-large-outline' },
    details: [
      [frontendPath, frontend],
      [backendPath, backend],
    ],
  };
}

function statisticsRows(id: string, statistics: Statistics | undefined): Row[] {
  if (statistics === undefined) {
    return [];
  }
  const { requests, byOperation, failed } = statistics;
  const kinds = Object.entries(byOperation).map(([name, count]) => `${grouped(count)} ${name}`);
  return [
    {
      id: `${id}/statistics`,
      label: 'Requests so far',
      description: [
        kinds.length === 0 ? grouped(requests) : kinds.join(', '),
        ...(failed > 0 ? [`${failed} failed`] : []),
      ].join(', '),
      icon: failed > 0 ? { name: 'warning', color: 'list.warningForeground' } : { name: 'graph' },
    },
  ];
}

export function diskRow(domain: number, disk: Disk): Row {
  const { device, name, file, mode, isCdrom, isOverlay, sectors, xenbus, ring, statistics } = disk;
  const id = `d${domain}/${device}`;
  return {
    id,
    label: name,
    description: `${device}, ${memorySize(sectors * SECTOR)}, ${mode}`,
    icon: { name: 'database' },
    details: [
      ['File', file],
      ['Device', isCdrom ? 'CD-ROM' : 'disk'],
      ['Sectors', `${grouped(sectors)} of ${SECTOR} bytes`],
      ['Writes', isOverlay ? 'kept in the machine' : 'go to the file'],
    ],
    isOpen: true,
    children: [
      xenbusRow(id, xenbus),
      ...(ring === undefined ? [] : [ringRow(id, ring), inFlightRow(id, ring)]),
      ...statisticsRows(id, statistics),
    ],
  };
}

function ringRow(id: string, ring: BlockRing): Row {
  return {
    id: `${id}/ring`,
    label: 'Ring',
    description: ring.isBroken
      ? 'broken: the guest claimed more requests than there are slots'
      : `requests ${ring.requestConsumer} of ${ring.requestProducer} taken, responses up to ${ring.responseProducer}`,
    icon: ring.isBroken ? WRONG : { name: 'sync' },
    details: [
      ...pageDetails(ring.page),
      ['Layout', ring.protocol],
      ['Slots', String(ring.size)],
      ['req_prod', grouped(ring.requestProducer)],
      ['req_event', grouped(ring.requestEvent)],
      ['rsp_prod', grouped(ring.responseProducer)],
      ['rsp_event', grouped(ring.responseEvent)],
      ['Taken by the back-end', grouped(ring.requestConsumer)],
    ],
  };
}

function inFlightRow(id: string, { inFlight, size }: BlockRing): Row {
  return {
    id: `${id}/in flight`,
    label: 'In flight',
    description: `${inFlight.length} of ${size}`,
    icon: { name: 'arrow-both' },
    ...(inFlight.length === 0
      ? {}
      : { children: inFlight.map((request) => requestRow(id, request)) }),
  };
}

function requestRow(id: string, request: BlockRequest): Row {
  const { index, slot, operation, sector, count, segments, indirect } = request;
  const covered = segments.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const parts = [
    ...(sector === undefined ? [] : [`sector ${sector}`]),
    ...(segments.length === 0 ? [] : [`${counted(covered, 'sector')} in ${segments.length}`]),
    ...(count === undefined ? [] : [`${count} sectors`]),
    ...(indirect === undefined ? [] : [`${indirect.segments} indirect segments`]),
  ];
  return {
    id: `${id}/request ${index}`,
    label: operation,
    description: parts.join(', '),
    icon: { name: operation === 'write' ? 'arrow-up' : 'arrow-down' },
    details: [
      ['Slot', `${slot} (index ${grouped(index)})`],
      ['The guest’s number', request.id],
      ...segments.map(
        ({ reference, first, last }, place) =>
          [`Segment ${place}`, `grant ${reference}, sectors ${first} to ${last}`] as const,
      ),
      ...(indirect === undefined
        ? []
        : [['Pages of segments', `grants ${indirect.pages.join(', ')}`] as const]),
    ],
  };
}

function networkRow(domain: number, network: Network): Row {
  const { device, mac, xenbus, transmit, receive, statistics } = network;
  const id = `d${domain}/${device}`;
  const ringOf = (name: string, ring: typeof transmit): Row[] =>
    ring === undefined
      ? []
      : [
          {
            id: `${id}/${name}`,
            label: name,
            description: `requests ${ring.requestConsumer} of ${ring.requestProducer} taken, responses up to ${ring.responseProducer}`,
            icon: ring.isBroken ? WRONG : { name: 'sync' },
            details: pageDetails(ring.page),
          },
        ];
  return {
    id,
    label: device,
    description: mac,
    icon: { name: 'globe' },
    isOpen: true,
    children: [
      xenbusRow(id, xenbus),
      ...ringOf('Transmit', transmit),
      ...ringOf('Receive', receive),
      ...statisticsRows(id, statistics),
    ],
  };
}
