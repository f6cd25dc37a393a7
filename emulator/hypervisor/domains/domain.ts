/**
 * A domain: one guest, or the place of domain 0, where the back-ends stand.
 */

import { copyOf } from '../../plain-data.ts';
import { EventChannels, type EventChannelsImage } from '../events/event-channels.ts';
import { GrantTable, type GrantTableImage } from '../grants/grant-table.ts';
import type { MemoryRules } from '../memory/memory-rules.ts';
import type { TableFormat } from '../memory/page-table-entry.ts';
import type { PagedDomain } from '../memory/paged-domain.ts';
import type { Profile } from './profile.ts';
import { Vcpu, type VcpuImage } from './vcpu.ts';

export type MemoryModel = PagedDomain['model'];

/** Why a domain ended: a SHUTDOWN_* code, and a sentence if Xen ended it. */
export interface Shutdown {
  readonly reason: number;
  readonly sentence: string | undefined;
}

/** What a domain is made with and keeps for life. */
export interface DomainIdentity {
  readonly id: number;
  readonly name: string;
  readonly profile: Profile;
  readonly format: TableFormat;
  readonly model: MemoryModel;
  /** 16 bytes, as `XENVER_guest_handle` tells them. */
  readonly handle: Uint8Array;
  readonly vcpuCount: number;
  /** Pages that it may have at most. */
  readonly maxPages: number;
}

/** What changes, as plain data. */
export interface DomainFields {
  shutdown: Shutdown | undefined;
  /** Set while a suspended domain could be resumed: the vcpu that called. */
  isPaused: boolean;
  pages: number;
  /** Machine frame of shared_info. */
  sharedInfo: number;
  /** Of a translated domain: the machine frame of guest frame 0, and how many there are. */
  firstFrame: number;
  frameCount: number;
  /** Frame numbers from here on are the hypervisor's to hand out (shared_info, grant tables). */
  nextSpecialFrame: number;
  /** Bits of vm_assist by type. */
  assists: number;
  /** Where the hole begins. */
  virtStart: number;
  /** Watchdogs: deadlines in ns of system time. */
  watchdogs: number[];
  /** e820 entries for XENMEM_memory_map; undefined: none were set. */
  memoryMap: readonly { address: number; size: number; type: number }[] | undefined;
  /** What the guest wrote last to ports 0xcf8 and 0x70. */
  pciAddress: number;
  cmosIndex: number;
}

export interface DomainImage {
  readonly fields: DomainFields;
  readonly events: EventChannelsImage;
  readonly grants: GrantTableImage;
  readonly vcpus: readonly VcpuImage[];
}

export class Domain implements PagedDomain {
  readonly id: number;
  readonly identity: DomainIdentity;
  readonly profile: Profile;
  readonly format: TableFormat;
  readonly model: MemoryModel;
  readonly vcpus: readonly Vcpu[];
  readonly events = new EventChannels();
  readonly grants: GrantTable;
  /** Who hears of events for this domain instead of virtual processors: domain 0's back-ends. */
  listener: ((port: number) => void) | undefined;
  /** Told when memory management ends the domain. */
  onCrash: (sentence: string) => void = () => {};
  fields: DomainFields;

  constructor(identity: DomainIdentity) {
    this.identity = identity;
    this.id = identity.id;
    this.profile = identity.profile;
    this.format = identity.format;
    this.model = identity.model;
    this.vcpus = Array.from({ length: identity.vcpuCount }, (_, id) => new Vcpu(this, id));
    this.grants = new GrantTable();
    this.fields = {
      shutdown: undefined,
      isPaused: false,
      pages: 0,
      sharedInfo: 0,
      firstFrame: 0,
      frameCount: 0,
      nextSpecialFrame: 0,
      assists: 0,
      virtStart: 0,
      watchdogs: [],
      memoryMap: undefined,
      pciAddress: 0,
      cmosIndex: 0,
    };
  }

  get rules(): MemoryRules {
    return this.profile.memory;
  }

  get firstFrame(): number {
    return this.fields.firstFrame;
  }

  get frameCount(): number {
    return this.fields.frameCount;
  }

  crash(reason: string): void {
    this.onCrash(reason);
  }

  get isTranslated(): boolean {
    return this.model === 'translated';
  }

  get shutdown(): Shutdown | undefined {
    return this.fields.shutdown;
  }

  hasAssist(type: number): boolean {
    return (this.fields.assists & (1 << type)) !== 0;
  }

  /**
   * The machine frame that the guest means by a frame number in a hypercall (Xen: gmfn), or
   * undefined where a translated domain has none.
   */
  machineFrame(frame: number): number | undefined {
    if (!this.isTranslated) {
      return frame;
    }
    return frame < this.fields.frameCount ? frame + this.fields.firstFrame : undefined;
  }

  /** The number by which the guest knows a machine frame. */
  guestFrame(frame: number): number {
    return this.isTranslated ? frame - this.fields.firstFrame : frame;
  }

  capture(): DomainImage {
    return {
      fields: copyOf(this.fields),
      events: this.events.capture(),
      grants: this.grants.capture(),
      vcpus: this.vcpus.map((vcpu) => vcpu.capture()),
    };
  }

  restore(image: DomainImage): void {
    this.fields = copyOf(image.fields);
    this.events.restore(image.events);
    this.grants.restore(image.grants);
    for (const [id, vcpu] of image.vcpus.entries()) {
      this.vcpus[id]?.restore(vcpu);
    }
  }
}
