/**
 * A paravirtual guest of direct paging with its hypervisor, whose code and calls a test makes up.
 *
 * It is built from the probe's kernel, of which nothing runs: the test puts its own code into a page.
 * Linear addresses are pseudo-physical ones, as far as the initial mapping goes (4 MB).
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coldTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import { setWord } from '../../emulator/cpu/context.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { buildDomain } from '../../emulator/hypervisor/domains/domain-builder.ts';
import { PROFILES, type ProfileName } from '../../emulator/hypervisor/domains/profile.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { Xen } from '../../emulator/hypervisor/xen.ts';
import { type BootPlan, planBoot } from '../../emulator/image/boot-plan.ts';
import { readKernel } from '../../emulator/image/kernel.ts';
import { LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { guestsFolder } from '../guests/build.ts';

const PAGE = 4096;
const PAGES = 4096;
const engine = coldTier();
/** A page of the guest's for code, and one for what calls point to. */
export const CODE = 0x30_0000;
export const ARGUMENTS = 0x30_1000;
/** A page that nobody uses. */
export const SPARE = 0x30_2000;

export class DirectGuest {
  readonly xen: Xen;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  readonly plan: BootPlan;

  /** @param maxPages may be more than it has at first */
  constructor(profile: ProfileName = 'xen-4.17', maxPages = PAGES + 256) {
    const bytes = readFileSync(join(guestsFolder(), 'probe/low.elf'));
    this.xen = new Xen(new LinearMemory(32 * 2 ** 20), 0, engine);
    this.plan = planBoot({
      kernel: readKernel(new Uint8Array(bytes)),
      pageCount: PAGES,
      commandLine: '',
      tableFormat: 'pae',
      model: 'direct',
      builder: profile,
    });
    const identity = {
      id: 1,
      name: 'guest',
      profile: PROFILES[profile],
      format: 'pae',
      model: 'direct',
      handle: new Uint8Array(16),
      vcpuCount: 1,
      maxPages,
    } as const;
    this.domain = buildDomain(this.xen, identity, this.plan).domain;
    const [vcpu] = this.domain.vcpus;
    if (vcpu?.context === undefined) {
      throw new Error('the domain has no virtual processor');
    }
    this.vcpu = vcpu;
    setWord(vcpu.context, 'eip', CODE);
    // One instruction, so that its registers and address space are loaded.
    this.put(CODE, [0x90]);
    this.xen.run(1);
  }

  /** The machine frame behind a linear address. */
  mfn(linear: number): number {
    const { physical } = this.#place(linear);
    return Math.floor(physical / PAGE);
  }

  #place(linear: number): { physical: number } {
    const { ram } = this.xen;
    const index = Math.floor(linear / PAGE);
    const { address } = this.entryPlace(index * PAGE);
    return { physical: Math.floor(ram.read32(address) / PAGE) * PAGE + (linear % PAGE) };
  }

  /** Where the level-1 entry of a linear address is: machine address, and linear address. */
  entryPlace(linear: number): { readonly address: number; readonly linear: number } {
    const table = this.plan.pageTables.filter(({ level }) => level === 1)[linear >>> 21];
    if (table === undefined) {
      throw new Error(`0x${linear.toString(16)} is not mapped at first`);
    }
    const mfn = this.xen.ram.read32(this.#listed(table.pfn));
    const offset = ((linear >>> 12) % 512) * 8;
    return { address: mfn * PAGE + offset, linear: table.pfn * PAGE + offset };
  }

  /** The machine address of a page's entry in the guest's list of frames, which lies in one run. */
  #listed(pfn: number): number {
    const root = this.xen.scheduler.loaded?.baseFrame ?? this.vcpu.baseFrame;
    const { ram } = this.xen;
    const walk = (linear: number): number => {
      const directory = ram.read32(root * PAGE) & ~0xfff;
      const l1 = ram.read32((directory >>> 0) + (linear >>> 21) * 8) & ~0xfff;
      return ram.read32((l1 >>> 0) + ((linear >>> 12) % 512) * 8) & ~0xfff;
    };
    const linear = this.plan.p2mPfn * PAGE + pfn * 4;
    return (walk(linear) >>> 0) + (linear % PAGE);
  }

  /** The level-1 entry of a linear address, as hexadecimal digits. */
  entry(linear: number): string {
    const { address } = this.entryPlace(linear);
    const digits = (word: number) => word.toString(16).padStart(8, '0');
    return digits(this.xen.ram.read32(address + 4)) + digits(this.xen.ram.read32(address));
  }

  /** Writes bytes where the guest has them. */
  put(linear: number, bytes: readonly number[]): void {
    this.xen.ram.load(this.#place(linear).physical, Uint8Array.from(bytes));
  }

  words(linear: number, values: readonly number[]): void {
    for (const [i, value] of values.entries()) {
      this.xen.ram.write32(this.#place(linear + 4 * i).physical, value);
    }
  }

  word(linear: number): number {
    return this.xen.ram.read32(this.#place(linear).physical);
  }

  /** Makes a hypercall; the answer as a signed number. */
  call(number: number, ...registers: number[]): number {
    const [ebx = 0, ecx = 0, edx = 0, esi = 0, edi = 0] = registers;
    const caller = this.xen.callerOf(this.vcpu);
    return this.xen.carryOut(caller, number, ebx, ecx, edx, esi, edi) | 0;
  }

  /** Executes code from `CODE` on, so many instructions. */
  execute(bytes: readonly number[], instructions: number): void {
    this.put(CODE, bytes);
    this.xen.cpu.state.eip = CODE;
    this.xen.cpu.forgetPlace();
    this.xen.run(instructions);
  }
}
