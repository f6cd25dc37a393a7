/** A ring of block requests as it stands in the shared page, with what is in flight. */

import { ringLength, sring } from '../../emulator/abi/io/ring.ts';
import type { BlockBackendImage } from '../../emulator/devices/block/block-backend.ts';
import {
  type BlockRequest,
  i386Protocol,
  parseRequest,
  protocolNamed,
} from '../../emulator/devices/block/block-protocol.ts';
import type { Ram } from '../../emulator/memory/ram.ts';
import type { BlockRequestData, BlockRingData, SharedPageData } from './data/devices.ts';

const PAGE = 4096;

type Connection = NonNullable<BlockBackendImage['connection']>;

export function blockRing(
  ram: Ram,
  { ring, protocol: name }: Connection,
  page: SharedPageData,
): BlockRingData {
  const protocol = protocolNamed(name) ?? i386Protocol;
  const start = page.machineFrame * PAGE;
  const size = ringLength(protocol.slotBytes, PAGE);
  const index = (field: keyof typeof sring.offsets): number =>
    ram.read32(start + sring.offsets[field]);
  const requestProducer = index('req_prod');
  const outstanding = (requestProducer - ring.responseProducer) >>> 0;
  const inFlight = Array.from({ length: outstanding > size ? 0 : outstanding }, (_, i) => {
    const at = (ring.responseProducer + i) >>> 0;
    const slot = at & (size - 1);
    const address = start + sring.size + slot * protocol.slotBytes;
    const bytes = ram.bytes(address, protocol.slotBytes).slice();
    return requestData(at, slot, parseRequest(protocol, bytes));
  });
  return {
    page,
    protocol: protocol.name,
    size,
    requestProducer,
    responseEvent: index('rsp_event'),
    responseProducer: index('rsp_prod'),
    requestEvent: index('req_event'),
    requestConsumer: ring.requestConsumer,
    isBroken: ring.broken,
    inFlight,
  };
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** One request as a reader wants it. */
function requestData(index: number, slot: number, request: BlockRequest): BlockRequestData {
  const common = { index, slot, id: hex(request.id), segments: [] };
  switch (request.kind) {
    case 'read':
    case 'write':
    case 'barrier':
    case 'flush': {
      const { kind, sector, list } = request;
      const transfer = { ...common, operation: kind, sector: hex(sector) };
      return list.kind === 'direct'
        ? {
            ...transfer,
            segments: list.segments.map((segment) => ({
              reference: segment.gref,
              first: segment.first,
              last: segment.last,
            })),
          }
        : { ...transfer, indirect: { pages: [...list.pages], segments: list.count } };
    }
    case 'discard': {
      const { sector, count, isSecure } = request;
      const operation = isSecure ? 'secure discard' : 'discard';
      return { ...common, operation, sector: hex(sector), count: hex(count) };
    }
    case 'malformed':
      return { ...common, operation: `malformed: ${request.problem}` };
    case 'unknown':
      return { ...common, operation: `unknown operation ${request.operation}` };
  }
}
