/**
 * Arguments that mean something to the hypervisor: frames of every owner and type, pointers good and
 * bad, ports, grants, descriptors. Most are such that a call may succeed; some are next to that, and
 * some are anything.
 */

import { DOMID } from '../../../emulator/abi/xen.ts';
import type { Domain } from '../../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../../emulator/hypervisor/domains/vcpu.ts';
import { FRAME_TYPE } from '../../../emulator/hypervisor/memory/frame-types.ts';
import { TABLE_SHAPES } from '../../../emulator/hypervisor/memory/page-table-entry.ts';
import { type Dice, integer } from '../silicon/values.ts';
import {
  GRANTS,
  JUNK,
  KERNEL_HANDLERS,
  PAGE,
  SCRATCH,
  STACK,
  WINDOW,
  type World,
} from './world.ts';

type FrameKind = 'own' | 'table' | 'root' | 'foreign' | 'xen' | 'spare' | 'any';

/** A mapping of a grant that a guest made, as it would remember it. */
export interface RememberedGrant {
  readonly domain: number;
  readonly handle: number;
  readonly hostAddress: bigint;
  readonly busAddress: bigint;
}

const MOST_REMEMBERED = 64;

export class Values {
  readonly dice: Dice;
  readonly #world: World;
  /** How likely a value is to be a bad one: once in so many. */
  rarity = 12;
  /** Who calls. */
  vcpu: Vcpu;
  #frames: Readonly<Record<FrameKind, readonly number[]>>;
  #free = SCRATCH.start;
  readonly grants: RememberedGrant[] = [];

  constructor(world: World, dice: Dice, vcpu: Vcpu) {
    this.#world = world;
    this.dice = dice;
    this.vcpu = vcpu;
    this.#frames = this.#sorted();
  }

  get world(): World {
    return this.#world;
  }

  get domain(): Domain {
    return this.vcpu.domain;
  }

  /** Another virtual processor calls now, or the tables have changed. */
  lookAround(vcpu: Vcpu): void {
    this.vcpu = vcpu;
    this.#frames = this.#sorted();
  }

  #sorted(): Record<FrameKind, number[]> {
    const { frames } = this.#world.xen;
    const sorted: Record<FrameKind, number[]> = {
      ...{ own: [], table: [], root: [], foreign: [], xen: [], spare: [], any: [] },
    };
    for (let mfn = 0; mfn < frames.count; mfn++) {
      const owner = frames.owner[mfn];
      if (owner === this.domain.id) {
        const type = frames.typeOf(mfn);
        const isTable = type >= FRAME_TYPE.l1 && type <= FRAME_TYPE.l3;
        sorted[isTable ? 'table' : frames.references[mfn] === 1 ? 'spare' : 'own'].push(mfn);
        if (type === FRAME_TYPE.l1) {
          sorted.root.push(mfn);
        }
      } else if (owner !== DOMID.INVALID && owner !== DOMID.XEN && owner !== DOMID.IO) {
        sorted.foreign.push(mfn);
      } else {
        sorted.xen.push(mfn);
      }
    }
    return sorted;
  }

  #oneOf(kind: FrameKind): number | undefined {
    const frames = this.#frames[kind];
    return frames[this.dice.below(frames.length)];
  }

  // ---- numbers

  isBad(): boolean {
    return this.dice.oneIn(this.rarity);
  }

  anything(): number {
    return integer(this.dice, 32);
  }

  count(): number {
    const { dice } = this;
    if (this.isBad()) {
      return dice.pick([0, 0x7fff_ffff, 0x8000_0001, 0xffff_ffff, 0x4000_0000, 2000, 0x1_0000]);
    }
    return dice.pick([1, 1, 1, 1, 1, 2, 3, 8]);
  }

  order(): number {
    const { dice } = this;
    return this.isBad()
      ? dice.pick([9, 10, 18, 31, 32, 33, 64, 0xffff_ffff])
      : dice.pick([0, 0, 0, 0, 1, 2, 3]);
  }

  domid(): number {
    const { dice, domain } = this;
    if (this.isBad()) {
      return dice.pick([0, 3, DOMID.IO, DOMID.XEN, DOMID.COW, DOMID.INVALID, DOMID.IDLE, 0xffff]);
    }
    return dice.pick([DOMID.SELF, DOMID.SELF, DOMID.SELF, domain.id, this.other()]);
  }

  other(): number {
    return this.#world.otherThan(this.domain).id;
  }

  vcpuId(): number {
    return this.isBad() ? this.dice.pick([3, 31, 32, 64, 0xffff_ffff]) : this.dice.below(3);
  }

  port(): number {
    const { dice } = this;
    if (this.isBad()) {
      return dice.pick([0, 1023, 1024, 1025, 4096, 0x8000_0000, 0xffff_ffff]);
    }
    return dice.oneIn(3) ? dice.below(64) : dice.below(16);
  }

  /** A port of the other guest that waits for the caller, if there is one. */
  waitingPort(): number {
    const { events } = this.#world.otherThan(this.domain);
    const waiting = [...events].filter(
      ([, channel]) => channel.state === 'unbound' && channel.remoteDomain === this.domain.id,
    );
    return waiting[this.dice.below(waiting.length)]?.[0] ?? this.port();
  }

  /** Of an entry of a grant table. */
  reference(): number {
    const { dice } = this;
    if (this.isBad()) {
      return dice.pick([0, 1, 511, 512, 1023, 1024, 0x8000, 0xffff_ffff, 0x7fff_ffff]);
    }
    return GRANTS.first + dice.below(GRANTS.count);
  }

  // ---- frames, as the caller numbers them

  frame(): number {
    const { dice, domain } = this;
    if (this.isBad()) {
      const { count } = this.#world.xen.frames;
      return dice.pick([
        ...([0, 0x400, 0x7ff, count - 1, count, 0xf_ffff, 0x10_0000, 0xffff_ffff] as const),
        this.#oneOf('foreign') ?? 0,
        this.#oneOf('xen') ?? 0,
        domain.fields.sharedInfo,
        domain.grants.frames[0] ?? 0,
      ]);
    }
    const kind = dice.pick(['spare', 'spare', 'spare', 'own', 'own', 'table', 'root'] as const);
    return domain.guestFrame(this.#oneOf(kind) ?? 0);
  }

  tableFrame(): number {
    return this.isBad() ? this.frame() : this.domain.guestFrame(this.#oneOf('table') ?? 0);
  }

  spareFrame(): number {
    return this.isBad() ? this.frame() : this.domain.guestFrame(this.#oneOf('spare') ?? 0);
  }

  /** An entry of a page table: low and high word. */
  entry(): readonly [low: number, high: number] {
    const { dice } = this;
    const flags = this.isBad()
      ? integer(dice, 32) & 0xfff
      : dice.pick([0x63, 0x63, 0x61, 0x61, 0x21, 0x67, 0x65, 0, 0x1]);
    const low = dice.oneIn(6) ? 0 : ((this.frame() << 12) | flags) >>> 0;
    return [low, this.isBad() ? dice.pick([0x8000_0000, 1, 0xf, 0xffff_ffff]) : 0];
  }

  /** The machine address of an entry of a live table. */
  entryAddress(): number {
    const { dice, domain } = this;
    const { entrySize, entries } = TABLE_SHAPES[domain.format];
    const frame = dice.oneIn(4)
      ? this.tableFrame()
      : domain.guestFrame(this.#oneOf('root') ?? this.#oneOf('own') ?? 0);
    const slack = this.isBad() ? dice.below(8) : 0;
    return frame * PAGE + dice.below(entries) * entrySize + slack;
  }

  descriptor(): readonly [low: number, high: number] {
    const { dice } = this;
    const high = dice.pick([
      ...([0x00cf_ba00, 0x00cf_b200, 0x00cf_fa00, 0x00cf_f200, 0x00cf_9a00, 0x00c0_b200] as const),
      ...([0, 0x0000_8200, 0x0000_8c00, 0x0000_ec00, 0x00cf_3a00] as const),
    ]);
    return this.isBad()
      ? [integer(dice, 32), integer(dice, 32)]
      : [dice.pick([0xffff, 0, 0xe019_0000, 0x0000_ffff]), high];
  }

  selector(): number {
    const { dice } = this;
    return this.isBad()
      ? integer(dice, 16)
      : dice.pick([0xe019, 0xe021, 0xe02b, 0xe033, 0, 3, 0x8, 0x10, 0x7, 0xf, 0xe008, 0xe010]);
  }

  // ---- addresses

  handler(): number {
    const { dice } = this;
    return this.isBad()
      ? dice.pick([0, 1, 0xffff_ffff, 0xf580_0000, JUNK.start, 0xb000_0000])
      : dice.pick(KERNEL_HANDLERS);
  }

  stack(): number {
    const { dice } = this;
    return this.isBad() ? this.badPointer() : STACK.start + 4 * dice.below(0x1000);
  }

  /** A linear address whose mapping may change. */
  linear(): number {
    const { dice } = this;
    if (this.isBad()) {
      return dice.oneIn(2) ? this.badPointer() : (dice.below(0x400) << 12) >>> 0;
    }
    return WINDOW.start + PAGE * dice.below((WINDOW.end - WINDOW.start) / PAGE);
  }

  badPointer(): number {
    const { dice, domain } = this;
    const hole = domain.fields.virtStart;
    return dice.pick([
      ...([0, 4, 0xb000_0000, 0xffff_ffff, 0xffff_fffc, 0xffff_f000, 0x7fff_ffff] as const),
      ...[hole, hole - 4, hole + 0x1000, 0x10_0000, (dice.below(0x400) << 12) | 0xffc],
      (integer(dice, 32) & ~3) >>> 0,
    ]);
  }

  /** Room for an argument of so many bytes, in memory that can be written. */
  room(bytes: number): number {
    const { dice } = this;
    if (this.#free + bytes > SCRATCH.end) {
      this.#free = SCRATCH.start;
    }
    if (dice.oneIn(64)) {
      // Over the end of a page.
      this.#free = Math.ceil((this.#free + 1) / PAGE) * PAGE - 4 * (1 + dice.below(4));
    }
    const at = this.#free;
    this.#free = (at + bytes + 3) & ~3;
    return at + bytes > SCRATCH.end ? SCRATCH.start : at;
  }

  /** A new argument begins: what the one before it had can be overwritten. */
  forgetRoom(): void {
    this.#free = SCRATCH.start + 4 * this.dice.below(0x1000);
  }

  /** Stores bytes as the guest would, and answers where; or a pointer that leads nowhere. */
  pointerTo(bytes: Uint8Array): number {
    if (this.dice.oneIn(4 * this.rarity)) {
      return this.badPointer();
    }
    const at = this.room(bytes.length);
    this.#world.xen.memory.write(at, bytes);
    return at;
  }

  words(words: readonly number[]): number {
    return this.pointerTo(new Uint8Array(Uint32Array.from(words).buffer));
  }

  /** A pointer to so many values, of which not too many are really there. */
  list(count: number, make: () => number): number {
    return this.words(Array.from({ length: Math.min(count, 16) }, make));
  }

  // ---- grants

  remember(grant: RememberedGrant): void {
    this.grants.push(grant);
    if (this.grants.length > MOST_REMEMBERED) {
      this.grants.shift();
    }
  }

  mappedGrant(): RememberedGrant | undefined {
    const own = this.grants.filter(({ domain }) => domain === this.domain.id);
    return own[this.dice.below(own.length)];
  }
}
