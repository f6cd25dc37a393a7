/** The virtual devices of a domain: the rings that it shares with back-ends, and their handshakes. */

import { xencons_interface } from '../../emulator/abi/io/console.ts';
import { XenbusState } from '../../emulator/abi/io/xenbus.ts';
import { XENSTORE_ERROR, xenstore_domain_interface } from '../../emulator/abi/io/xs-wire.ts';
import { nameOf } from '../../emulator/abi/names.ts';
import { sectorsOf } from '../../emulator/devices/block/block-execution.ts';
import {
  backendPath,
  type DeviceAddress,
  frontendPath,
} from '../../emulator/devices/device-nodes.ts';
import { BACKEND_DOMAIN } from '../../emulator/hypervisor/domains/domain-builder.ts';
import type { DomainServices } from '../../emulator/machine/domain-services.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { Ram } from '../../emulator/memory/ram.ts';
import { textOf } from '../../emulator/xenstore/bytes.ts';
import { blockRing } from './block-ring.ts';
import type {
  BlockDeviceData,
  ByteQueueData,
  ConsoleData,
  DevicesData,
  JournalRows,
  SharedPageData,
  StoreRingData,
  XenbusData,
} from './data/devices.ts';
import type { RowsWanted } from './data/rows.ts';
import type { RingCounts } from './ring-counts.ts';
import { rowsOf } from './row-selection.ts';

const PAGE = 4096;

/** @param counts absent: nobody counts */
export function devicesOf(machine: Machine, domain: number, counts?: RingCounts): DevicesData {
  const services = machine.servicesOf(domain);
  if (services === undefined) {
    return { domain, disks: [], networks: [] };
  }
  return {
    domain,
    console: consoleData(machine, services),
    store: storeRing(machine, services),
    disks: services.disks.map((disk) => blockDevice(machine, domain, disk, counts)),
    networks: [],
  };
}

function consoleData(machine: Machine, services: DomainServices): ConsoleData {
  const { connection, waiting } = services.console;
  const page = connection && sharedPage(machine, connection.pageHandle, connection.localPort);
  if (page === undefined) {
    return { waiting: waiting.length };
  }
  const { ram } = machine.xen;
  const { offsets } = xencons_interface;
  const start = page.machineFrame * PAGE;
  return {
    ring: page,
    input: byteQueue(
      ram,
      start + offsets.in_prod,
      start + offsets.in_cons,
      offsets.out - offsets.in,
    ),
    output: byteQueue(
      ram,
      start + offsets.out_prod,
      start + offsets.out_cons,
      offsets.in_cons - offsets.out,
    ),
    waiting: waiting.length,
  };
}

function storeRing(machine: Machine, services: DomainServices): StoreRingData | undefined {
  const page = sharedPage(machine, services.storePageHandle, services.storePort);
  if (page === undefined) {
    return undefined;
  }
  const { ram } = machine.xen;
  const { offsets } = xenstore_domain_interface;
  const at = (name: keyof typeof offsets): number => page.machineFrame * PAGE + offsets[name];
  const error = ram.read32(at('error'));
  return {
    ring: page,
    requests: byteQueue(ram, at('req_prod'), at('req_cons'), offsets.rsp - offsets.req),
    responses: byteQueue(ram, at('rsp_prod'), at('rsp_cons'), offsets.req_cons - offsets.rsp),
    error: nameOf(XENSTORE_ERROR, error) ?? String(error),
  };
}

function byteQueue(ram: Ram, producerAt: number, consumerAt: number, size: number): ByteQueueData {
  const producer = ram.read32(producerAt);
  const consumer = ram.read32(consumerAt);
  const used = (producer - consumer) >>> 0;
  return { producer, consumer, used: used > size ? undefined : used, size };
}

/** The page behind a mapping of domain 0’s, and the two ends of a channel of its. */
function sharedPage(
  { xen }: Machine,
  handle: number,
  backendPort: number | undefined,
): SharedPageData | undefined {
  const backends = xen.domains.get(BACKEND_DOMAIN);
  const mapping = backends?.grants.mapping(handle);
  if (backends === undefined || mapping === undefined) {
    return undefined;
  }
  const end = backendPort === undefined ? undefined : backends.events.at(backendPort);
  return {
    machineFrame: mapping.frame,
    reference: mapping.reference,
    port: end?.state === 'interdomain' ? end.remotePort : undefined,
    backendPort,
  };
}

type Disk = DomainServices['disks'][number];

function blockDevice(
  machine: Machine,
  domain: number,
  { part, backend }: Disk,
  counts: RingCounts | undefined,
): BlockDeviceData {
  const device = `vbd/${part.id}`;
  const { connection } = backend;
  const page = connection && sharedPage(machine, connection.pageHandle, connection.localPort);
  const isWritable = part.isOverlay || part.host.write !== undefined;
  return {
    device,
    id: part.id,
    name: part.name,
    file: part.file,
    mode: isWritable ? 'read and write' : 'read only',
    isCdrom: part.isCdrom,
    isOverlay: part.isOverlay,
    sectors: sectorsOf(part.host),
    xenbus: xenbusData(machine, { type: 'vbd', domain, id: part.id }),
    ring: connection && page && blockRing(machine.xen.ram, connection, page),
    statistics: counts?.of(domain, device),
  };
}

function xenbusData(machine: Machine, address: DeviceAddress): XenbusData {
  const front = frontendPath(address);
  const back = backendPath(address);
  return {
    frontendPath: front,
    backendPath: back,
    frontend: xenbusState(machine, front),
    backend: xenbusState(machine, back),
  };
}

function xenbusState({ store }: Machine, path: string): string {
  const node = store.tree.get(`${path}/state`);
  const text = node === undefined ? '' : textOf(node.value);
  return (/^\d+$/.test(text) ? nameOf(XenbusState, Number(text)) : undefined) ?? 'none';
}

/** What the hypervisor and the back-ends have recorded, oldest first. */
export function journalRows({ xen }: Machine, wanted: RowsWanted = {}): JournalRows {
  return rowsOf(xen.journal.entries, wanted, ({ domain, kind, text, count }) => ({
    domain,
    kind,
    text,
    count,
  }));
}
