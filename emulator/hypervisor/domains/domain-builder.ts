/**
 * Makes a domain from a boot plan: memory, page tables, start_info, shared_info, its first vCPU.
 *
 * The plan knows pseudo-physical pages alone; here each gets its machine frame. Everything is
 * as the recordings of the real builder have it.
 */

import {
  FLAT_RING1_CS,
  FLAT_RING1_DS,
  FLAT_RING1_SS,
  HYPERVISOR_VIRT_START,
} from '../../abi/arch-x86-32.ts';
import { GTF_TYPE } from '../../abi/grant-table.ts';
import { shared_info, start_info, vcpu_info } from '../../abi/xen.ts';
import { setWord } from '../../cpu/context.ts';
import type { BootPlan } from '../../image/boot-plan.ts';
import { newBase } from '../memory/base-pointer.ts';
import type { Xen } from '../xen.ts';
import { Domain, type DomainIdentity } from './domain.ts';
import { hypercallPage } from './hypercall-page.ts';
import { NEVER } from './vcpu.ts';
import { placeInSharedInfo } from './vcpu-info.ts';

const PAGE = 4096;
/** Frames that a translated domain's hypervisor may hand out behind its memory: grant tables. */
const SPECIAL_FRAMES = 64;
const TICK = 10_000_000;
const RAM_E820 = 1;

/** The domain that stands for the back-ends. */
export const BACKEND_DOMAIN = 0;

/** A domain and what its back-ends need to know of it. */
export interface BuiltDomain {
  readonly domain: Domain;
  /** Machine frame of start_info, which is the guest's own from its start on. */
  readonly startInfoFrame: number;
  readonly storeFrame: number;
  readonly consoleFrame: number;
  readonly storePort: number;
  readonly consolePort: number;
}

/** Why a domain could not be made. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
}

export function buildDomain(xen: Xen, identity: DomainIdentity, plan: BootPlan): BuiltDomain {
  const domain = new Domain(identity);
  const { fields } = domain;
  fields.virtStart = HYPERVISOR_VIRT_START[domain.format === 'pae' ? 'pae' : 'nonPae'];
  xen.addDomain(domain);
  const frames = new Memory(xen, domain, plan);
  frames.fill(plan);
  const storePort = openPort(domain);
  const consolePort = openPort(domain);
  fields.sharedInfo = frames.sharedInfo(plan);
  initSharedInfo(xen, domain);
  const machineAddresses = {
    shared_info: domain.guestFrame(fields.sharedInfo) * PAGE,
    store_mfn: domain.guestFrame(frames.frameOf(plan.xenstorePfn)),
    console_mfn: domain.guestFrame(frames.frameOf(plan.consolePfn)),
  };
  frames.write(
    plan.startInfoPfn * PAGE,
    startInfoBytes(plan, machineAddresses, { storePort, consolePort }),
  );
  addReservedGrants(xen, domain, plan, frames);
  frames.writeTables(plan);
  startFirstVcpu(xen, domain, plan, frames);
  if (domain.profile.hasMemoryMap) {
    fields.memoryMap = [{ address: 0, size: plan.startInfo.nr_pages * PAGE, type: RAM_E820 }];
  }
  return {
    domain,
    startInfoFrame: frames.frameOf(plan.startInfoPfn),
    storeFrame: frames.frameOf(plan.xenstorePfn),
    consoleFrame: frames.frameOf(plan.consolePfn),
    storePort,
    consolePort,
  };
}

/** The frames of a domain that is being made. */
class Memory {
  readonly #xen: Xen;
  readonly #domain: Domain;
  /** Machine frames by pseudo-physical page. */
  readonly #frames: Uint32Array;

  constructor(xen: Xen, domain: Domain, plan: BootPlan) {
    this.#xen = xen;
    this.#domain = domain;
    const pages = plan.startInfo.nr_pages;
    this.#frames = domain.isTranslated ? this.#run(pages) : this.#scattered(pages);
    domain.fields.pages = pages;
  }

  #scattered(pages: number): Uint32Array {
    const frames = this.#xen.frames.allocateMany(this.#domain.id, pages);
    if (frames === undefined) {
      throw new DomainError(
        `The machine has no ${pages} pages left for ${this.#domain.identity.name}.`,
      );
    }
    for (const [pfn, mfn] of frames.entries()) {
      this.#xen.frames.setM2p(mfn, pfn);
    }
    return frames;
  }

  #run(pages: number): Uint32Array {
    const { fields, id, identity } = this.#domain;
    const first = this.#xen.frames.allocateRun(id, pages + SPECIAL_FRAMES);
    if (first === undefined) {
      throw new DomainError(`The machine has no run of ${pages} pages left for ${identity.name}.`);
    }
    fields.firstFrame = first;
    fields.frameCount = pages + SPECIAL_FRAMES;
    fields.nextSpecialFrame = pages;
    return Uint32Array.from({ length: pages }, (_, pfn) => first + pfn);
  }

  frameOf(pfn: number): number {
    const mfn = this.#frames[pfn];
    if (mfn === undefined) {
      throw new DomainError(`Page ${pfn.toString(16)} is beyond the memory of the domain.`);
    }
    return mfn;
  }

  /** Copies bytes to a pseudo-physical address. */
  write(address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = address + done;
      const length = Math.min(bytes.length - done, PAGE - (at % PAGE));
      const physical = this.frameOf(Math.floor(at / PAGE)) * PAGE + (at % PAGE);
      this.#xen.ram.load(physical, bytes.subarray(done, done + length));
      done += length;
    }
  }

  fill(plan: BootPlan): void {
    for (const { address, bytes } of plan.copies) {
      this.write(address, bytes);
    }
    const list = Uint32Array.from(this.#frames, (mfn) => this.#domain.guestFrame(mfn));
    this.write(plan.p2mPfn * PAGE, new Uint8Array(list.buffer));
    if (plan.hypercallPfn !== undefined) {
      this.write(plan.hypercallPfn * PAGE, hypercallPage());
    }
  }

  sharedInfo(plan: BootPlan): number {
    if (plan.sharedInfoPfn !== undefined) {
      return this.frameOf(plan.sharedInfoPfn);
    }
    const frame = this.#xen.frames.allocateShared(this.#domain.id, true);
    if (frame === undefined) {
      throw new DomainError('The machine has no frame left for shared_info.');
    }
    return frame;
  }

  writeTables(plan: BootPlan): void {
    const size = plan.tableFormat === 'pae' ? 8 : 4;
    for (const { pfn, entries } of plan.pageTables) {
      const base = this.frameOf(pfn) * PAGE;
      for (const entry of entries) {
        const target = this.#domain.guestFrame(this.frameOf(entry.pfn));
        this.#xen.ram.write32(base + entry.index * size, target * PAGE + entry.flags);
      }
    }
  }
}

function openPort({ events }: Domain): number {
  const port = events.lowestFree() as number;
  events.connect(port, { state: 'unbound', remoteDomain: BACKEND_DOMAIN });
  return port;
}

function initSharedInfo(xen: Xen, domain: Domain): void {
  const base = domain.fields.sharedInfo * PAGE;
  for (let i = 0; i < 32; i++) {
    xen.ram.write8(base + i * vcpu_info.size + vcpu_info.offsets.evtchn_upcall_mask, 1);
  }
  xen.ram.write32(base + shared_info.offsets.wc_version, 2);
  xen.ram.write32(base + shared_info.offsets.wc_sec, xen.wallClock >>> 0);
  xen.ram.write32(base + shared_info.offsets.wc_nsec, 0);
  for (const vcpu of domain.vcpus) {
    vcpu.info = placeInSharedInfo(vcpu);
  }
}

function startInfoBytes(
  plan: BootPlan,
  frames: { shared_info: number; store_mfn: number; console_mfn: number },
  ports: { storePort: number; consolePort: number },
): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(start_info.size));
  const info = start_info.at(bytes);
  Object.assign(info, plan.startInfo);
  info.shared_info = frames.shared_info;
  info.store_mfn = frames.store_mfn;
  info.store_evtchn = ports.storePort;
  info.console.domU.mfn = frames.console_mfn;
  info.console.domU.evtchn = ports.consolePort;
  return new Uint8Array(bytes.buffer, 0, plan.builder.startInfoSize);
}

/** The first frame of the grant table, with leave for the back-ends to map the two rings. */
function addReservedGrants(xen: Xen, domain: Domain, plan: BootPlan, frames: Memory): void {
  if (!domain.grants.grow(xen, domain, 1)) {
    throw new DomainError('The machine has no frame left for a grant table.');
  }
  for (const { reference, pfn } of plan.reservedGrants) {
    const frame = domain.guestFrame(frames.frameOf(pfn));
    domain.grants.setEntry(xen, reference, GTF_TYPE.permit_access, BACKEND_DOMAIN, frame);
  }
}

function startFirstVcpu(xen: Xen, domain: Domain, plan: BootPlan, frames: Memory): void {
  const [vcpu] = domain.vcpus;
  const root = plan.pageTables[0];
  if (vcpu === undefined || root === undefined) {
    throw new DomainError('A domain needs a virtual processor and page tables.');
  }
  const rootFrame = frames.frameOf(root.pfn);
  if (!domain.isTranslated) {
    const pinned = xen.pages.pin(rootFrame, domain.id, root.level);
    if (pinned !== 0) {
      throw new DomainError(`The initial page tables are refused with errno ${-pinned}.`);
    }
  }
  const loaded = newBase(xen.pages, domain, vcpu, domain.guestFrame(rootFrame));
  if (loaded !== 0) {
    throw new DomainError(`The initial page tables are refused with errno ${-loaded}.`);
  }
  const context = xen.tables.freshContext(domain);
  setWord(context, 'eip', plan.registers.eip);
  setWord(context, 'esp', plan.registers.esp);
  setWord(context, 'esi', plan.registers.esi);
  setWord(context, 'csSelector', FLAT_RING1_CS);
  setWord(context, 'ssSelector', FLAT_RING1_SS);
  for (const name of ['dsSelector', 'esSelector', 'fsSelector', 'gsSelector'] as const) {
    setWord(context, name, FLAT_RING1_DS);
  }
  for (const each of domain.vcpus) {
    each.traps.selectors.fill(FLAT_RING1_CS);
    each.cr4 = xen.tables.guestCr4(domain);
    each.tickPeriod = TICK;
    each.tickAt = NEVER;
  }
  vcpu.context = context;
  vcpu.kernelSs = FLAT_RING1_SS;
  vcpu.kernelEsp = plan.registers.esp;
  vcpu.tickAt = xen.clock.now + TICK;
  vcpu.isUp = true;
  xen.scheduler.wake(vcpu);
}
