/** Block requests, answered as blkback answers them. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLKIF_OP, BLKIF_RSP } from '../../../emulator/abi/io/blkif.ts';
import { type BlockHost, imageDisk } from '../../../emulator/devices/block/block-host.ts';
import { OverlayDisk } from '../../../emulator/devices/block/overlay-disk.ts';
import {
  BACK,
  BlockFrontend,
  discard,
  indirect,
  type SegmentFields,
  segmentPage,
  transfer,
} from '../../support/block-frontend.ts';

const { READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE } = BLKIF_OP;
const { OKAY, ERROR, EOPNOTSUPP } = BLKIF_RSP;

const SECTORS = 64;

/** Each sector is filled with its own number. */
function anImage(sectors = SECTORS): Uint8Array {
  return Uint8Array.from({ length: sectors * 512 }, (_, index) => index >> 9);
}

/** A disk that may be written, without touching its image. */
const aDisk = () => new OverlayDisk(imageDisk(anImage()), 1 << 20);

const aGuest = () => new BlockFrontend(aDisk()).connect();

const aReadOnlyGuest = () => new BlockFrontend(imageDisk(anImage())).connect();

/** What stands in a run of sectors of the disk, one number a sector. */
function sectors(disk: BlockHost, first: number, count: number): number[] {
  const bytes = disk.read(first * 512, count * 512) ?? new Uint8Array(0);
  return Array.from({ length: bytes.length / 512 }, (_, index) => bytes[index * 512] ?? -1);
}

/** One number for each sector of a page. */
const ofPage = (page: Uint8Array) => Array.from({ length: 8 }, (_, index) => page[index * 512]);

const aPageOf = (value: number) => new Uint8Array(4096).fill(value);

describe('what the back-end shows of a disk', () => {
  test('that may be written', () => {
    expect(aGuest().below(BACK)).toMatchObject({
      'feature-flush-cache': '1',
      'feature-barrier': '1',
      'feature-discard': '1',
      'discard-granularity': '512',
      'discard-alignment': '0',
      'discard-secure': '0',
      'feature-max-indirect-segments': '256',
      sectors: `${SECTORS}`,
      info: '0',
      'sector-size': '512',
      'physical-sector-size': '512',
      mode: 'w',
    });
  });

  test('that may not', () => {
    const nodes = aReadOnlyGuest().below(BACK);
    expect(nodes).toMatchObject({
      'feature-flush-cache': '0',
      'feature-barrier': '0',
      info: '4',
      mode: 'r',
    });
    expect(nodes).not.toHaveProperty('feature-discard');
  });

  test('in a removable drive for compact disks', () => {
    const device = { isCdrom: true, isRemovable: true };
    const guest = new BlockFrontend(imageDisk(anImage()), device).connect();
    expect(guest.below(BACK)).toMatchObject({
      info: '7',
      removable: '1',
      'device-type': 'cdrom',
    });
  });

  test('with a rest behind the last sector', () => {
    const guest = new BlockFrontend(imageDisk(new Uint8Array(1023))).connect();
    expect(guest.toolstack.read(`${BACK}/sectors`)).toBe('1');
  });

  test('never persistent grants, nor larger or more rings', () => {
    const nodes = Object.keys(aGuest().below(BACK));
    expect(nodes).not.toContain('feature-persistent');
    expect(nodes.filter((name) => /^(max-ring|multi-queue)/.test(name))).toEqual([]);
  });
});

describe('read', () => {
  test('fills a granted page', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    expect(guest.ask(transfer(READ, 8, [{ gref }]))).toBe(OKAY);
    expect(ofPage(guest.domain.page(gref))).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
  });

  test('fills the sectors of the page that the segment names, and no others', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write', aPageOf(0xee));
    guest.ask(transfer(READ, 20, [{ gref, first_sect: 3, last_sect: 4 }]));
    expect(ofPage(guest.domain.page(gref))).toEqual([0xee, 0xee, 0xee, 20, 21, 0xee, 0xee, 0xee]);
  });

  test('goes on from segment to segment', () => {
    const guest = aGuest();
    const first = guest.domain.grant('write');
    const second = guest.domain.grant('write');
    const segments = [
      { gref: first, first_sect: 6 },
      { gref: second, last_sect: 1 },
    ];
    guest.ask(transfer(READ, 1, segments));
    expect(ofPage(guest.domain.page(first)).slice(6)).toEqual([1, 2]);
    expect(ofPage(guest.domain.page(second)).slice(0, 3)).toEqual([3, 4, 0]);
  });

  test('leaves no page mapped but the ring', () => {
    const guest = aGuest();
    guest.ask(transfer(READ, 0, [{ gref: guest.domain.grant('write') }]));
    expect(guest.domain.mappings).toBe(1);
  });

  test('of the last sector is fine', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    expect(guest.ask(transfer(READ, SECTORS - 1, [{ gref, last_sect: 0 }]))).toBe(OKAY);
  });

  test.each([
    ['one sector too far', SECTORS, 0],
    ['partly beyond the end', SECTORS - 1, 1],
    ['from far beyond', 2n ** 53n + 1n, 0],
    ['from the last number there is', 2n ** 64n - 1n, 7],
  ])('%s is refused', (_, sector, last_sect) => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    expect(guest.ask(transfer(READ, sector, [{ gref, last_sect }]))).toBe(ERROR);
    expect(guest.journal).toMatchObject([{ kind: 'request refused', device: 'vbd/51712' }]);
  });

  test('needs pages that may be written', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('read');
    expect(guest.ask(transfer(READ, 0, [{ gref }]))).toBe(ERROR);
  });

  test('with one bad grant touches none of the good ones', () => {
    const guest = aGuest();
    const good = guest.domain.grant('write', aPageOf(0xee));
    expect(guest.ask(transfer(READ, 0, [{ gref: good }, { gref: 999 }]))).toBe(ERROR);
    expect(guest.domain.page(good)).toEqual(aPageOf(0xee));
    expect(guest.domain.mappings).toBe(1);
  });

  test.each([
    ['beyond the page', 0, 8],
    ['backwards', 5, 4],
    ['far beyond the page', 255, 255],
  ])('with sectors %s is refused', (_, first_sect, last_sect) => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    expect(guest.ask(transfer(READ, 0, [{ gref, first_sect, last_sect }]))).toBe(ERROR);
  });

  test.each([0, 12, 255])('of %i segments is refused', (count) => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    const segments = Array.from({ length: count }, () => ({ gref }));
    expect(guest.ask(transfer(READ, 0, segments))).toBe(ERROR);
  });

  test('of eleven segments is fine', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    const segments = Array.from({ length: 11 }, () => ({ gref, last_sect: 0 }));
    expect(guest.ask(transfer(READ, 5, segments))).toBe(OKAY);
    expect(guest.domain.page(gref)[0]).toBe(15);
  });

  test('fails where the disk does', () => {
    const disk = { size: 8 * 512, read: () => undefined };
    const guest = new BlockFrontend(disk).connect();
    const gref = guest.domain.grant('write');
    expect(guest.ask(transfer(READ, 0, [{ gref }]))).toBe(ERROR);
    expect(guest.journal).toMatchObject([{ kind: 'host failed' }]);
  });

  test('fails where the disk gives less than asked, as a file that was cut', () => {
    const disk = { size: 8 * 512, read: () => new Uint8Array(512) };
    const guest = new BlockFrontend(disk).connect();
    expect(guest.ask(transfer(READ, 0, [{ gref: guest.domain.grant('write') }]))).toBe(ERROR);
  });
});

describe('write', () => {
  test('takes a granted page to the disk', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('read', aPageOf(0xaa));
    expect(guest.ask(transfer(WRITE, 10, [{ gref, last_sect: 1 }]))).toBe(OKAY);
    expect(sectors(guest.disk, 9, 4)).toEqual([9, 0xaa, 0xaa, 12]);
  });

  test('to a read-only disk is refused', () => {
    const guest = aReadOnlyGuest();
    const gref = guest.domain.grant('read');
    expect(guest.ask(transfer(WRITE, 0, [{ gref }]))).toBe(ERROR);
  });

  test('beyond the end changes nothing before it', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('read', aPageOf(0xaa));
    expect(guest.ask(transfer(WRITE, SECTORS - 4, [{ gref }]))).toBe(ERROR);
    expect(sectors(guest.disk, SECTORS - 4, 4)).toEqual([60, 61, 62, 63]);
  });

  test('with one bad grant writes nothing', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('read', aPageOf(0xaa));
    expect(guest.ask(transfer(WRITE, 0, [{ gref }, { gref: 999 }]))).toBe(ERROR);
    expect(sectors(guest.disk, 0, 2)).toEqual([0, 1]);
  });

  test('that finds the medium full fails', () => {
    const guest = new BlockFrontend(new OverlayDisk(imageDisk(anImage()), 4096)).connect();
    const gref = guest.domain.grant('read', aPageOf(0xaa));
    expect(guest.ask(transfer(WRITE, 0, [{ gref }]))).toBe(OKAY);
    expect(guest.ask(transfer(WRITE, 8, [{ gref }]))).toBe(ERROR);
    expect(guest.journal).toMatchObject([{ kind: 'host failed' }]);
  });
});

/** A disk that remembers in which order things reached it. */
function aLoggingDisk() {
  const log: string[] = [];
  const disk: BlockHost = {
    size: SECTORS * 512,
    read: (_, length) => new Uint8Array(length),
    write: (offset) => log.push(`write ${offset / 512}`) > 0,
    flush: () => log.push('flush') > 0,
    discard: (offset, length) => log.push(`discard ${offset / 512} ${length / 512}`) > 0,
  };
  const guest = new BlockFrontend(disk).connect();
  return { log, guest, gref: guest.domain.grant('read') };
}

describe('flush and barrier', () => {
  test('a flush has no segments', () => {
    const { log, guest } = aLoggingDisk();
    expect(guest.ask(transfer(FLUSH_DISKCACHE, 0))).toBe(OKAY);
    expect(log).toEqual(['flush']);
  });

  test('a flush with segments comes before its data', () => {
    const { log, guest, gref } = aLoggingDisk();
    expect(guest.ask(transfer(FLUSH_DISKCACHE, 4, [{ gref }]))).toBe(OKAY);
    expect(log).toEqual(['flush', 'write 4']);
  });

  test('a barrier makes durable what was before it and itself', () => {
    const { log, guest, gref } = aLoggingDisk();
    expect(guest.ask(transfer(WRITE_BARRIER, 4, [{ gref }]))).toBe(OKAY);
    expect(log).toEqual(['flush', 'write 4', 'flush']);
  });

  test('an empty barrier is a flush, wherever it points', () => {
    const { log, guest } = aLoggingDisk();
    expect(guest.ask(transfer(WRITE_BARRIER, 2n ** 64n - 1n))).toBe(OKAY);
    expect(log).toEqual(['flush']);
  });

  test.each([
    ['flush', FLUSH_DISKCACHE],
    ['barrier', WRITE_BARRIER],
  ])('a %s on a read-only disk is not supported', (_, operation) => {
    expect(aReadOnlyGuest().ask(transfer(operation, 0))).toBe(EOPNOTSUPP);
  });

  test('a flush that fails is no success', () => {
    const disk = { ...imageDisk(anImage()), write: () => true, flush: () => false };
    const guest = new BlockFrontend(disk).connect();
    expect(guest.ask(transfer(FLUSH_DISKCACHE, 0))).toBe(ERROR);
  });
});

describe('discard', () => {
  test('reaches the disk', () => {
    const { log, guest } = aLoggingDisk();
    expect(guest.ask(discard(3, 5))).toBe(OKAY);
    expect(log).toEqual(['discard 3 5']);
  });

  test('that must leave no copy was not offered', () => {
    const { log, guest } = aLoggingDisk();
    expect(guest.ask(discard(3, 5, 1))).toBe(EOPNOTSUPP);
    expect(log).toEqual([]);
  });

  test.each([
    [SECTORS, 1],
    [0, SECTORS + 1],
    [1n, 2n ** 64n - 1n],
    [2n ** 64n - 1n, 2n],
  ])('from %i, %i sectors, is refused', (sector, count) => {
    expect(aLoggingDisk().guest.ask(discard(sector, count))).toBe(ERROR);
  });

  test('is not supported by a disk that cannot forget', () => {
    const disk = { ...imageDisk(anImage()), write: () => true };
    const guest = new BlockFrontend(disk).connect();
    expect(guest.toolstack.read(`${BACK}/feature-discard`)).toBeUndefined();
    expect(guest.ask(discard(0, 1))).toBe(EOPNOTSUPP);
  });
});

describe('an indirect request', () => {
  const withSegments = (guest: BlockFrontend, segments: readonly SegmentFields[]) =>
    guest.domain.grant('read', segmentPage(segments));

  test('takes its segments from a page', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    const segments = Array.from({ length: 12 }, (_, index) => ({
      gref,
      first_sect: index % 8,
      last_sect: index % 8,
    }));
    const page = withSegments(guest, segments);
    expect(guest.ask(indirect(READ, 30, 12, [page]))).toBe(OKAY);
    expect(ofPage(guest.domain.page(gref))).toEqual([38, 39, 40, 41, 34, 35, 36, 37]);
    expect(guest.domain.mappings).toBe(1);
  });

  test('is answered by the operation inside', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('read', aPageOf(0xaa));
    guest.push(indirect(WRITE, 8, 1, [withSegments(guest, [{ gref }])]));
    expect(guest.responses()).toEqual([{ id: 1n, operation: WRITE, status: OKAY }]);
    expect(sectors(guest.disk, 8, 1)).toEqual([0xaa]);
  });

  test('of as many segments as offered is fine', () => {
    const guest = new BlockFrontend(imageDisk(anImage(256))).connect();
    const gref = guest.domain.grant('write');
    const segments = Array.from({ length: 256 }, () => ({ gref, first_sect: 0, last_sect: 0 }));
    expect(guest.ask(indirect(READ, 0, 256, [withSegments(guest, segments)]))).toBe(OKAY);
    expect(guest.domain.page(gref)[0]).toBe(255);
  });

  test.each([0, 257, 65535])('of %i segments is refused', (count) => {
    const guest = aGuest();
    expect(guest.ask(indirect(READ, 0, count, [withSegments(guest, [])]))).toBe(ERROR);
  });

  test.each([WRITE_BARRIER, FLUSH_DISKCACHE, BLKIF_OP.INDIRECT, 200])(
    'for operation %i is refused',
    (operation) => {
      const guest = aGuest();
      const gref = guest.domain.grant('write');
      expect(guest.ask(indirect(operation, 0, 1, [withSegments(guest, [{ gref }])]))).toBe(ERROR);
    },
  );

  test('whose page is not granted is refused', () => {
    expect(aGuest().ask(indirect(READ, 0, 1, [999]))).toBe(ERROR);
  });
});

test.each([4, 7, 255])('operation %i is not supported', (operation) => {
  const guest = aGuest();
  guest.push(transfer(operation, 0, [], 0xdead_beef_0000_0001n));
  expect(guest.responses()).toEqual([
    { id: 0xdead_beef_0000_0001n, operation, status: EOPNOTSUPP },
  ]);
});

describe('the ring', () => {
  test('answers in order, with the guest’s own ids', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    guest.push(transfer(READ, 0, [{ gref }], 2n ** 64n - 1n), transfer(WRITE, 999, [{ gref }], 5n));
    expect(guest.responses()).toEqual([
      { id: 2n ** 64n - 1n, operation: READ, status: OKAY },
      { id: 5n, operation: WRITE, status: ERROR },
    ]);
  });

  test('one event is enough for a full ring, and one comes back', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    guest.push(...Array.from({ length: 32 }, () => transfer(READ, 0, [{ gref }])));
    expect(guest.responses()).toHaveLength(32);
    expect(guest.domain.eventsAt(guest.port)).toBe(1);
  });

  test('an event without a request is answered by nothing', () => {
    const guest = aGuest();
    guest.domain.raise(guest.port);
    expect(guest.domain.eventsAt(guest.port)).toBe(0);
    expect(guest.indices.req_event).toBe(1);
  });

  test('goes round many times', () => {
    const guest = aGuest();
    const gref = guest.domain.grant('write');
    for (let round = 0; round < 100; round++) {
      expect(guest.ask(transfer(READ, round % SECTORS, [{ gref, last_sect: 0 }]))).toBe(OKAY);
    }
  });

  test('requests that were there before the back-end are served when it connects', () => {
    const guest = new BlockFrontend(aDisk());
    const gref = guest.domain.grant('write');
    guest.initialiseRing();
    guest.push(transfer(READ, 1, [{ gref }]));
    guest.write('ring-ref', guest.ringRef);
    guest.write('event-channel', guest.port);
    guest.setState(3);
    expect(guest.responses()).toHaveLength(1);
  });

  test('with too many requests is served no more, and the device closes', () => {
    const guest = aGuest();
    guest.indices.req_prod = 33;
    guest.domain.raise(guest.port);
    expect(guest.backState).toBe('5');
    expect(guest.journal).toMatchObject([{ kind: 'ring broken', domain: 1 }]);
    expect(guest.domain.mappings).toBe(0);
    guest.domain.raise(guest.port);
    expect(guest.journal).toHaveLength(1);
  });

  test('may be taken up again after that', () => {
    const guest = aGuest();
    guest.indices.req_prod = 33;
    guest.domain.raise(guest.port);
    guest.setState(6);
    guest.setState(1);
    const gref = guest.connect().domain.grant('write');
    expect(guest.ask(transfer(READ, 0, [{ gref }]))).toBe(OKAY);
  });

  test('that requests fill by reading the disk onto it is served once round for each event', () => {
    // Page n of the disk is a ring with one request more, which reads page n + 1.
    const image = new Uint8Array(100 * 4096);
    for (let page = 0; page < 100; page++) {
      new DataView(image.buffer).setUint32(page * 4096, page + 2, true);
      const slot = page * 4096 + 64 + ((page + 1) % 32) * 108;
      image.set(transfer(READ, (page + 1) * 8, [{ gref: 8 }]), slot);
    }
    const guest = new BlockFrontend(imageDisk(image)).connect();
    expect(guest.ringRef).toBe(8);
    guest.push(transfer(READ, 0, [{ gref: 8 }]));
    expect(guest.indices.rsp_prod).toBe(32);
    guest.domain.raise(guest.port);
    expect(guest.indices.rsp_prod).toBe(64);
  });
});

test('a front-end of x86-64 has its own layout', () => {
  const guest = new BlockFrontend(aDisk());
  guest.gap = 4;
  guest.connect({ protocol: 'x86_64-abi' });
  const gref = guest.domain.grant('write');
  for (let round = 0; round < 40; round++) {
    expect(guest.ask(transfer(READ, round, [{ gref }], BigInt(round)))).toBe(OKAY);
    expect(guest.domain.page(gref)[0]).toBe(round);
  }
});

test('a front-end with persistent grants works without', () => {
  const guest = new BlockFrontend(aDisk()).connect({ 'feature-persistent': 1 });
  const gref = guest.domain.grant('write');
  expect(guest.ask(transfer(READ, 3, [{ gref }]))).toBe(OKAY);
  expect(guest.domain.mappings).toBe(1);
});

test('an observer hears of each request and how it ended', () => {
  const guest = aGuest();
  const gref = guest.domain.grant('write');
  guest.push(transfer(READ, 0, [{ gref }]), transfer(FLUSH_DISKCACHE, 0), transfer(7, 0));
  expect(guest.observed).toEqual(['read 0', 'flush 0', 'unknown -2']);
});

test('a restored back-end serves the ring from where it stood', () => {
  const guest = aGuest();
  const gref = guest.domain.grant('write');
  guest.ask(transfer(READ, 0, [{ gref }]));
  guest.aBackend(guest.disk).restore(structuredClone(guest.backend.capture()));
  expect(guest.ask(transfer(READ, 8, [{ gref }]))).toBe(OKAY);
  expect(guest.domain.page(gref)[0]).toBe(8);
});

describe('whatever a guest puts on the ring,', () => {
  /** Each run makes a guest with all its nodes. */
  const runs = { numRuns: 50 };

  /** Bytes as wild as can be, or a request that is right but for a few of them. */
  const aRequest = fc.oneof(
    fc.uint8Array({ minLength: 108, maxLength: 108 }),
    fc
      .tuple(
        fc.constantFrom(0, 1, 2, 3, 5, 6),
        fc.nat(SECTORS),
        fc.nat(12),
        fc.array(fc.tuple(fc.nat(107), fc.nat(255)), { maxLength: 3 }),
      )
      .map(([operation, sector, count, pokes]) => {
        const gref = { gref: 9 };
        const bytes = transfer(operation, sector, new Array(count).fill(gref));
        for (const [at, value] of pokes) {
          bytes[at] = value;
        }
        return bytes;
      }),
  );

  test('each request gets one answer and leaves no page mapped', () => {
    fc.assert(
      fc.property(fc.array(aRequest, { minLength: 1, maxLength: 32 }), (requests) => {
        const guest = aGuest();
        guest.domain.grant('write');
        guest.push(...requests);
        expect(guest.responses()).toHaveLength(requests.length);
        expect(guest.domain.mappings).toBe(1);
      }),
      runs,
    );
  });

  test('indices included, the back-end serves or closes and nothing is thrown', () => {
    const aPoke = fc.tuple(fc.oneof(fc.nat(15), fc.nat(4095)), fc.nat(255));
    fc.assert(
      fc.property(fc.array(fc.array(aPoke, { maxLength: 8 }), { maxLength: 40 }), (rounds) => {
        const guest = aGuest();
        // Segments may well be in the ring itself.
        for (const pokes of rounds) {
          for (const [at, value] of pokes) {
            guest.ring[at] = value;
          }
          guest.domain.raise(guest.port);
          const isServed = guest.backState === '4';
          expect(guest.domain.mappings).toBe(isServed ? 1 : 0);
          expect(isServed || guest.backState === '5').toBe(true);
        }
      }),
      runs,
    );
  });
});
