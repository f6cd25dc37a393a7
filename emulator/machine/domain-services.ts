/** What domain 0 does for one guest: its xenstore connection, its console and its disks. */

import type { GNTTAB_RESERVED } from '../abi/grant-table.ts';
import { present } from '../assert.ts';
import {
  BlockBackend,
  type BlockBackendImage,
  type BlockObserver,
} from '../devices/block/block-backend.ts';
import { type BlockHost, readOnly } from '../devices/block/block-host.ts';
import { OverlayDisk, type OverlayDiskImage } from '../devices/block/overlay-disk.ts';
import { type ConsoleImage, ConsoleRing } from '../devices/console/console-ring.ts';
import { makeDomainNodes } from '../devices/domain-nodes.ts';
import type { Channel, EventReceiver, FrontendDomain, GrantedPage } from '../devices/frontend.ts';
import type { JournalEntry } from '../devices/journal.ts';
import type { BuiltDomain } from '../hypervisor/domains/domain-builder.ts';
import type { Probes } from '../hypervisor/probes.ts';
import { Connection, type ConnectionImage, type TracedMessage } from '../xenstore/connection.ts';
import { RingServer } from '../xenstore/ring-server.ts';
import type { Store } from '../xenstore/store.ts';
import type { DiskPart, DomainPart } from './parts.ts';

export interface Surroundings {
  readonly built: BuiltDomain;
  readonly frontend: FrontendDomain;
  /** Maps the page that the builder made one of the two rings of. */
  ringPage(ring: keyof typeof GNTTAB_RESERVED): GrantedPage;
  readonly store: Store;
  record(entry: JournalEntry): void;
  readonly probes: Probes;
  consoleOutput(bytes: Uint8Array): void;
}

export interface DomainServicesImage {
  readonly connection: ConnectionImage;
  readonly storePort: number | undefined;
  readonly console: ConsoleImage;
  readonly disks: readonly {
    readonly backend: BlockBackendImage;
    readonly overlay: OverlayDiskImage | undefined;
  }[];
}

interface Disk {
  readonly part: DiskPart;
  readonly backend: BlockBackend;
  readonly overlay: OverlayDisk | undefined;
}

/** Most bytes that a guest may write to an overlay, over all of a disk. */
const OVERLAY_LIMIT = 1 << 30;
const KIB_A_PAGE = 4;

export class DomainServices {
  readonly #surroundings: Surroundings;
  readonly #part: DomainPart;
  readonly #connection: Connection;
  readonly #ringServer: RingServer;
  readonly #console: ConsoleRing;
  readonly #storePage: GrantedPage;
  readonly #consolePage: GrantedPage;
  readonly #disks: readonly Disk[];
  #storeChannel: Channel | undefined;
  readonly #storeReceiver: EventReceiver = { handleEvent: () => this.serveStore() };

  constructor(surroundings: Surroundings, part: DomainPart) {
    this.#surroundings = surroundings;
    this.#part = part;
    const { store, built, frontend } = surroundings;
    const { id } = built.domain;
    const journal = { record: (entry: JournalEntry) => surroundings.record(entry) };
    store.createDomain(id);
    this.#connection = new Connection(store, id, (message) => this.#tellMessage(message));
    this.#storePage = surroundings.ringPage('XENSTORE');
    this.#consolePage = surroundings.ringPage('CONSOLE');
    const page = this.#storePage;
    this.#ringServer = new RingServer(
      {
        readWord: (offset) => page.read32(offset),
        writeWord: (offset, value) => page.write32(offset, value),
        readBytes: (offset, length) => page.readBytes(offset, length),
        writeBytes: (offset, bytes) => page.writeBytes(offset, bytes),
        notify: () => this.#storeChannel?.notify(),
      },
      this.#connection,
    );
    const host = { write: (bytes: Uint8Array) => surroundings.consoleOutput(bytes) };
    this.#console = new ConsoleRing(frontend, host, journal);
    this.#disks = part.disks.map((disk) => this.#makeDisk(disk, journal));
  }

  #makeDisk(part: DiskPart, journal: { record(entry: JournalEntry): void }): Disk {
    const { frontend, store } = this.#surroundings;
    const overlay = part.isOverlay ? new OverlayDisk(part.host, OVERLAY_LIMIT) : undefined;
    const disk: BlockHost =
      overlay ?? (part.host.write === undefined ? readOnly(part.host) : part.host);
    const backend = new BlockBackend(
      { domain: frontend, store, journal, disk, observer: this.#ringObserver(part) },
      { id: part.id, dev: part.name, params: part.file, isCdrom: part.isCdrom },
    );
    return { part, backend, overlay };
  }

  #tellMessage({ direction, domain, type, payload }: TracedMessage): void {
    const { probes } = this.#surroundings;
    if (probes.wants.xenstore) {
      probes.emit({ kind: 'xenstore', domain, vcpu: 0, direction, type, payload });
    }
  }

  #ringObserver({ id }: DiskPart): BlockObserver {
    const { probes, built } = this.#surroundings;
    return {
      answered: ({ kind }, { status }) => {
        if (probes.wants.ring) {
          const at = { domain: built.domain.id, vcpu: 0, device: `vbd/${id}` };
          probes.emit({ kind: 'ring', ...at, request: kind, status });
        }
      },
    };
  }

  // ---- to be looked at

  /** The domain with the frames and ports that its builder chose. */
  get built(): BuiltDomain {
    return this.#surroundings.built;
  }

  /** Where the console stands. */
  get console(): ConsoleImage {
    return this.#console.capture();
  }

  /** Domain 0's end of the channel to xenstore; undefined: there is none any more. */
  get storePort(): number | undefined {
    return this.#storeChannel?.localPort;
  }

  /** Handle of domain 0's mapping of the page that the guest shares with xenstore. */
  get storePageHandle(): number {
    return this.#storePage.handle;
  }

  /** Each disk, and where its back-end stands. */
  get disks(): readonly { readonly part: DiskPart; readonly backend: BlockBackendImage }[] {
    return this.#disks.map(({ part, backend }) => ({ part, backend: backend.capture() }));
  }

  /** Makes the nodes in xenstore and begins to serve. */
  begin(): void {
    const { built, store, frontend } = this.#surroundings;
    const { domain } = built;
    const part = this.#part;
    const toolstack = store.connect('toolstack', () => {});
    makeDomainNodes(toolstack, {
      id: domain.id,
      name: part.name,
      uuid: part.uuid,
      memory: { staticMax: part.maxPages * KIB_A_PAGE, target: part.pages * KIB_A_PAGE },
      vcpus: { most: part.vcpus, online: part.onlineVcpus },
      image: {
        kernel: part.kernelFile,
        ...(part.commandLine === '' ? {} : { commandLine: part.commandLine }),
      },
      store: { port: built.storePort, frame: domain.guestFrame(built.storeFrame) },
      console: { port: built.consolePort, frame: domain.guestFrame(built.consoleFrame) },
    });
    this.#storeChannel = frontend.bindInterdomain(built.storePort, this.#storeReceiver);
    store.introduceDomain(domain.id);
    this.#ringServer.reset();
    this.#console.connect(this.#consolePage, built.consolePort);
    for (const { backend } of this.#disks) {
      backend.plug();
    }
  }

  /** Moves messages between the guest's ring and xenstore, as far as both go. */
  serveStore(): void {
    this.#ringServer.service();
  }

  consoleInput(bytes: Uint8Array): void {
    this.#console.input(bytes);
  }

  /** Takes everything away from the guest, which will not run again. */
  end(): void {
    for (const { backend } of this.#disks) {
      backend.remove();
    }
    this.#console.disconnect();
    this.#storeChannel?.close();
    this.#storeChannel = undefined;
    this.#surroundings.frontend.unmapGrant(this.#consolePage);
    this.#surroundings.frontend.unmapGrant(this.#storePage);
  }

  capture(): DomainServicesImage {
    return {
      connection: this.#connection.capture(),
      storePort: this.#storeChannel?.localPort,
      console: this.#console.capture(),
      disks: this.#disks.map(({ backend, overlay }) => ({
        backend: backend.capture(),
        overlay: overlay?.capture(),
      })),
    };
  }

  restore(image: DomainServicesImage): void {
    this.#connection.restore(image.connection);
    this.#storeChannel =
      image.storePort === undefined
        ? undefined
        : this.#surroundings.frontend.channel(image.storePort, this.#storeReceiver);
    this.#console.restore(image.console);
    for (const [i, { backend, overlay }] of this.#disks.entries()) {
      const own = present(image.disks[i], `the image of disk ${i}`);
      backend.restore(own.backend);
      if (overlay !== undefined && own.overlay !== undefined) {
        overlay.restore(own.overlay);
      }
    }
  }
}
