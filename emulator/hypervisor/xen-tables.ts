/**
 * The hypervisor's own descriptor tables, in a space that guests cannot reach.
 *
 * | pages   | what                                                   |
 * |---------|--------------------------------------------------------|
 * | 0 - 13  | the guest's GDT (set_gdt); zero where it has none      |
 * | 14, 15  | Xen's part of the GDT: flat segments of rings 1 and 3  |
 * | 16 - 31 | the guest's LDT, page by page as it is used            |
 * | 32      | task state: the ring-1 stack of the running vCPU       |
 */

import { DOMID } from '../abi/xen.ts';
import { type Context, saveContext, setWord } from '../cpu/context.ts';
import { isPresent, isReadable, privilegeOf, RIGHTS } from '../cpu/descriptor.ts';
import { EFLAGS, flagWords } from '../cpu/flags.ts';
import type { Processor } from '../cpu/processor.ts';
import { DS, ES, FS, GS, type WordName } from '../cpu/state.ts';
import { CR0, CR4, EFER_NXE } from '../cpu/system/control-registers.ts';
import {
  dropInnerSegments,
  isNull,
  setNull,
  setSegment,
  updateSegments,
} from '../cpu/system/segmentation.ts';
import type { Ram } from '../memory/ram.ts';
import type { Domain } from './domains/domain.ts';
import type { Vcpu } from './domains/vcpu.ts';
import type { MachineFrames } from './memory/machine-frames.ts';
import { findGuestDescriptor } from './selectors.ts';
import { failReturn, loadReturnSegments } from './traps/guest-return.ts';
import type { Xen } from './xen.ts';

/** First pages of the parts of the space. */
export const SYSTEM_PAGE = { guest: 0, xen: 14, ldt: 16, task: 32 } as const;

const PAGE = 4096;
const GDT_LIMIT = 0xefff;
const IDT_LIMIT = 0xfff;
const TASK_SELECTOR = 0xe040;
const BUSY_TASK = 0xb00;
/** Too short for a bitmap of ports: no port is open. */
const TASK_LIMIT = 0x66;

/** Descriptors of Xen's page by their offset: ring 1 code, data, ring 3 code, data. */
const FLAT: readonly (readonly [offset: number, high: number])[] = [
  [0x18, 0x00cf_bb00],
  [0x20, 0x00cf_b300],
  [0x28, 0x00cf_fb00],
  [0x30, 0x00cf_f300],
];
const FLAT_LOW = 0xffff;

/** Offsets of the ring-1 stack in a 32-bit task state segment. */
const TASK_STACK = { esp1: 12, ss1: 16 } as const;

/** CR0 as guests read it; CR4's hidden half is the processor's business. */
const GUEST_CR0 = 0x8005_0033;
const GUEST_CR4 = { pae: 0x660, 'two-level': 0x640 } as const;

export class XenTables {
  /** Never written. */
  readonly zeroFrame: number;
  readonly #xenFrame: number;
  readonly #taskFrame: number;
  readonly #pristine: Context;

  readonly #ram: Ram;

  constructor(frames: MachineFrames, cpu: Processor) {
    const [zero, own, task] = [0, 1, 2].map(() => frames.allocate(DOMID.XEN));
    if (zero === undefined || own === undefined || task === undefined) {
      throw new RangeError('The machine has too little memory for the hypervisor itself.');
    }
    frames.scrub(zero);
    frames.scrub(own);
    frames.scrub(task);
    this.zeroFrame = zero;
    this.#xenFrame = own;
    this.#taskFrame = task;
    this.#ram = frames.ram;
    for (const [offset, high] of FLAT) {
      frames.ram.write32(own * PAGE + offset, FLAT_LOW);
      frames.ram.write32(own * PAGE + offset + 4, high);
    }
    this.#pristine = saveContext(cpu);
  }

  /** The frame of one of Xen's own pages. */
  frameOf(page: number): number {
    switch (page) {
      case SYSTEM_PAGE.xen:
        return this.#xenFrame;
      case SYSTEM_PAGE.task:
        return this.#taskFrame;
      default:
        return this.zeroFrame;
    }
  }

  /** Tells the processor the stack that a call gate to ring 1 goes to. */
  setKernelStack({ kernelSs, kernelEsp }: Vcpu): void {
    const start = this.#taskFrame * PAGE;
    this.#ram.write32(start + TASK_STACK.esp1, kernelEsp);
    this.#ram.write32(start + TASK_STACK.ss1, kernelSs);
  }

  /** Registers before the first instruction, still without the guest's own. */
  freshContext({ format }: Domain): Context {
    const context = { words: this.#pristine.words.slice(), inShadow: false };
    setWord(context, 'cr0', (GUEST_CR0 | CR0.paging) >>> 0);
    const paging = format === 'pae' ? CR4.physicalAddressExtension : CR4.pageSizeExtensions;
    setWord(context, 'cr4', paging | CR4.osFxsr | CR4.osXmmExceptions);
    setWord(context, 'efer', format === 'pae' ? EFER_NXE : 0);
    setWord(context, 'edx', 0);
    for (const [name, value] of Object.entries(flagWords(0))) {
      setWord(context, name as WordName, value);
    }
    setWord(context, 'systemFlags', EFLAGS.fixed | EFLAGS.interrupt);
    setWord(context, 'gdtBase', 0);
    setWord(context, 'gdtLimit', GDT_LIMIT);
    setWord(context, 'idtBase', 0);
    setWord(context, 'idtLimit', IDT_LIMIT);
    setWord(context, 'trSelector', TASK_SELECTOR);
    setWord(context, 'trBase', SYSTEM_PAGE.task * PAGE);
    setWord(context, 'trLimit', TASK_LIMIT);
    setWord(context, 'trRights', RIGHTS.valid | RIGHTS.present | BUSY_TASK);
    return context;
  }

  /** CR4 as a guest reads it at first. */
  guestCr4({ format }: Domain): number {
    return GUEST_CR4[format];
  }
}

const SELECTORS = [
  [DS, 'dsSelector'],
  [ES, 'esSelector'],
  [FS, 'fsSelector'],
  [GS, 'gsSelector'],
] as const;

/**
 * Loads the segment registers of a virtual processor that enters its guest for the first time.
 * One that cannot be loaded is the guest's mistake, which it hears of.
 */
export function loadFreshSelectors(xen: Xen, vcpu: Vcpu): void {
  const { cpu } = xen;
  const { state } = cpu;
  if ((state.csSelector & 3) === 0) {
    xen.crash(vcpu.domain, `vCPU ${vcpu.id} is to start in ring 0.`);
    return;
  }
  const refusal = loadReturnSegments(cpu, state.csSelector, state.ssSelector);
  const selectors = SELECTORS.map(([, name]) => state[name]);
  let isFailing = false;
  for (const [index, name] of SELECTORS) {
    isFailing = !loadData(cpu, index, state[name]) || isFailing;
  }
  // What an inner ring alone may have is lost on the way out, and no mistake.
  dropInnerSegments(cpu);
  if (refusal === undefined) {
    updateSegments(cpu);
  }
  if (isFailing) {
    xen.failsafe(vcpu, selectors);
  } else if (refusal !== undefined) {
    failReturn(xen, vcpu, refusal);
  }
}

function loadData(cpu: Processor, index: number, selector: number): boolean {
  if (isNull(selector)) {
    setNull(cpu, index, selector);
    return true;
  }
  const descriptor = findGuestDescriptor(cpu, selector);
  const isGood =
    descriptor !== undefined &&
    isReadable(descriptor) &&
    isPresent(descriptor) &&
    privilegeOf(descriptor) >= (selector & 3);
  if (isGood) {
    setSegment(cpu, index, selector, descriptor);
  } else {
    setNull(cpu, index, 0);
  }
  return isGood;
}
