/**
 * A hypervisor with built domains whose code never runs: tests make the guests' hypercalls and
 * read and write their memory.
 */

import { GNTMAP, GNTTABOP, grant_entry_v1 } from '../../emulator/abi/grant-table.ts';
import type { Layout } from '../../emulator/abi/layout.ts';
import { HYPERVISOR } from '../../emulator/abi/xen.ts';
import { coldTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import type { Domain, MemoryModel } from '../../emulator/hypervisor/domains/domain.ts';
import { type BuiltDomain, buildDomain } from '../../emulator/hypervisor/domains/domain-builder.ts';
import { PROFILES, type ProfileName } from '../../emulator/hypervisor/domains/profile.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Caller } from '../../emulator/hypervisor/hypercall.ts';
import { hypercall } from '../../emulator/hypervisor/hypercall-entry.ts';
import {
  frameDiscrepancies,
  type HeldFrame,
} from '../../emulator/hypervisor/memory/frame-invariants.ts';
import type { TableFormat } from '../../emulator/hypervisor/memory/page-table-entry.ts';
import { findL1Entry } from '../../emulator/hypervisor/memory/page-table-update.ts';
import { read } from '../../emulator/hypervisor/memory/table-entry.ts';
import { Xen } from '../../emulator/hypervisor/xen.ts';
import { planBoot } from '../../emulator/image/boot-plan.ts';
import { readKernel } from '../../emulator/image/kernel.ts';
import { LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { aKernel } from './a-kernel.ts';

const PAGE = 4096;
const MEGABYTE = 2 ** 20;
const LEGACY = 'GUEST_OS=linux,GUEST_VER=2.6,XEN_VER=xen-3.0,VIRT_BASE=0x0,LOADER=generic,PAE=yes';

export interface GuestPlan {
  readonly id?: number;
  readonly profile?: ProfileName;
  readonly model?: MemoryModel;
  readonly format?: TableFormat;
  readonly pages?: number;
  readonly maxPages?: number;
}

/** Made once: its code is the same for all machines. */
const engine = coldTier();

export const aXen = (megabytes = 24): Xen =>
  new Xen(new LinearMemory(megabytes * MEGABYTE), 0, engine);

/** A domain with a kernel of 33 pages at 1 MB, mapped one to one from address 0 on. */
export function aGuest(xen: Xen, plan: GuestPlan = {}): Guest {
  const { id = 1, profile = 'xen-4.17', model = 'direct', format = 'pae', pages = 1024 } = plan;
  const kernel = profile === 'xen-3.0' ? aKernel({ legacy: LEGACY }) : aKernel();
  const boot = planBoot({
    kernel: readKernel(kernel),
    pageCount: pages,
    commandLine: '',
    tableFormat: format,
    model,
    builder: profile,
  });
  const identity = {
    id,
    name: `guest ${id}`,
    profile: PROFILES[profile],
    format,
    model,
    handle: new Uint8Array(16),
    vcpuCount: 1,
    maxPages: plan.maxPages ?? pages,
  };
  return new Guest(xen, buildDomain(xen, identity, boot));
}

/** Pages of the kernel that tests use; argument structs go to the first one. */
const FIRST_FREE_PAGE = 0x101;
const ARGUMENT = 0x10_0800;

export class Guest {
  readonly xen: Xen;
  readonly built: BuiltDomain;
  readonly domain: Domain;

  constructor(xen: Xen, built: BuiltDomain) {
    this.xen = xen;
    this.built = built;
    this.domain = built.domain;
  }

  get vcpu(): Vcpu {
    return this.domain.vcpus[0] as Vcpu;
  }

  get id(): number {
    return this.domain.id;
  }

  /** The n-th free page, by what it is mapped to at this moment. */
  page(n: number): GuestPage {
    const linear = (FIRST_FREE_PAGE + n) * PAGE;
    const frame = this.wordsOf(linear).low >>> 12;
    return { linear, frame, machineFrame: this.domain.machineFrame(frame) ?? 0 };
  }

  /** The page-table entry of a linear address as 16 digits; 8 in the two-level format. */
  entryOf(linear: number): string {
    const { low, high } = this.wordsOf(linear);
    const digits = (word: number) => word.toString(16).padStart(8, '0');
    return this.domain.format === 'pae' ? digits(high) + digits(low) : digits(low);
  }

  wordsOf(linear: number): { low: number; high: number } {
    const place = findL1Entry(this.xen.pages, this.domain, this.vcpu.baseFrame, linear);
    return place === undefined ? { low: 0, high: 0 } : read(this.xen.pages, this.domain, place);
  }

  /** The machine address of the page-table entry of a linear address. */
  placeOf(linear: number): number {
    return findL1Entry(this.xen.pages, this.domain, this.vcpu.baseFrame, linear)?.address ?? 0;
  }

  /** Gives this guest the processor. */
  enter(): Caller {
    const { scheduler } = this.xen;
    if (scheduler.loaded !== this.vcpu) {
      this.xen.switchContext(scheduler.loaded, this.vcpu);
    }
    scheduler.current = this.vcpu;
    return this.xen.callerOf(this.vcpu);
  }

  /** Makes a hypercall. Answers the result as a signed number. */
  call(number: number, ...registers: readonly number[]): number {
    const caller = this.enter();
    const [ebx = 0, ecx = 0, edx = 0, esi = 0, edi = 0] = registers;
    return this.xen.carryOut(caller, number, ebx, ecx, edx, esi, edi) | 0;
  }

  /** Makes one by `int 0x82` at an address, so that it may be continued. */
  interrupt(number: number, ...registers: readonly number[]): void {
    this.enter();
    const { state } = this.xen.cpu;
    [state.ebx = 0, state.ecx = 0, state.edx = 0] = registers;
    state.eax = number;
    hypercall(this.xen, this.vcpu, CODE + 2);
  }

  write(linear: number, bytes: Uint8Array): void {
    if (!this.enter().memory.write(linear, bytes)) {
      throw new Error(`The guest has no memory at 0x${linear.toString(16)} to write to.`);
    }
  }

  read(linear: number, length: number): Uint8Array {
    const bytes = this.enter().memory.copyIn(linear, length);
    if (bytes === undefined) {
      throw new Error(`The guest has no memory at 0x${linear.toString(16)}.`);
    }
    return new Uint8Array(bytes.buffer);
  }

  // ---- grants

  /**
   * One operation of grant_table_op with a struct. Answers the struct afterwards, and the result.
   * Fields that are not given are 0.
   */
  grantOp(name: keyof typeof GNTTABOP, layout: AnyLayout, fields: object): Answer {
    const bytes = new DataView(new ArrayBuffer(layout.size));
    assignDeep(layout.at(bytes), fields);
    this.write(ARGUMENT, new Uint8Array(bytes.buffer));
    const result = this.call(HYPERVISOR.grant_table_op, GNTTABOP[name], ARGUMENT, 1);
    const after = this.read(ARGUMENT, layout.size);
    const view = layout.at(new DataView(after.buffer));
    return { result, fields: view };
  }

  /** Writes an entry of version 1. @param frame as this guest numbers frames */
  offer(reference: number, flags: number, domid: number, frame: number): void {
    this.domain.grants.setEntry(this.xen, reference, flags, domid, frame);
  }

  /** The flags of an entry of version 1. */
  flagsOf(reference: number): number {
    return this.entryWord(reference, 0) & 0xffff;
  }

  /** The frame that an entry of version 1 names. */
  frameOf(reference: number): number {
    return this.entryWord(reference, grant_entry_v1.offsets.frame);
  }

  entryWord(reference: number, offset: number): number {
    const address = this.domain.grants.entryAddress(reference);
    return address === undefined ? 0xffff_ffff : this.xen.ram.read32(address + offset);
  }
}

export const CODE = 0x10_0000;

// biome-ignore lint/suspicious/noExplicitAny: structs of all operations go through here
type AnyLayout = Layout<any>;

export interface Answer {
  readonly result: number;
  // biome-ignore lint/suspicious/noExplicitAny: the view of whatever struct was given
  readonly fields: any;
}

function assignDeep(view: Record<string, unknown>, fields: object): void {
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'object' && value !== null) {
      assignDeep(view[name] as Record<string, unknown>, value);
    } else {
      view[name] = value;
    }
  }
}

/** A page of a guest that its initial tables map. */
export interface GuestPage {
  readonly linear: number;
  /** As the guest numbers its frames. */
  readonly frame: number;
  readonly machineFrame: number;
}

/** What the frames' books say wrong about all guests and the grants between them. */
export function discrepancies(xen: Xen): string[] {
  const domains = [...xen.domains.values()];
  const held = domains.flatMap(({ grants }) =>
    [...grants.mappings()].flatMap(([, m]) => heldBy(m)),
  );
  return frameDiscrepancies(xen.frames, {
    domains,
    held,
    isGranted: (mapper, mfn, isWritable) =>
      [...(xen.domains.get(mapper.id)?.grants.mappings() ?? [])].some(
        ([, { frame, flags }]) =>
          frame === mfn &&
          (flags & GNTMAP.host_map) !== 0 &&
          (!isWritable || (flags & GNTMAP.readonly) === 0),
      ),
  });
}

function heldBy({ flags, frame }: { flags: number; frame: number }): HeldFrame[] {
  const isDevice = (flags & GNTMAP.device_map) !== 0;
  return isDevice ? [{ frame, withType: (flags & GNTMAP.readonly) === 0 }] : [];
}
