/**
 * Entering the guest at a handler of its own: exceptions, software interrupts, upcalls, NMIs and
 * the failsafe callback all arrive with the same frame on the ring-1 stack.
 *
 * From the top of the stack downwards, in words:
 *
 *     [SS, ESP  only from an outer ring] EFLAGS, CS | saved upcall mask << 16, EIP
 *     [error code, or GS, FS, ES, DS of the failsafe callback]
 *
 * The IF that is pushed is the inverse of the saved mask: a guest's interrupt flag is its mask.
 * Xen: `create_bounce_frame`.
 */

import { FLAT_RING1_CS } from '../../abi/arch-x86-32.ts';
import { VMASST_TYPE, vcpu_info } from '../../abi/xen.ts';
import {
  type Descriptor,
  isCode,
  isPresent,
  isWritableData,
  privilegeOf,
} from '../../cpu/descriptor.ts';
import { EFLAGS, eflagsOf } from '../../cpu/flags.ts';
import { CS, DS, ES, FS, GS, SS } from '../../cpu/state.ts';
import {
  setNull,
  setPrivilege,
  setSegment,
  updateSegments,
} from '../../cpu/system/segmentation.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { needsDelivery, setUpcallMask, upcallMask } from '../events/event-delivery.ts';
import { findGuestDescriptor } from '../selectors.ts';
import { type Operation, runStages, type Stage } from '../stage.ts';
import type { Xen } from '../xen.ts';

/** What the stages of an entry work on. One for each hypervisor, used again and again. */
export interface Entry {
  readonly xen: Xen;
  target: Vcpu;
  domain: number;
  vcpu: number;
  cs: number;
  eip: number;
  masks: boolean;
  /** EFLAGS of the interrupted program, with RF as it is to be pushed. */
  flags: number;
  /** Pushed below the frame: an error code, or the selectors of the failsafe callback. */
  readonly extra: Int32Array;
  extraCount: number;
  /** DS, ES, FS and GS are null afterwards. */
  dropsSegments: boolean;
  savedMask: number;
  /** The stack, as the stage that chooses it found it. */
  stackBase: number;
  stackPointer: number;
  stackSelector: number;
  stackDescriptor: Descriptor | undefined;
}

export function makeEntry(xen: Xen, target: Vcpu): Entry {
  return {
    xen,
    target,
    domain: 0,
    vcpu: 0,
    cs: 0,
    eip: 0,
    masks: false,
    flags: 0,
    extra: new Int32Array(4),
    extraCount: 0,
    dropsSegments: false,
    savedMask: 0,
    stackBase: 0,
    stackPointer: 0,
    stackSelector: 0,
    stackDescriptor: undefined,
  };
}

const fromOuterRing = ({ xen }: Entry): boolean => xen.cpu.state.cpl >= 2;

const chooseStack: Stage<Entry> = {
  name: 'choose stack',
  rule: 'A program in ring 2 or 3 is interrupted on the stack that stack_switch named, one in ring 1 on its own.',
  run(entry) {
    const { xen, target } = entry;
    const { state } = xen.cpu;
    entry.savedMask = upcallMask(xen, target);
    if (!fromOuterRing(entry)) {
      entry.stackBase = state.ssBase;
      entry.stackPointer = state.esp;
      entry.stackDescriptor = undefined;
      return 'next';
    }
    const descriptor = findGuestDescriptor(xen.cpu, target.kernelSs);
    const isStack =
      descriptor !== undefined &&
      isPresent(descriptor) &&
      isWritableData(descriptor) &&
      privilegeOf(descriptor) === (target.kernelSs & 3);
    if (!isStack) {
      const selector = target.kernelSs.toString(16);
      xen.crash(target.domain, `its kernel stack segment ${selector} is no stack of its ring.`);
      return 'done';
    }
    entry.stackBase = xen.baseOfDescriptor(descriptor);
    entry.stackPointer = target.kernelEsp;
    entry.stackSelector = target.kernelSs;
    entry.stackDescriptor = descriptor;
    return 'next';
  },
};

/** Nothing beyond these bits of EFLAGS is the guest's. */
function flagsToPush({ flags, savedMask, target }: Entry): number {
  const iopl = target.domain.hasAssist(VMASST_TYPE.architectural_iopl) ? target.iopl << 12 : 0;
  const enabled = savedMask === 0 ? EFLAGS.interrupt : 0;
  return ((flags & ~(EFLAGS.interrupt | EFLAGS.privilege)) | iopl | enabled) >>> 0;
}

const FRAME = new Int32Array(16);

const pushFrame: Stage<Entry> = {
  name: 'push frame',
  rule: 'The frame is written below the stack pointer; a stack that cannot be written ends the domain.',
  run(entry) {
    const { xen, target, extra, extraCount, savedMask } = entry;
    const { state } = xen.cpu;
    let count = 0;
    while (count < extraCount) {
      FRAME[count] = extra[count] as number;
      count += 1;
    }
    FRAME[count++] = state.eip;
    FRAME[count++] = state.csSelector | (savedMask << 16);
    FRAME[count++] = flagsToPush(entry);
    if (entry.stackDescriptor !== undefined) {
      FRAME[count++] = state.esp;
      FRAME[count++] = state.ssSelector;
    }
    const pointer = (entry.stackPointer - 4 * count) >>> 0;
    const linear = (entry.stackBase + pointer) >>> 0;
    if (!xen.memory.writeWords(linear, FRAME, count)) {
      const where = linear.toString(16).padStart(8, '0');
      xen.crash(target.domain, `its stack at ${where} cannot take the frame of a handler.`);
      return 'done';
    }
    entry.stackPointer = pointer;
    return 'next';
  },
};

const setMask: Stage<Entry> = {
  name: 'set mask',
  rule: 'Upcalls, NMIs and trap-table entries with flag 4 set the upcall mask; others leave it.',
  run({ xen, target, masks, savedMask }) {
    if (masks) {
      setUpcallMask(xen, target, savedMask | 1);
    }
    return 'next';
  },
};

const enter: Stage<Entry> = {
  name: 'enter handler',
  rule: 'CS:EIP become the handler’s, SS:ESP the chosen stack, TF, NT, RF and VM are cleared. DS, ES, FS and GS stay.',
  run(entry) {
    const { xen, target, cs, eip } = entry;
    const { cpu } = xen;
    const { state, debug } = cpu;
    const isOutside = state.cpl >= 2;
    if (cs !== state.csSelector || isOutside || state.csRights === 0) {
      const descriptor = findGuestDescriptor(cpu, cs);
      const ring = cs & 3;
      const isGood =
        descriptor !== undefined &&
        ring !== 0 &&
        isCode(descriptor) &&
        isPresent(descriptor) &&
        privilegeOf(descriptor) === ring;
      if (!isGood) {
        xen.crash(target.domain, `its handler’s code segment ${cs.toString(16)} is none.`);
        return 'done';
      }
      setSegment(cpu, CS, cs, descriptor);
      if (entry.stackDescriptor !== undefined) {
        setSegment(cpu, SS, entry.stackSelector, entry.stackDescriptor);
      }
      setPrivilege(cpu, ring);
      updateSegments(cpu);
    }
    state.esp = entry.stackPointer;
    state.eip = eip;
    const cleared = EFLAGS.virtual8086 | EFLAGS.resume | EFLAGS.nestedTask | EFLAGS.trap;
    state.systemFlags = ((state.systemFlags & ~cleared) | EFLAGS.interrupt) >>> 0;
    state.shadow = -1;
    state.repeating = 0;
    debug.clearsResume = false;
    debug.noStep = true;
    if (entry.dropsSegments) {
      for (const segment of [DS, ES, FS, GS]) {
        setNull(cpu, segment, 0);
      }
      updateSegments(cpu);
    }
    return 'next';
  },
};

const STAGES: readonly Stage<Entry>[] = [chooseStack, pushFrame, setMask, enter];

/** Where the guest is, where it will be, and what has been pushed for it. */
const entryFacts: Operation<Entry>['facts'] = (entry) => {
  const { xen, target, cs, eip, extra, extraCount } = entry;
  const { state } = xen.cpu;
  return {
    'cs:eip': address(state.csSelector, state.eip),
    'ss:esp': address(state.ssSelector, state.esp),
    ring: state.cpl,
    handler: address(cs, eip),
    ...(extraCount === 1 ? { errorCode: extra[0] as number } : {}),
    stack: address(entry.stackSelector || state.ssSelector, entry.stackPointer),
    evtchn_upcall_pending: xen.ram.read8(target.info + UPCALL_PENDING),
    evtchn_upcall_mask: upcallMask(xen, target),
    savedMask: entry.savedMask,
    frame: wordsAt(xen, (entry.stackBase + entry.stackPointer) >>> 0),
  };
};

const UPCALL_PENDING = vcpu_info.offsets.evtchn_upcall_pending;

const address = (selector: number, offset: number): string =>
  `${selector.toString(16).padStart(4, '0')}:${offset.toString(16).padStart(8, '0')}`;

/** The words that a handler finds at the top of its stack. */
function wordsAt({ cpu }: Xen, linear: number): string {
  const bytes = cpu.access.peek(linear, 4 * WORDS_SHOWN);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = Array.from({ length: bytes.length >>> 2 }, (_, i) => view.getUint32(4 * i, true));
  return words.map((word) => word.toString(16).padStart(8, '0')).join(' ');
}
const WORDS_SHOWN = 6;

export const TRAP_BOUNCE: Operation<Entry> = {
  name: 'trap bounce',
  stages: STAGES,
  facts: entryFacts,
};

export const EVENT_UPCALL: Operation<Entry> = {
  name: 'event upcall',
  facts: entryFacts,
  stages: [
    {
      name: 'test upcall_pending and upcall_mask',
      rule: 'The upcall is made when an event is pending and upcalls are not masked.',
      run: ({ xen, target }) => (needsDelivery(xen, target) ? 'next' : 'done'),
    },
    ...STAGES,
  ],
};

const FAILSAFE_CALLBACK: Operation<Entry> = {
  name: 'failsafe callback',
  stages: STAGES,
  facts: entryFacts,
};

/**
 * Prepares an entry and runs its stages. Hot.
 *
 * @param cs selector of the handler's code segment
 * @param masks whether the handler begins with upcalls masked
 */
export function enterGuest(
  xen: Xen,
  vcpu: Vcpu,
  operation: Operation<Entry>,
  cs: number,
  eip: number,
  masks: boolean,
  flags: number,
  errorCode: number | undefined,
): void {
  const { entry } = xen;
  entry.target = vcpu;
  entry.domain = vcpu.domain.id;
  entry.vcpu = vcpu.id;
  entry.cs = cs;
  entry.eip = eip;
  entry.masks = masks;
  entry.flags = flags;
  entry.dropsSegments = false;
  entry.extraCount = 0;
  if (errorCode !== undefined) {
    entry.extra[0] = errorCode;
    entry.extraCount = 1;
  }
  runStages(operation, entry, xen.probes);
}

/**
 * The guest hears that what it wanted to return to cannot be loaded: selectors as they were to be.
 * 64-bit Xen enters it through its own flat segments and takes from the data segments only those
 * that could not be loaded; 32-bit Xen takes them all.
 *
 * @param selectors DS, ES, FS and GS, which the registers may not have any more
 */
export function enterFailsafe(
  xen: Xen,
  vcpu: Vcpu,
  selectors: readonly number[] = dataSelectors(xen),
): void {
  const { cs, eip, masks } = vcpu.failsafeCallback;
  const isFlat = vcpu.domain.profile.failsReturnsBy === 'exception';
  if (eip === 0 && !isFlat) {
    xen.crash(
      vcpu.domain,
      'a segment could not be loaded on return to it, and it has no failsafe callback.',
    );
    return;
  }
  const { entry } = xen;
  entry.target = vcpu;
  entry.domain = vcpu.domain.id;
  entry.vcpu = vcpu.id;
  entry.cs = isFlat ? FLAT_RING1_CS : cs;
  entry.eip = eip;
  entry.masks = masks;
  entry.flags = eflagsOf(xen.cpu.state);
  entry.dropsSegments = !isFlat;
  entry.extra.set(selectors);
  entry.extraCount = selectors.length;
  runStages(FAILSAFE_CALLBACK, entry, xen.probes);
}

function dataSelectors({ cpu }: Xen): number[] {
  const { dsSelector, esSelector, fsSelector, gsSelector } = cpu.state;
  return [dsSelector, esSelector, fsSelector, gsSelector];
}
