/**
 * Guests that write anything into the rings of console, disk and xenstore, and revoke, unmap and close
 * what the back-ends use.
 */

import { EVTCHNOP } from '../../../emulator/abi/event-channel.ts';
import { GTF_TYPE } from '../../../emulator/abi/grant-table.ts';
import { BLKIF_OP, blkif_request, blkif_request_indirect } from '../../../emulator/abi/io/blkif.ts';
import { xencons_interface } from '../../../emulator/abi/io/console.ts';
import { sring } from '../../../emulator/abi/io/ring.ts';
import { XS, xenstore_domain_interface, xsd_sockmsg } from '../../../emulator/abi/io/xs-wire.ts';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import type { EngineMaker } from '../../../emulator/cpu/engine.ts';
import type { BlockHost } from '../../../emulator/devices/block/block-host.ts';
import type { Domain } from '../../../emulator/hypervisor/domains/domain.ts';
import type { DiskPart } from '../../../emulator/machine/parts.ts';
import { bytesOf } from '../../../emulator/xenstore/bytes.ts';
import { act } from '../hypercalls/acts.ts';
import { discrepancies } from '../hypercalls/books.ts';
import { draftCall } from '../hypercalls/calls.ts';
import { Values } from '../hypercalls/values.ts';
import {
  GRANTS,
  nameOf,
  PAGE,
  type Places,
  SCRATCH,
  SETTINGS,
  STACK,
  World,
} from '../hypercalls/world.ts';
import { Dice, integer } from '../silicon/values.ts';
import { type Failures, guarded } from './failures.ts';

/** Acts of an episode, and between two looks at the books. */
const ACTS = 400;
const BATCH = 50;
const DISK_BYTES = 0x4_0000;
const VDEV = 51_712;

function memoryDisk(): BlockHost {
  const image = new Uint8Array(DISK_BYTES);
  return {
    size: image.length,
    read: (offset, length) =>
      offset === 0x2_0000 ? undefined : image.slice(offset, offset + length),
    write(offset, bytes) {
      image.set(bytes, offset);
      return offset !== 0x3_0000;
    },
    flush: () => true,
  };
}

function disks(): DiskPart[] {
  const part = { file: 'disk.img', isCdrom: false };
  return [
    { ...part, id: VDEV, name: 'xvda', host: memoryDisk(), isOverlay: true },
    { ...part, id: VDEV + 16, name: 'xvdb', host: memoryDisk(), isOverlay: false },
  ];
}

/** How often what happened. */
export interface DeviceCounts {
  acts: number;
  /** Messages that xenstore answered. */
  answers: number;
  /** Bytes that came out of consoles. */
  output: number;
  /** Responses of disks. */
  responses: number;
}

export function fuzzDevices(
  episodes: number,
  seed: number,
  engine: EngineMaker,
  failures: Failures,
): DeviceCounts {
  const counts = { acts: 0, answers: 0, output: 0, responses: 0 };
  for (const [index, setting] of SETTINGS.entries()) {
    const world = new World(setting, engine, disks());
    world.machine.xen.probes.on('xenstore', () => {
      counts.answers++;
    });
    for (let i = index; i < episodes && !failures.isEnough; i += SETTINGS.length) {
      const what = `devices ${i} (${setting.map(nameOf).join(' and ')})`;
      guarded(failures, what, () =>
        new DeviceEpisode(world, new Dice(seed + 7907 * i), counts).run(),
      );
    }
    counts.output += world.output;
  }
  return counts;
}

class DeviceEpisode {
  readonly #world: World;
  readonly #dice: Dice;
  readonly #counts: DeviceCounts;
  readonly #values: Values;
  readonly #domain: Domain;
  readonly #places: Places;
  /** Machine frame and reference of the ring of the disk, and its port. */
  readonly #ring: { readonly frame: number; readonly reference: number; port: number };

  constructor(world: World, dice: Dice, counts: DeviceCounts) {
    world.reset();
    world.rotate();
    const vcpu = world.xen.scheduler.current;
    if (vcpu === undefined) {
      throw new Error('Nobody runs at the start.');
    }
    this.#world = world;
    this.#dice = dice;
    this.#counts = counts;
    this.#values = new Values(world, dice, vcpu);
    this.#domain = vcpu.domain;
    this.#places = world.placesOf(vcpu.domain);
    const frame = world.spareFrames(vcpu.domain).at(-1) ?? 0;
    this.#ring = { frame, reference: GRANTS.first, port: 0 };
  }

  run(): void {
    this.#connectDisk();
    for (let i = 0; i < ACTS; i++) {
      this.#act();
      this.#counts.acts++;
      if (i % BATCH === 0 || i === ACTS - 1) {
        this.#check();
      }
    }
    if (this.#dice.oneIn(20)) {
      this.#checkRestoring();
    }
  }

  #act(): void {
    const { machine, xen } = this.#world;
    switch (this.#dice.below(12)) {
      case 0:
        this.#garbageIndices();
        break;
      case 1:
        this.#consoleOutput();
        break;
      case 2: {
        const bytes = Uint8Array.from({ length: this.#dice.below(3000) }, () => 65);
        machine.consoleInput(this.#domain.id, bytes);
        break;
      }
      case 3:
      case 4:
        this.#storeMessage();
        break;
      case 5:
        this.#knownNode();
        break;
      case 6:
      case 7:
      case 8:
        this.#diskRequests();
        break;
      case 9:
        this.#hypercall();
        break;
      case 10:
        this.#connectDisk();
        break;
      case 11:
        machine.run(this.#dice.oneIn(2) ? 30_000 : 100);
        break;
    }
    xen.runBackends();
    this.#takeAnswers();
  }

  // ---- the guest's side

  #write(frame: number, offset: number, bytes: Uint8Array): void {
    this.#world.xen.ram.load(frame * PAGE + offset, bytes);
  }

  #word(frame: number, offset: number, value: number): void {
    this.#world.xen.ram.write32(frame * PAGE + offset, value >>> 0);
  }

  #read(frame: number, offset: number): number {
    return this.#world.xen.ram.read32(frame * PAGE + offset);
  }

  /** An event for domain 0, by a call as any. */
  #notify(port: number): void {
    const { scheduler, memory } = this.#world.xen;
    const { current } = scheduler;
    if (current?.isRunnable && current.domain === this.#domain) {
      this.#world.enterKernel(current);
      memory.write32(SCRATCH.start, port);
      const registers = [EVTCHNOP.send, SCRATCH.start];
      this.#world.call(current, HYPERVISOR.event_channel_op, registers);
    }
  }

  #garbageIndices(): void {
    const { storeFrame, consoleFrame } = this.#places;
    const dice = this.#dice;
    const [frame, start, end] = dice.pick<readonly [number, number, number]>([
      [storeFrame, 2048, xenstore_domain_interface.size],
      [consoleFrame, 3072, xencons_interface.size - 4],
      [this.#ring.frame, 0, 64],
      [storeFrame, 0, PAGE],
      [consoleFrame, 0, PAGE],
      [this.#ring.frame, 0, PAGE],
    ]);
    const offset = start + (dice.below(end - start) & ~3);
    const near = (this.#read(frame, offset) + dice.below(64) - 8) >>> 0;
    this.#word(frame, offset, dice.pick([near, near, integer(dice, 32), dice.uint32()]));
    this.#notify(dice.pick([this.#places.storePort, this.#places.consolePort, this.#ring.port]));
  }

  #consoleOutput(): void {
    const { consoleFrame, consolePort } = this.#places;
    const at = xencons_interface.offsets.out_prod;
    const before = this.#read(consoleFrame, at);
    this.#word(consoleFrame, at, before + this.#dice.below(2100));
    this.#notify(consolePort);
  }

  // ---- xenstore

  #storeMessage(): void {
    const dice = this.#dice;
    const path = () =>
      dice.pick([
        ...['device/vbd', `device/vbd/${VDEV}/state`, '/local/domain/0', '', '/', '@releaseDomain'],
        ...['data', 'data/a/b/c', '../x', `/local/domain/${dice.below(4)}`, 'control/shutdown'],
        ...['x'.repeat(dice.below(3100)), `data/${'y/'.repeat(dice.below(600))}`, 'a\u0001b', '//'],
      ] as [string, ...string[]]);
    const parts = Array.from({ length: 1 + dice.below(3) }, () =>
      dice.pick([path(), path(), 'n1', 'r0', 'T', 'F', String(dice.below(9)), 'token']),
    );
    const text = dice.pick(['\0', '\0', '']) === '' ? parts.join('\0') : `${parts.join('\0')}\0`;
    const payload = bytesOf(text.slice(0, 4000));
    const length = dice.oneIn(12)
      ? dice.pick([0, 4096, 4097, 0xffff_ffff, payload.length + 1, 0x8000_0000])
      : payload.length;
    const type = dice.oneIn(12) ? integer(dice, 32) : dice.below(24);
    this.#send(type, dice.oneIn(3) ? dice.below(4) : 0, length, payload);
  }

  /** What a front-end writes, rightly or not. */
  #knownNode(): void {
    const dice = this.#dice;
    const device = dice.oneIn(3) ? VDEV + 16 : VDEV;
    const name = dice.pick(['state', 'state', 'ring-ref', 'event-channel', 'protocol', 'backend']);
    const value = dice.pick([
      ...([String(dice.below(9)), String(dice.uint32()), '-1', '', 'x86_64-abi', '1e9'] as const),
      String(this.#ring.port),
    ]);
    this.#node(`device/vbd/${device}/${name}`, value);
  }

  #node(path: string, value: string): void {
    const payload = bytesOf(`${path}\0${value}`);
    this.#send(XS.WRITE, 0, payload.length, payload);
  }

  #send(type: number, transaction: number, length: number, payload: Uint8Array): void {
    const bytes = new Uint8Array(xsd_sockmsg.size + payload.length);
    const header = xsd_sockmsg.at(new DataView(bytes.buffer));
    Object.assign(header, { type, req_id: 7, tx_id: transaction, len: length >>> 0 });
    bytes.set(payload, xsd_sockmsg.size);
    const { storeFrame, storePort } = this.#places;
    const { req_prod: at } = xenstore_domain_interface.offsets;
    for (let done = 0; done < bytes.length; ) {
      const producer = this.#read(storeFrame, at);
      const count = Math.min(bytes.length - done, 1024 - (producer % 1024), 512);
      this.#write(storeFrame, producer % 1024, bytes.subarray(done, done + count));
      this.#word(storeFrame, at, producer + count);
      this.#notify(storePort);
      this.#world.xen.runBackends();
      this.#takeAnswers();
      done += count;
    }
  }

  /** Reads the answers, mostly. */
  #takeAnswers(): void {
    const { rsp_cons: cons, rsp_prod: prod } = xenstore_domain_interface.offsets;
    const { storeFrame } = this.#places;
    if (!this.#dice.oneIn(10)) {
      this.#word(storeFrame, cons, this.#read(storeFrame, prod));
    }
    const { in_cons: inCons, in_prod: inProd } = xencons_interface.offsets;
    if (this.#dice.oneIn(2)) {
      this.#word(this.#places.consoleFrame, inCons, this.#read(this.#places.consoleFrame, inProd));
    }
  }

  // ---- the disk

  /** The handshake as it should be. */
  #connectDisk(): void {
    const { xen } = this.#world;
    const { grants } = this.#domain;
    const { frame, reference } = this.#ring;
    const device = this.#dice.oneIn(3) ? VDEV + 16 : VDEV;
    const port = this.#domain.events.lowestFree();
    if (port === undefined || (grants.entryAddress(reference) ?? 0) === 0) {
      return;
    }
    this.#domain.events.connect(port, { state: 'unbound', remoteDomain: 0 });
    this.#ring.port = port;
    if (!grants.active.has(reference)) {
      grants.setEntry(xen, reference, GTF_TYPE.permit_access, 0, this.#domain.guestFrame(frame));
    }
    this.#write(frame, 0, new Uint8Array(64));
    for (let i = 1; i < 8; i++) {
      if (!grants.active.has(reference + i)) {
        const page = this.#world.spareFrames(this.#domain).at(-1 - i) ?? 0;
        grants.setEntry(
          xen,
          reference + i,
          GTF_TYPE.permit_access,
          0,
          this.#domain.guestFrame(page),
        );
      }
    }
    this.#node(`device/vbd/${device}/state`, '1');
    this.#node(`device/vbd/${device}/ring-ref`, String(reference));
    this.#node(`device/vbd/${device}/event-channel`, String(port));
    this.#node(`device/vbd/${device}/state`, '3');
  }

  #diskRequests(): void {
    const dice = this.#dice;
    const { frame, port } = this.#ring;
    const { req_prod: at, rsp_prod: done } = sring.offsets;
    const before = this.#read(frame, done);
    for (let i = 1 + dice.below(4); i > 0; i--) {
      const producer = this.#read(frame, at);
      const request = this.#request();
      this.#write(frame, 64 + (producer % 32) * blkif_request.size, request);
      this.#word(frame, at, producer + 1);
    }
    this.#notify(port);
    this.#world.xen.runBackends();
    this.#counts.responses +=
      (this.#read(frame, done) - before) >>> 0 < 33 ? (this.#read(frame, done) - before) >>> 0 : 0;
  }

  #request(): Uint8Array {
    const dice = this.#dice;
    const bytes = new Uint8Array(blkif_request.size);
    const view = new DataView(bytes.buffer);
    const reference = () => GRANTS.first + (dice.oneIn(12) ? dice.below(2000) : dice.below(8));
    const sector = dice.oneIn(10) ? dice.uint64() : BigInt(dice.below(DISK_BYTES / 512));
    const operation = dice.oneIn(12) ? dice.below(256) : dice.below(7);
    if (operation === BLKIF_OP.INDIRECT) {
      const request = blkif_request_indirect.at(view);
      request.indirect_op = dice.oneIn(8) ? dice.below(256) : dice.below(2);
      request.nr_segments = dice.oneIn(8) ? dice.below(0x1_0000) : dice.below(40);
      request.sector_number = sector;
      for (let i = 0; i < 8; i++) {
        request.indirect_grefs.set(i, reference());
      }
    } else {
      const request = blkif_request.at(view);
      request.nr_segments = dice.oneIn(10) ? dice.below(256) : dice.below(5);
      request.sector_number = sector;
      for (let i = 0; i < 11; i++) {
        const first = dice.below(dice.oneIn(8) ? 256 : 8);
        const last = dice.oneIn(8) ? dice.below(256) : Math.min(first + dice.below(8), 7);
        request.seg.set(i, { gref: reference(), first_sect: first, last_sect: last });
      }
    }
    bytes[0] = operation;
    view.setUint32(4, dice.uint32(), true);
    return bytes;
  }

  // ---- everything else

  #hypercall(): void {
    const { current } = this.#world.xen.scheduler;
    if (!current?.isRunnable) {
      return;
    }
    this.#values.lookAround(current);
    act(this.#values);
    this.#world.enterKernel(current);
    const { number, registers, esp } = draftCall(this.#values);
    this.#world.xen.cpu.state.esp = esp ?? STACK.end;
    this.#world.call(current, number, registers);
  }

  #check(): void {
    const wrong = discrepancies(this.#world.xen);
    if (wrong.length > 0) {
      throw new Error(`The books are wrong: ${wrong.slice(0, 5).join(' ')}`);
    }
  }

  /** A machine that is taken up where it was put away is the same. */
  #checkRestoring(): void {
    const { machine } = this.#world;
    const before = machine.hash();
    const image = machine.capture();
    machine.run(50_000);
    machine.restore(image);
    const after = machine.hash();
    if (before !== after) {
      throw new Error(`The machine is another after it was restored: ${before}, then ${after}.`);
    }
  }
}
