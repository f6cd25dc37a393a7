/**
 * The short way into a handler and back, when everything on it is flat.
 *
 * Kernels use 32-bit gates to flat segments and a stack that lies in one page that is already
 * known. Then all checks are a dozen compares on words, and nothing is left that could fault.
 * Whatever is not so takes the long way, which comes to the same state (there is a test).
 * Hot: no objects, no calls that fault.
 */

import { ABSENT } from '../../memory/tlb.ts';
import { RIGHTS, RIGHTS_MASK } from '../descriptor.ts';
import type { Event } from '../environment.ts';
import { EFLAGS } from '../flags.ts';
import type { Processor } from '../processor.ts';
import { CS, SS, segmentAddress } from '../state.ts';
import { dropInnerSegments, setPrivilege, updateSegments } from './segmentation.ts';

/** Bits 14:13 of a descriptor's high word. */
const PRIVILEGE_SHIFT = 13;
const WITHOUT_PRIVILEGE = 0xffff_9fff | 0;
/** A code or data segment of 4 GB from 0: present, accessed, 32 bits, readable or writable. */
const FLAT_LOW = 0xffff;
const FLAT_CODE = 0x00cf_9b00;
const FLAT_DATA = 0x00cf_9300;
/** Present 32-bit interrupt or trap gate, whatever its privilege level. */
const GATE_BITS = 0x9e00;
const GATE = 0x8e00;
const TRAP_GATE = 0x0100;
const TSS32 = 0x0800;
const FOUR_GB = 0xffff_ffff;
const BELOW_TOP = FOUR_GB - 15;
const ALL_PAGES = 0x10_0000;

const CS_WORD = segmentAddress(CS, 'selector') >>> 2;
const SS_WORD = segmentAddress(SS, 'selector') >>> 2;

/** What of a descriptor's high word says no to the short way. */
const NO = -1;

/** The high word of a selector's descriptor in the GDT if it is flat, otherwise `NO`. */
function flatDescriptor(cpu: Processor, selector: number, kind: number): number {
  const { state } = cpu;
  const offset = selector & 0xfff8;
  if (selector & 4 || offset === 0 || offset + 7 > state.gdtLimit) {
    return NO;
  }
  const address = (state.gdtBase + offset) | 0;
  const low = cpu.systemWord(address);
  const high = cpu.systemWord((address + 4) | 0);
  const isFlat = low === FLAT_LOW && high !== undefined && (high & WITHOUT_PRIVILEGE) === kind;
  return isFlat ? (high as number) : NO;
}

const privilegeOf = (high: number): number => (high >>> PRIVILEGE_SHIFT) & 3;

function setFlat(
  words: Uint32Array,
  at: number,
  selector: number,
  high: number,
  isCode: boolean,
): void {
  const pages = isCode ? 0 : ALL_PAGES;
  words[at] = selector;
  words[at + 3] = (high & RIGHTS_MASK) | RIGHTS.valid;
  if (words[at + 1] !== 0 || words[at + 2] !== FOUR_GB || words[at + 6] !== pages) {
    words[at + 1] = 0;
    words[at + 2] = FOUR_GB;
    words[at + 6] = pages;
  }
  words[at + 4] = BELOW_TOP;
  words[at + 5] = isCode ? 0 : BELOW_TOP;
}

/**
 * Whether `bytes` below `top` lie in one page that may be written, and are aligned. Answers their
 * word index in linear memory, or `NO`.
 */
function frameBelow(cpu: Processor, top: number, bytes: number, isUser: boolean): number {
  const end = top >>> 0;
  const first = end - bytes;
  if (end & 3 || first < 0 || first >>> 12 !== (end - 1) >>> 12) {
    return NO;
  }
  const entry = cpu.tlb.writes[isUser ? 1 : 0][first >>> 12] as number;
  return entry & ABSENT ? NO : ((entry ^ first) >>> 0) >>> 2;
}

/** Whether the program runs in flat segments, the precondition of both ways. */
const isFlat = ({ code, state, takesShortWays }: Processor): boolean =>
  takesShortWays && code.context.isFlat && state.csBase === 0;

/** Whether the task state segment tells a stack for an inner ring. */
const hasInnerStack = ({ trRights, trLimit }: Processor['state'], ring: number): boolean =>
  (trRights & (TSS32 | RIGHTS.valid)) === (TSS32 | RIGHTS.valid) && 9 + 8 * ring <= trLimit;

/** The high word of the descriptor of a stack for a ring, or `NO`. */
function flatStack(cpu: Processor, selector: number, ring: number): number {
  const high = flatDescriptor(cpu, selector, FLAT_DATA);
  return (selector & 3) === ring && high !== NO && privilegeOf(high) === ring ? high : NO;
}

/** Whether a gate is an interrupt or trap gate that lets an event pass. */
const isOpen = (gateHigh: number, { kind }: Event, cpl: number): boolean =>
  (gateHigh & GATE_BITS) === GATE && (kind !== 'software' || privilegeOf(gateHigh) >= cpl);

/** What came of an attempt to enter a handler; `no`: nothing has been done. */
export const ENTRY = { no: 0, throughInterruptGate: 1, throughTrapGate: 2 } as const;

/** Whether code and stack segment reach over 4 GB, so that decoding stays as it was. */
const isWhollyFlat = ({ code, state }: Processor): boolean =>
  code.context.limit === FOUR_GB && code.context.is32 && state.ssFlatPages === ALL_PAGES;

/** Works out what the change of segments means for decoding, if it means anything. */
function settle(cpu: Processor, ring: number, staysAsItWas: boolean): void {
  if (!staysAsItWas || !cpu.code.holdsFor(ring === 3)) {
    updateSegments(cpu);
  }
}

/** Enters the handler of an event. @param flags as they are to be pushed */
export function enterQuickly(cpu: Processor, event: Event, flags: number): number {
  const { state } = cpu;
  const { words, cpl } = state;
  const { vector, errorCode } = event;
  if (!isFlat(cpu) || vector * 8 + 7 > state.idtLimit) {
    return ENTRY.no;
  }
  const address = (state.idtBase + vector * 8) | 0;
  const gateLow = cpu.systemWord(address);
  const gateHigh = cpu.systemWord((address + 4) | 0);
  if (gateLow === undefined || gateHigh === undefined) {
    return ENTRY.no;
  }
  if (!isOpen(gateHigh, event, cpl)) {
    return ENTRY.no;
  }
  const selector = gateLow >>> 16;
  const codeHigh = flatDescriptor(cpu, selector, FLAT_CODE);
  const ring = privilegeOf(codeHigh);
  if (codeHigh === NO || ring > cpl) {
    return ENTRY.no;
  }
  let top = state.esp | 0;
  let stackSelector = 0;
  let stackHigh = NO;
  if (ring < cpl) {
    const at = (state.trBase + 4 + 8 * ring) | 0;
    const pointer = cpu.systemWord(at);
    const stackWord = cpu.systemWord((at + 4) | 0);
    if (!hasInnerStack(state, ring) || pointer === undefined || stackWord === undefined) {
      return ENTRY.no;
    }
    stackSelector = stackWord & 0xffff;
    stackHigh = flatStack(cpu, stackSelector, ring);
    if (stackHigh === NO) {
      return ENTRY.no;
    }
    top = pointer;
  }
  const extra = errorCode === undefined ? 0 : 1;
  const count = extra + (ring < cpl ? 5 : 3);
  const frame = frameBelow(cpu, top, 4 * count, ring === 3);
  if (frame === NO) {
    return ENTRY.no;
  }
  // From here on nothing can be refused.
  const staysAsItWas = isWhollyFlat(cpu);
  if (errorCode !== undefined) {
    words[frame] = errorCode;
  }
  words[frame + extra] = event.eip;
  words[frame + extra + 1] = state.csSelector;
  words[frame + extra + 2] = flags;
  if (ring < cpl) {
    words[frame + extra + 3] = state.esp;
    words[frame + extra + 4] = state.ssSelector;
    setFlat(words, SS_WORD, stackSelector, stackHigh, false);
  }
  state.esp = (top >>> 0) - 4 * count;
  setFlat(words, CS_WORD, (selector & ~3) | ring, codeHigh, true);
  if (ring !== cpl) {
    setPrivilege(cpu, ring);
  }
  settle(cpu, ring, staysAsItWas);
  state.eip = ((gateLow & 0xffff) | (gateHigh & 0xffff_0000)) >>> 0;
  return gateHigh & TRAP_GATE ? ENTRY.throughTrapGate : ENTRY.throughInterruptGate;
}

/** Leaves a handler by a 32-bit iret. Answers EFLAGS as popped, or undefined: nothing was done. */
export function returnQuickly(cpu: Processor): number | undefined {
  const { state } = cpu;
  const { words, cpl, esp } = state;
  const isUser = cpl === 3;
  const entry = cpu.tlb.reads[isUser ? 1 : 0][esp >>> 12] as number;
  const isPlain = isFlat(cpu) && !(esp & 3) && (esp & 0xfff) <= 4096 - 20 && !(entry & ABSENT);
  if (!isPlain || state.systemFlags & EFLAGS.nestedTask) {
    return undefined;
  }
  const frame = ((entry ^ esp) >>> 0) >>> 2;
  const eip = words[frame] as number;
  const selector = (words[frame + 1] as number) & 0xffff;
  const flags = words[frame + 2] as number;
  const ring = selector & 3;
  const codeHigh = flatDescriptor(cpu, selector, FLAT_CODE);
  const isWrong = codeHigh === NO || privilegeOf(codeHigh) !== ring || ring < cpl;
  if (isWrong || flags & EFLAGS.virtual8086) {
    return undefined;
  }
  let staysAsItWas = isWhollyFlat(cpu);
  if (ring === cpl) {
    state.esp = (esp + 12) >>> 0;
  } else {
    const stackSelector = (words[frame + 4] as number) & 0xffff;
    const stackHigh = flatStack(cpu, stackSelector, ring);
    if (stackHigh === NO) {
      return undefined;
    }
    state.esp = words[frame + 3] as number;
    setFlat(words, SS_WORD, stackSelector, stackHigh, false);
    setPrivilege(cpu, ring);
    if (dropInnerSegments(cpu)) {
      staysAsItWas = false;
    }
  }
  setFlat(words, CS_WORD, selector, codeHigh, true);
  settle(cpu, ring, staysAsItWas);
  state.eip = eip;
  return flags;
}
