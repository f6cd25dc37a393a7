/**
 * A machine with two guests whose every act comes from outside: their virtual processors make the
 * calls that the fuzzer wants, as if their kernels had executed `int 0x82`.
 *
 * Each guest is set up as a kernel would set itself up, with handlers, a stack, grants to the other
 * guest and spare page tables; an image of that moment is where every episode begins.
 */

import { traceHypercalls } from '../../../debug-adapter/hypercall-trace.ts';
import { FLAT_RING1_CS, FLAT_RING1_SS, TI_IF } from '../../../emulator/abi/arch-x86-32.ts';
import { GTF, GTF_TYPE } from '../../../emulator/abi/grant-table.ts';
import { HYPERVISOR, start_info, VMASST_CMD, VMASST_TYPE } from '../../../emulator/abi/xen.ts';
import { present } from '../../../emulator/assert.ts';
import { type Context, loadContext, saveContext } from '../../../emulator/cpu/context.ts';
import type { EngineMaker } from '../../../emulator/cpu/engine.ts';
import { setAddressSpace, setLocalTable } from '../../../emulator/hypervisor/address-space.ts';
import type { Domain } from '../../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../../emulator/hypervisor/domains/vcpu.ts';
import { TABLE_SHAPES } from '../../../emulator/hypervisor/memory/page-table-entry.ts';
import type { ProbeKind } from '../../../emulator/hypervisor/probes.ts';
import type { Xen } from '../../../emulator/hypervisor/xen.ts';
import { PF, PT } from '../../../emulator/image/elf.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { Machine, type MachineImage } from '../../../emulator/machine/machine.ts';
import type { DiskPart, DomainPart } from '../../../emulator/machine/parts.ts';
import { aKernel } from '../../support/a-kernel.ts';
import type { Dice } from '../silicon/values.ts';

export const PAGE = 4096;
/** Pages of a guest at the start: more than its first page tables map, so that some are spare. */
const PAGES = 1200;
const MOST_PAGES = 1280;
/** Where the kernel lies, and how large it is: its memory is what arguments are written to. */
const KERNEL = 0x10_0000;
const KERNEL_SIZE = 0x4_0000;
/** Handlers in the kernel's first page. */
const HANDLER = KERNEL + 0x20;
const HANDLER_OF_CODE = KERNEL + 0x40;
export const KERNEL_HANDLERS: readonly [number, number] = [HANDLER, HANDLER_OF_CODE];
export const SPIN = KERNEL + 2;
export const CALL_SITE = KERNEL;
/** Memory for arguments, for the stack, and for code. */
export const SCRATCH = { start: KERNEL + 0x1000, end: KERNEL + 0x2_0000 } as const;
export const STACK = { start: KERNEL + 0x2_0000, end: KERNEL + 0x2_4000 } as const;
export const JUNK = { start: KERNEL + 0x2_4000, end: KERNEL + 0x3_0000 } as const;
/** Linear addresses whose mappings the guests change; nothing that they need is there. */
export const WINDOW = { start: KERNEL + 0x3_0000, end: KERNEL + 0x4_0000 } as const;
/** References that each guest has granted to the other from the start. */
export const GRANTS = { first: 8, count: 32, accepting: 64 } as const;
const GRANT_FRAMES = 2;

/** No amount of work: each call begins with none. */
const NOT_MADE = -1;

export type Setting = readonly [Kind, Kind];
type Kind = Pick<DomainPart, 'profile' | 'model' | 'format'>;

const DIRECT: Kind = { profile: 'xen-4.17', model: 'direct', format: 'pae' };
const TRANSLATED: Kind = { profile: 'xen-4.17', model: 'translated', format: 'pae' };
const EARLY: Kind = { profile: 'xen-3.0', model: 'direct', format: 'pae' };
const EARLY_SMALL: Kind = { profile: 'xen-3.0', model: 'direct', format: 'two-level' };
const EARLY_TRANSLATED: Kind = { profile: 'xen-3.0', model: 'translated', format: 'two-level' };

/** Pairs of guests, taken in turn. */
export const SETTINGS: readonly [Setting, ...Setting[]] = [
  [DIRECT, DIRECT],
  [EARLY_SMALL, EARLY_SMALL],
  [TRANSLATED, DIRECT],
  [EARLY, EARLY],
  [EARLY_TRANSLATED, EARLY_SMALL],
];

export const nameOf = ({ profile, model, format }: Kind): string => `${profile} ${model} ${format}`;

/** `int 0x82` and a loop; a handler that returns, and one that drops an error code first. */
function kernelCode(): Uint8Array {
  const code = new Uint8Array(0x80);
  code.set([0xcd, 0x82, 0xeb, 0xfe]);
  const returns = [0x50, 0xb8, HYPERVISOR.iret, 0, 0, 0, 0xcd, 0x82];
  code.set(returns, HANDLER - KERNEL);
  code.set([0x83, 0xc4, 0x04, ...returns], HANDLER_OF_CODE - KERNEL);
  return code;
}

/** Vectors whose frames have an error code. */
const WITH_CODE = [8, 10, 11, 12, 13, 14, 17];

function domainPart(kind: Kind, index: number, disks: readonly DiskPart[]): DomainPart {
  const kernel = aKernel({
    segments: [
      {
        ...{ type: PT.LOAD, flags: PF.R | PF.W | PF.X, virtualAddress: KERNEL },
        ...{ memorySize: KERNEL_SIZE, bytes: kernelCode() },
      },
    ],
    notes: { FEATURES: kind.model === 'translated' ? 'auto_translated_physmap' : undefined },
  });
  return {
    ...kind,
    name: `guest ${index}`,
    uuid: `00000000-0000-0000-0000-00000000000${index}`,
    kernel: readKernel(kernel),
    kernelFile: 'kernel',
    commandLine: 'hostile',
    pages: PAGES,
    maxPages: MOST_PAGES,
    ...{ vcpus: 3, onlineVcpus: 3, disks },
  };
}

/** What start_info tells a guest, frames as machine frames. */
export interface Places {
  readonly storeFrame: number;
  readonly storePort: number;
  readonly consoleFrame: number;
  readonly consolePort: number;
  /** Linear addresses of its first page tables. */
  readonly tables: { readonly start: number; readonly end: number };
}

export class World {
  readonly machine: Machine;
  readonly xen: Xen;
  readonly setting: Setting;
  readonly #image: MachineImage;
  readonly #contexts = new Map<Domain, Context>();
  /** Frames that no first page table maps. */
  readonly #spare = new Map<Domain, readonly number[]>();
  readonly #places = new Map<Domain, Places>();
  /** Bytes that the guests wrote to consoles, so that somebody takes them. */
  output = 0;
  /** Characters of traces. */
  traced = 0;

  constructor(setting: Setting, engine: EngineMaker, disks: readonly DiskPart[] = []) {
    this.setting = setting;
    const count = (_domain: number, bytes: Uint8Array) => {
      this.output += bytes.length;
    };
    const domains = setting.map((kind, index) => domainPart(kind, index + 1, disks));
    const host = { consoleOutput: count, emergencyOutput: count };
    this.machine = new Machine({ domains, engine }, host);
    this.xen = this.machine.xen;
    this.machine.run(100);
    for (const domain of this.guests) {
      this.#setUp(domain);
    }
    this.#image = this.machine.capture();
    this.xen.cpu.takeDirtyFrames();
  }

  get guests(): readonly Domain[] {
    return [...this.xen.domains.values()].filter(({ id }) => id !== 0);
  }

  /** The other guest. */
  otherThan(domain: Domain): Domain {
    return this.guests.find((guest) => guest !== domain) ?? domain;
  }

  /** Page tables in frames of its own that a guest may pin: none of them is, at the start. */
  madeTables(domain: Domain): { table: number; directory: number; root: number } {
    const [table = 0, directory = 0, root = 0] = this.spareFrames(domain).slice(GRANTS.count);
    return { table, directory, root };
  }

  /** A reference at which the other guest accepts a page. */
  acceptingReference(dice: Dice): number {
    return GRANTS.first + GRANTS.count + dice.below(GRANTS.accepting);
  }

  spareFrames(domain: Domain): readonly number[] {
    return this.#spare.get(domain) ?? [];
  }

  placesOf(domain: Domain): Places {
    return present(this.#places.get(domain), 'a guest that was set up');
  }

  /** Everything is as it was when the world was made; only frames that were written are copied. */
  reset(): void {
    const { ram } = this.#image;
    for (const frame of this.xen.cpu.takeDirtyFrames()) {
      this.xen.ram.load(frame * PAGE, ram.subarray(frame * PAGE, (frame + 1) * PAGE));
    }
    this.machine.restore({ ...this.#image, ram: new Uint8Array(0) });
    this.xen.cpu.takeDirtyFrames();
  }

  /**
   * Listens to everything that can be listened to, and describes each call, as a debugger does.
   * Answers how to stop that.
   */
  listen(): () => void {
    const { probes } = this.xen;
    const kinds = Object.keys(probes.wants) as ProbeKind[];
    const ends = kinds.map((kind) => probes.on(kind, () => {}));
    const trace = traceHypercalls(
      this.machine,
      () => undefined,
      (line) => {
        this.traced += line.length;
      },
    );
    return () => {
      for (const end of [...ends, trace]) {
        end();
      }
    };
  }

  /** Gives the processor to a virtual processor of somebody else's, if there is one that can run. */
  rotate(): void {
    this.xen.scheduler.mustChoose = true;
    this.machine.run(1);
  }

  /** The kernel's own registers, in ring 1 with flat segments, whatever it did before. */
  enterKernel(vcpu: Vcpu): void {
    const { cpu } = this.xen;
    const context = this.#contexts.get(vcpu.domain);
    if (context !== undefined) {
      const { cr0 } = cpu.state;
      loadContext(cpu, context);
      cpu.state.cr0 = cr0;
      setAddressSpace(cpu, vcpu);
      setLocalTable(cpu, vcpu);
    }
  }

  /** Makes a call as the processor would have it made behind `int 0x82`. */
  call(vcpu: Vcpu, number: number, registers: readonly number[]): number {
    const { state } = this.xen.cpu;
    const [ebx = 0, ecx = 0, edx = 0, esi = 0, edi = 0] = registers;
    Object.assign(state, { eax: number, ebx, ecx, edx, esi, edi, eip: CALL_SITE });
    return this.callAgain(vcpu);
  }

  /**
   * Makes a call by executing `int 0x82`, with all that may come before and behind it. Undefined: an
   * event came first, and the call was not made.
   */
  execute(number: number, registers: readonly number[]): number | undefined {
    const { cpu, pages } = this.xen;
    const [ebx = 0, ecx = 0, edx = 0, esi = 0, edi = 0] = registers;
    Object.assign(cpu.state, { eax: number, ebx, ecx, edx, esi, edi, eip: CALL_SITE });
    pages.work = NOT_MADE;
    this.machine.run(1);
    return pages.work === NOT_MADE ? undefined : cpu.state.eax | 0;
  }

  /** The call that the registers hold. */
  callAgain(_vcpu: Vcpu): number {
    const { state } = this.xen.cpu;
    state.retired += 1;
    const eip = (state.eip + 2) >>> 0;
    this.xen.intercept({ vector: 0x82, errorCode: undefined, kind: 'software', eip });
    return state.eax | 0;
  }

  // ---- what a kernel does at its start

  #setUp(domain: Domain): void {
    const { xen } = this;
    for (let i = 0; i < 4 && xen.scheduler.current?.domain !== domain; i++) {
      this.rotate();
    }
    const vcpu = xen.scheduler.current;
    if (vcpu?.domain !== domain) {
      throw new Error(`Domain ${domain.id} does not run.`);
    }
    const context = saveContext(xen.cpu);
    this.#contexts.set(domain, context);
    this.#places.set(domain, this.#readStartInfo(domain, xen.cpu.state.esi));
    this.#must(vcpu, HYPERVISOR.set_trap_table, [this.#write(trapTable())]);
    const entry = [FLAT_RING1_CS, HANDLER];
    this.#must(vcpu, HYPERVISOR.set_callbacks, [...entry, ...entry]);
    this.#must(vcpu, HYPERVISOR.stack_switch, [FLAT_RING1_SS, STACK.end]);
    const setup = this.#write([domain.id === 0 ? 0 : 0x7ff0, GRANT_FRAMES, 0, SCRATCH.start + 64]);
    this.#must(vcpu, HYPERVISOR.grant_table_op, [2, setup, 1]);
    const assist = VMASST_TYPE.writable_pagetables;
    this.#must(vcpu, HYPERVISOR.vm_assist, [VMASST_CMD.enable, assist]);
    this.#findSpare(domain);
    this.#offerGrants(domain);
    this.#makeTables(domain);
  }

  #readStartInfo(domain: Domain, address: number): Places {
    const bytes = present(this.xen.memory.copyIn(address, start_info.size), 'start_info');
    const info = start_info.at(bytes);
    const { mfn, evtchn } = info.console.domU;
    const frame = (number: number) => present(domain.machineFrame(number), 'a frame of start_info');
    return {
      storeFrame: frame(info.store_mfn),
      storePort: info.store_evtchn,
      consoleFrame: frame(mfn),
      consolePort: evtchn,
      tables: { start: info.pt_base, end: info.pt_base + info.nr_pt_frames * PAGE },
    };
  }

  #must(vcpu: Vcpu, number: number, registers: readonly number[]): void {
    const answer = this.call(vcpu, number, registers);
    if (answer !== 0) {
      throw new Error(`Call ${number} at the start of domain ${vcpu.domain.id} gives ${answer}.`);
    }
  }

  #write(words: readonly number[]): number {
    this.xen.memory.write(SCRATCH.start, new Uint8Array(Uint32Array.from(words).buffer));
    return SCRATCH.start;
  }

  #findSpare(domain: Domain): void {
    const { frames } = this.xen;
    const own = [...frames.owner.keys()].filter(
      (mfn) =>
        frames.owner[mfn] === domain.id && frames.references[mfn] === 1 && frames.bits[mfn] === 1,
    );
    this.#spare.set(domain, own);
  }

  #offerGrants(domain: Domain): void {
    const spare = this.spareFrames(domain);
    for (let i = 0; i < GRANTS.count; i++) {
      const frame = domain.guestFrame(spare[i] ?? 0);
      const flags = GTF_TYPE.permit_access | (i % 4 === 0 ? GTF.readonly : 0);
      domain.grants.setEntry(this.xen, GRANTS.first + i, flags, 3 - domain.id, frame);
    }
    for (let i = 0; i < GRANTS.accepting; i++) {
      const reference = GRANTS.first + GRANTS.count + i;
      const place = domain.isTranslated ? 0x300 + i : 0x1000 + i;
      const flags = GTF_TYPE.accept_transfer;
      domain.grants.setEntry(this.xen, reference, flags, 3 - domain.id, place);
    }
  }

  /**
   * In spare frames: level-1 tables, a level-2 table of them, and a second root with the mappings of
   * the first; none of them is pinned.
   */
  #makeTables(domain: Domain): void {
    const { ram } = this.xen;
    const spare = this.spareFrames(domain).slice(GRANTS.count);
    const [table = 0, directory = 0, root = 0, ...more] = spare;
    const { entrySize, entries } = TABLE_SHAPES[domain.format];
    for (let i = 0; i < entries; i++) {
      const target = domain.guestFrame(more[i % 8] ?? 0);
      ram.write32(table * PAGE + i * entrySize, target * PAGE + (i % 3 === 0 ? 0x21 : 0));
    }
    ram.write32(directory * PAGE, domain.guestFrame(table) * PAGE + 0x63);
    const base = domain.vcpus[0]?.baseFrame ?? 0;
    ram.load(root * PAGE, ram.bytes(base * PAGE, PAGE).slice());
  }
}

function trapTable(): number[] {
  const words: number[] = [];
  for (let vector = 0; vector < 20; vector++) {
    const address = WITH_CODE.includes(vector) ? HANDLER_OF_CODE : HANDLER;
    words.push((vector | (TI_IF << 8) | (FLAT_RING1_CS << 16)) >>> 0, address);
  }
  words.push((0x80 | (3 << 8) | (FLAT_RING1_CS << 16)) >>> 0, HANDLER, 0, 0);
  return words;
}
