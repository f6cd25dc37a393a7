/**
 * A machine: RAM, one processor, the hypervisor, and the back-ends that stand in domain 0's place.
 *
 * A run is a function of the parts and of what comes in from outside, each with the count of
 * instructions at which it came. It is synchronous: `run` executes a number of instructions and
 * says why it ended. All state can be captured and restored.
 */

import { GNTTAB_RESERVED } from '../abi/grant-table.ts';
import { SHUTDOWN } from '../abi/sched.ts';
import { present } from '../assert.ts';
import type { JournalEntry as DeviceRecord } from '../devices/journal.ts';
import { FrontendAccess, type MappedPage } from '../hypervisor/backend-access.ts';
import type { MemoryModel } from '../hypervisor/domains/domain.ts';
import { type BuiltDomain, buildDomain } from '../hypervisor/domains/domain-builder.ts';
import { PROFILES } from '../hypervisor/domains/profile.ts';
import { BackendPorts } from '../hypervisor/events/backend-ports.ts';
import { type StopReason, Xen } from '../hypervisor/xen.ts';
import { type BootPlan, planBoot } from '../image/boot-plan.ts';
import { LinearMemory } from '../memory/linear-memory.ts';
import { copyOf, Digest } from '../plain-data.ts';
import { Store } from '../xenstore/store.ts';
import { DomainServices, type DomainServicesImage } from './domain-services.ts';
import type { DomainPart, MachineHost, MachineParts } from './parts.ts';

const PAGE = 4096;
/** 9 May 2006, 07:00 UTC: the morning on which the patches were posted. */
const WALL_CLOCK = 1_147_158_000;
/** Frames beside the guests' own: low memory and the machine-to-physical table, then per domain. */
const SYSTEM_FRAMES = 0x800 + 64;
const FRAMES_A_DOMAIN = 256;
/** A translated domain's special frames stand in one run with its memory. */
const ROOM: Readonly<Record<MemoryModel, number>> = { direct: 0, translated: 64 };

export interface MachineImage {
  readonly processor: ReturnType<Xen['cpu']['capture']>;
  readonly ram: Uint8Array;
  readonly hypervisor: ReturnType<Xen['capture']>;
  readonly backends: ReturnType<BackendPorts['capture']>;
  readonly store: ReturnType<Store['capture']>;
  readonly domains: readonly DomainServicesImage[];
}

/** Something that the machine does and takes back. */
export interface Attempt {
  /** Goes back to the beginning, from wherever the machine was left; it may be tried again. */
  takeBack(): void;
  /** The same, and the machine goes on in earnest. */
  end(): void;
}

export class Machine {
  readonly xen: Xen;
  readonly store = new Store();
  readonly #backends: BackendPorts;
  readonly #domains = new Map<number, DomainServices>();
  #isMuted = false;

  constructor(parts: MachineParts, host: MachineHost) {
    const frames = parts.domains.reduce(
      (sum, { maxPages, model }) => sum + maxPages + FRAMES_A_DOMAIN + ROOM[model],
      SYSTEM_FRAMES,
    );
    const memory = new LinearMemory(frames * PAGE);
    this.xen = new Xen(memory, parts.wallClock ?? WALL_CLOCK, parts.engine);
    this.xen.emergencyConsole = ({ id }, bytes) =>
      this.#isMuted ? undefined : host.emergencyOutput(id, bytes);
    this.#backends = new BackendPorts(this.xen, PROFILES['xen-4.17']);
    this.xen.runBackends = () => this.#runBackends();
    for (const [index, part] of parts.domains.entries()) {
      this.#addDomain(index + 1, part, host);
    }
  }

  #addDomain(id: number, part: DomainPart, host: MachineHost): void {
    const profile = PROFILES[part.profile];
    const plan = planBoot({
      kernel: part.kernel,
      pageCount: part.pages,
      ramdisk: part.ramdisk,
      commandLine: part.commandLine,
      tableFormat: part.format,
      model: part.model,
      builder: profile.builder,
    });
    const identity = {
      id,
      name: part.name,
      profile,
      format: part.format,
      model: part.model,
      handle: bytesOfUuid(part.uuid),
      vcpuCount: part.vcpus,
      maxPages: part.maxPages,
    };
    const built = buildDomain(this.xen, identity, plan);
    const frontend = new FrontendAccess(this.xen, this.#backends, built.domain);
    const services = new DomainServices(
      {
        built,
        frontend,
        ringPage: (ring) => present(mapRing(frontend, plan, built, ring), `the ring ${ring}`),
        store: this.store,
        record: (entry) => this.#record(entry),
        probes: this.xen.probes,
        consoleOutput: (bytes) => (this.#isMuted ? undefined : host.consoleOutput(id, bytes)),
      },
      part,
    );
    this.#domains.set(id, services);
    services.begin();
  }

  #record({ kind, domain, device, text }: DeviceRecord): void {
    this.xen.journal.record('device', domain, `${device}: ${kind}: ${text}`);
  }

  #runBackends(): void {
    this.#backends.deliver();
    // What one did may have made watches of others fire.
    for (const services of this.#domains.values()) {
      services.serveStore();
    }
  }

  /** Lets the guests execute at most so many instructions; says why it ended. */
  run(count: number): StopReason {
    return this.#noteEnd(this.xen.run(count));
  }

  #noteEnd<Reason extends StopReason | undefined>(reason: Reason): Reason {
    if (reason?.kind === 'shutdown') {
      this.store.shutDownDomain(reason.domain.id);
    }
    return reason;
  }

  /** As `run`, with no instruction: what comes before the next one. */
  settle(): StopReason | undefined {
    return this.#noteEnd(this.xen.settle());
  }

  /** Gives back all that a domain that has ended holds; its memory is gone then. */
  destroyDomain(id: number): void {
    const { xen } = this;
    const domain = xen.domains.get(id);
    const services = this.#domains.get(id);
    if (domain === undefined || services === undefined) {
      return;
    }
    xen.shutDown(domain, SHUTDOWN.poweroff);
    services.end();
    this.#domains.delete(id);
    xen.destroyDomain(domain);
    this.store.releaseDomain(id);
  }

  /** What domain 0 does for a guest; undefined: there is no such guest. To be looked at only. */
  servicesOf(domain: number): DomainServices | undefined {
    return this.#domains.get(domain);
  }

  /** Instructions retired since the machine began. */
  get instructions(): number {
    return this.xen.cpu.state.retired;
  }

  /** What somebody typed on a guest's console; it waits until the guest takes it. */
  consoleInput(domain: number, bytes: Uint8Array): void {
    this.#domains.get(domain)?.consoleInput(bytes);
  }

  // ---- state

  capture(): MachineImage {
    const { ram } = this.xen;
    return { ...this.#captureOthers(), ram: ram.bytes(0, ram.size).slice() };
  }

  /** All but RAM. */
  #captureOthers(): Omit<MachineImage, 'ram'> {
    const { xen } = this;
    return {
      processor: xen.cpu.capture(),
      hypervisor: xen.capture(),
      backends: this.#backends.capture(),
      store: copyOf(this.store.capture()),
      domains: Array.from(this.#domains.values(), (services) => services.capture()),
    };
  }

  /** Goes on from an image that a machine of the same parts gave. */
  restore(image: MachineImage): void {
    this.xen.ram.load(0, image.ram);
    this.#restoreOthers(image);
  }

  #restoreOthers(image: Omit<MachineImage, 'ram'>): void {
    const { xen } = this;
    xen.restore(image.hypervisor);
    xen.cpu.restore(image.processor);
    this.#backends.restore(image.backends);
    this.store.restore(copyOf(image.store));
    for (const [index, services] of [...this.#domains.values()].entries()) {
      const own = image.domains[index];
      if (own !== undefined) {
        services.restore(own);
      }
    }
  }

  /**
   * Begins something that may be taken back: until it ends, probes tell nobody, and what guests print
   * goes nowhere. Frames of RAM are copied as they are written.
   */
  attempt(): Attempt {
    const { xen } = this;
    const image = this.#captureOthers();
    xen.ram.keepOldFrames();
    xen.cpu.tlb.withholdData();
    xen.probes.isMuted = true;
    this.#isMuted = true;
    const takeBack = () => {
      xen.cpu.abandonRun();
      xen.ram.restoreOldFrames();
      this.#restoreOthers(image);
      xen.cpu.tlb.withholdData();
    };
    return {
      takeBack,
      end: () => {
        takeBack();
        xen.ram.dropOldFrames();
        xen.probes.isMuted = false;
        this.#isMuted = false;
      },
    };
  }

  /** A digest of all that the future depends on: 16 hexadecimal digits. */
  hash(): string {
    const digest = new Digest();
    const { xen } = this;
    const { registers, translations } = xen.cpu.capture();
    digest.data(registers);
    digest.data(translations);
    const { ram } = xen;
    digest.number(ram.size);
    for (const frame of ram.framesInUse()) {
      digest.number(frame);
      digest.data(ram.bytes(frame * PAGE, PAGE));
    }
    digest.data(xen.capture());
    digest.data(this.#backends.capture());
    digest.data(this.store.capture());
    for (const services of this.#domains.values()) {
      digest.data(services.capture());
    }
    return digest.hex;
  }
}

/** The 16 bytes of a UUID in the usual form. */
function bytesOfUuid(uuid: string): Uint8Array {
  const digits = uuid.replaceAll('-', '');
  return Uint8Array.from({ length: 16 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

/** By the grant that the builder reserved for it; builders that reserve none only tell its frame. */
function mapRing(
  frontend: FrontendAccess,
  { reservedGrants }: BootPlan,
  { storeFrame, consoleFrame }: BuiltDomain,
  ring: keyof typeof GNTTAB_RESERVED,
): MappedPage | undefined {
  const own = GNTTAB_RESERVED[ring];
  return reservedGrants.some(({ reference }) => reference === own)
    ? frontend.mapGrant(own, 'write')
    : frontend.foreignPage(ring === 'XENSTORE' ? storeFrame : consoleFrame);
}
