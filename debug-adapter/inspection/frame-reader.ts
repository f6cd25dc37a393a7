/** Machine frames: who owns each, what it is used as, and by which number its owner knows it. */

import { DOMID } from '../../emulator/abi/xen.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { FRAME_BIT, FRAME_TYPE_NAME } from '../../emulator/hypervisor/memory/frame-types.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { FrameData, FrameOwner } from './data/pages.ts';

/** Frames of the table from machine to pseudo-physical frames: 4 MiB. */
const M2P_FRAMES = 1024;
/** Content of that table where no domain has a frame. */
const NO_PSEUDO_PHYSICAL = 0xffff_ffff;

/** Reads many frames of a machine at one moment; to be made anew when the machine has run. */
export class FrameReader {
  readonly #xen: Xen;
  readonly #purposes: ReadonlyMap<number, string>;

  constructor(machine: Machine) {
    this.#xen = machine.xen;
    this.#purposes = purposesOf(machine);
  }

  /** Any number is answered, also one beyond the machine's RAM. */
  of(frame: number): FrameData {
    const { frames } = this.#xen;
    return {
      frame,
      isRam: isRam(this.#xen, frame),
      owner: this.#ownerOf(frame),
      type: FRAME_TYPE_NAME[frames.typeOf(frame)],
      typeCount: frames.typeCount[frame] ?? 0,
      references: frames.references[frame] ?? 0,
      isValidated: frames.has(frame, FRAME_BIT.validated),
      isPinned: frames.has(frame, FRAME_BIT.pinned),
      isXenHeap: frames.has(frame, FRAME_BIT.xenHeap),
      pseudoPhysicalFrame: pseudoPhysicalFrame(this.#xen, frame),
      purpose: this.#purposeOf(frame),
    };
  }

  #ownerOf(frame: number): FrameOwner {
    const owner = isRam(this.#xen, frame) ? this.#xen.frames.owner[frame] : undefined;
    switch (owner) {
      case undefined:
        return { kind: 'none' };
      case DOMID.INVALID:
        return { kind: 'free' };
      case DOMID.IO:
        return { kind: 'I/O' };
      case DOMID.XEN:
        return { kind: 'Xen' };
      default:
        return { kind: 'domain', domain: owner };
    }
  }

  #purposeOf(frame: number): string | undefined {
    const { m2pFrame } = this.#xen.frames;
    return frame >= m2pFrame && frame < m2pFrame + M2P_FRAMES
      ? 'machine-to-physical table'
      : this.#purposes.get(frame);
  }
}

const isRam = ({ frames }: Xen, frame: number): boolean =>
  Number.isInteger(frame) && frames.isValid(frame);

/** The number by which the owner knows a machine frame, as far as there is an owner that has one. */
export function pseudoPhysicalFrame(xen: Xen, frame: number): number | undefined {
  const owner = isRam(xen, frame) ? xen.domains.get(xen.frames.owner[frame] ?? 0) : undefined;
  if (owner === undefined) {
    return undefined;
  }
  if (owner.isTranslated) {
    const own = owner.guestFrame(frame);
    return own >= 0 && own < owner.frameCount ? own : undefined;
  }
  const own = xen.frames.m2p(frame);
  return own === NO_PSEUDO_PHYSICAL ? undefined : own;
}

function purposesOf(machine: Machine): ReadonlyMap<number, string> {
  const purposes = new Map<number, string>();
  for (const domain of machine.xen.domains.values()) {
    addDevices(purposes, machine, domain);
    addTables(purposes, domain);
  }
  return purposes;
}

function addDevices(purposes: Map<number, string>, machine: Machine, domain: Domain): void {
  const services = machine.servicesOf(domain.id);
  if (services === undefined) {
    return;
  }
  const { storeFrame, consoleFrame } = services.built;
  purposes.set(storeFrame, 'xenstore ring');
  purposes.set(consoleFrame, 'console ring');
  const mapped = machine.xen.domains.get(0)?.grants;
  for (const { part, backend } of services.disks) {
    const frame = mapped?.mapping(backend.connection?.pageHandle ?? -1)?.frame;
    if (frame !== undefined) {
      purposes.set(frame, `ring of vbd/${part.id}`);
    }
  }
}

function addTables(purposes: Map<number, string>, { fields, grants, vcpus }: Domain): void {
  if (fields.sharedInfo !== 0) {
    purposes.set(fields.sharedInfo, 'shared_info');
  }
  for (const frame of grants.frames) {
    purposes.set(frame, 'grant table');
  }
  for (const frame of grants.statusFrames) {
    purposes.set(frame, 'statuses of the grant table');
  }
  for (const { baseFrame } of vcpus) {
    if (baseFrame >= 0) {
      purposes.set(baseFrame, 'root page table');
    }
  }
}
