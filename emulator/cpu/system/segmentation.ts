/**
 * Segment registers: loading them, and what accesses through them may do.
 *
 * Beside base, limit and rights, a register keeps two derived words: below `ReadTop` (`WriteTop`)
 * an access of up to 16 bytes needs no further look. SDM 3A chapter 5.
 */

import { REGION } from '../../memory/linear-memory.ts';
import {
  baseOf,
  type Descriptor,
  isConforming,
  isPresent,
  isReadable,
  isWritableData,
  limitOf,
  privilegeOf,
  RIGHTS,
  RIGHTS_MASK,
} from '../descriptor.ts';
import { VECTOR } from '../exceptions.ts';
import { EFLAGS } from '../flags.ts';
import type { Processor } from '../processor.ts';
import { CS, DS, ES, FS, GS, LONGEST_BELOW_TOP, SS, STATE, segmentAddress } from '../state.ts';

const TOP_OF_MEMORY = 0xffff_ffff;
const MARGIN = LONGEST_BELOW_TOP - 1;
export const LDTR = 6;
export const TR = 7;
const CR0_AM = 0x4_0000;

const wordOf = (address: number): number => address >>> 2;

/** A word of a segment register by its address in the state. */
function word(cpu: Processor, segment: number, offset: number): number {
  return cpu.state.words[wordOf(segment + offset)] as number;
}
const OFFSET = { selector: 0, base: 4, limit: 8, rights: 12, readTop: 16, writeTop: 20 } as const;

/**
 * Whether `size` bytes at `offset` lie within a segment's limit. In a segment of 4 GB an access
 * may go on at 0, which the manual leaves to the processor (SDM 3A §5.3).
 */
export function isWithin(limit: number, rights: number, offset: number, size: number): boolean {
  const last = offset + size - 1;
  if ((rights & (RIGHTS.code | RIGHTS.direction)) === RIGHTS.direction) {
    const top = rights & RIGHTS.big ? TOP_OF_MEMORY : 0xffff;
    return offset > limit && last <= top;
  }
  return last <= limit || limit === TOP_OF_MEMORY;
}

/** #GP(0) or #SS(0) beyond the limit, whatever the segment's rights are. @param segment address in the state */
export function checkReach(cpu: Processor, segment: number, offset: number, size: number): void {
  const rights = word(cpu, segment, OFFSET.rights);
  const limit = word(cpu, segment, OFFSET.limit);
  if (!(rights & RIGHTS.valid) || !isWithin(limit, rights, offset, size)) {
    cpu.fault(segment === STATE.ssSelector ? VECTOR.stack : VECTOR.protection);
  }
}

/** #GP(0) or #SS(0) unless the access is allowed. @param segment address in the state */
export function checkSegment(
  cpu: Processor,
  segment: number,
  offset: number,
  size: number,
  isWrite: boolean,
): void {
  const rights = word(cpu, segment, OFFSET.rights);
  const descriptor = { low: 0, high: rights, address: 0 };
  const isAllowed =
    (rights & RIGHTS.valid) !== 0 &&
    (isWrite ? isWritableData(descriptor) : isReadable(descriptor)) &&
    isWithin(word(cpu, segment, OFFSET.limit), rights, offset, size);
  if (!isAllowed) {
    cpu.fault(segment === STATE.ssSelector ? VECTOR.stack : VECTOR.protection);
  }
}

/** #AC(0) where EFLAGS.AC asks for it (SDM 3A §6.15). */
export function checkAlignment(cpu: Processor, linear: number, size: number): void {
  if (cpu.state.alignmentCheck && linear & (size - 1)) {
    cpu.fault(VECTOR.alignment);
  }
}

/** The linear address of an access through a segment register, after its checks. */
export function linearOf(
  cpu: Processor,
  segment: number,
  offset: number,
  size: number,
  isWrite: boolean,
): number {
  const top = word(cpu, segment, isWrite ? OFFSET.writeTop : OFFSET.readTop);
  if (offset >= top || size > LONGEST_BELOW_TOP) {
    checkSegment(cpu, segment, offset, size, isWrite);
  }
  const linear = (offset + word(cpu, segment, OFFSET.base)) >>> 0;
  checkAlignment(cpu, linear, size);
  return linear;
}

export function writeSegmented(
  cpu: Processor,
  segment: number,
  offset: number,
  size: number,
  value: number,
): void {
  cpu.writeLinear(linearOf(cpu, segment, offset >>> 0, size, true), size, value);
}

// ---- descriptors

/** Reads a descriptor or gate. Hot: words are kept signed, which V8 needs not put into objects. */
export function descriptorAt(cpu: Processor, address: number): Descriptor {
  const low = cpu.readSystem(address, 4) | 0;
  const high = cpu.readSystem(address + 4, 4) | 0;
  return { low, high, address: address | 0 };
}

/** The descriptor that a selector names, or undefined beyond its table or without one. */
export function findDescriptor(cpu: Processor, selector: number): Descriptor | undefined {
  const { state } = cpu;
  const isLocal = (selector & 4) !== 0;
  if (isLocal && !(state.ldtRights & RIGHTS.valid)) {
    return undefined;
  }
  const limit = isLocal ? state.ldtLimit : state.gdtLimit;
  const offset = selector & 0xfff8;
  if (offset + 7 > limit) {
    return undefined;
  }
  const address = ((isLocal ? state.ldtBase : state.gdtBase) + offset) >>> 0;
  return descriptorAt(cpu, address);
}

/** As `findDescriptor`, but raises `vector` with the selector as error code. */
export function descriptorOr(
  cpu: Processor,
  selector: number,
  vector: number = VECTOR.protection,
  external = 0,
): Descriptor {
  return findDescriptor(cpu, selector) ?? cpu.fault(vector, (selector & 0xfffc) | external);
}

/** Sets the accessed bit of a descriptor in its table; answers the descriptor as it is then. */
export function markAccessed(cpu: Processor, descriptor: Descriptor): Descriptor {
  if (descriptor.high & RIGHTS.accessed) {
    return descriptor;
  }
  const { low, address } = descriptor;
  const high = descriptor.high | RIGHTS.accessed;
  cpu.writeSystem(address + 4, high);
  return { low, high, address };
}

export const isNull = (selector: number): boolean => (selector & 0xfffc) === 0;

/** Index into the state's words of each segment register's first word. */
const FIRST_WORD: readonly number[] = Array.from({ length: 8 }, (_, index) =>
  wordOf(segmentAddress(index, 'selector')),
);

/** Puts a descriptor into a segment register; checks have been made. Hot. */
export function setSegment(
  cpu: Processor,
  index: number,
  selector: number,
  descriptor: Descriptor,
): void {
  const at = FIRST_WORD[index] as number;
  const { words } = cpu.state;
  const base = baseOf(descriptor);
  const limit = limitOf(descriptor);
  const rights = (descriptor.high & RIGHTS_MASK) | RIGHTS.valid;
  words[at] = selector & 0xffff;
  if (words[at + 1] !== base || words[at + 2] !== limit || words[at + 3] !== rights) {
    words[at + 1] = base;
    words[at + 2] = limit;
    words[at + 3] = rights;
    derive(words, at);
  }
}

/** Puts a null selector into a segment register: any use will fault. */
export function setNull(cpu: Processor, index: number, selector: number): void {
  const at = FIRST_WORD[index] as number;
  const { words } = cpu.state;
  words[at] = selector & 0xffff;
  words[at + 1] = 0;
  words[at + 2] = 0;
  words[at + 3] = 0;
  derive(words, at);
}

/** Works out the derived words of the segment register whose words begin at `at`. Hot. */
function derive(words: Uint32Array, at: number): void {
  const limit = words[at + 2] as number;
  const rights = words[at + 3] as number;
  const isCodeSegment = (rights & RIGHTS.code) !== 0;
  const isExpandDown = !isCodeSegment && (rights & RIGHTS.direction) !== 0;
  const isUsable = (rights & (RIGHTS.valid | RIGHTS.segment)) === (RIGHTS.valid | RIGHTS.segment);
  const top = !isUsable || isExpandDown || limit < MARGIN ? 0 : limit - MARGIN;
  const isPlain = (rights & RIGHTS.readWrite) !== 0;
  words[at + 4] = isPlain || !isCodeSegment ? top : 0;
  words[at + 5] = isPlain && !isCodeSegment ? top : 0;
  const isFlat = words[at + 1] === 0 && (rights & (FLAT | NOT_FLAT)) === FLAT;
  words[at + 6] = isFlat ? pagesWithin(limit) : 0;
}

const FLAT = RIGHTS.valid | RIGHTS.readWrite;
const NOT_FLAT = RIGHTS.direction | RIGHTS.code;

/** How many whole pages lie within a limit. */
const pagesWithin = (limit: number): number =>
  limit === TOP_OF_MEMORY ? 0x10_0000 : (limit + 1) >>> 12;

/** Loads ES, DS, FS or GS (SDM 2B, MOV: "loading a segment register"). */
function loadDataSegment(cpu: Processor, index: number, selector: number): void {
  if (isNull(selector)) {
    setNull(cpu, index, selector);
    return;
  }
  const code = selector & 0xfffc;
  const descriptor = descriptorOr(cpu, selector);
  if (!isReadable(descriptor)) {
    cpu.fault(VECTOR.protection, code);
  }
  const privilege = privilegeOf(descriptor);
  const isOutside = (selector & 3) > privilege || cpu.state.cpl > privilege;
  if (!isConforming(descriptor) && isOutside) {
    cpu.fault(VECTOR.protection, code);
  }
  if (!isPresent(descriptor)) {
    cpu.fault(VECTOR.notPresent, code);
  }
  setSegment(cpu, index, selector, markAccessed(cpu, descriptor));
}

/** Checks what SS is to be loaded with at privilege level `cpl`; raises `vector` or #SS. */
export function stackDescriptor(
  cpu: Processor,
  selector: number,
  cpl: number,
  vector: number,
  external = 0,
): Descriptor {
  const code = (selector & 0xfffc) | external;
  if (isNull(selector)) {
    cpu.fault(vector, external);
  }
  const descriptor = descriptorOr(cpu, selector, vector, external);
  const isRight =
    (selector & 3) === cpl && privilegeOf(descriptor) === cpl && isWritableData(descriptor);
  if (!isRight) {
    cpu.fault(vector, code);
  }
  if (!isPresent(descriptor)) {
    cpu.fault(VECTOR.stack, code);
  }
  return descriptor;
}

/** mov, pop and lxs: any segment register but CS. */
export function loadSegment(cpu: Processor, index: number, selector: number): void {
  if (index === SS) {
    const descriptor = stackDescriptor(cpu, selector, cpu.state.cpl, VECTOR.protection);
    setSegment(cpu, SS, selector, markAccessed(cpu, descriptor));
  } else {
    loadDataSegment(cpu, index, selector);
  }
  updateSegments(cpu);
}

/** #GP unless an offset lies within a code segment that is not yet in CS. */
export function checkOffset(
  cpu: Processor,
  target: Descriptor,
  offset: number,
  external: number,
): void {
  if (offset > limitOf(target)) {
    cpu.fault(VECTOR.protection, external);
  }
}

/** CS after its checks: the new privilege level becomes its RPL. @param marked as accessed */
export function setCodeSegment(
  cpu: Processor,
  selector: number,
  marked: Descriptor,
  cpl: number,
): void {
  setSegment(cpu, CS, (selector & ~3) | cpl, marked);
}

// ---- what follows from the segment registers

/** Sets the privilege level and what depends on it. `updateSegments` must follow. */
export function setPrivilege(cpu: Processor, cpl: number): void {
  const { state } = cpu;
  state.cpl = cpl;
  const isUser = cpl === 3;
  if (isUser) {
    cpu.tlb.prepareUser();
  }
  state.readTable = isUser ? REGION.readUser : REGION.readSupervisor;
  state.writeTable = isUser ? REGION.writeUser : REGION.writeSupervisor;
  state.codeTable = isUser ? REGION.codeUser : REGION.codeSupervisor;
  updateAlignmentCheck(cpu);
}

/** To be called when CR0, EFLAGS or the privilege level change. */
export function updateAlignmentCheck({ state }: Processor): void {
  const isOn = state.cpl === 3 && state.cr0 & CR0_AM && state.systemFlags & EFLAGS.alignment;
  state.alignmentCheck = isOn ? 1 : 0;
}

/** Works out what decoding and the fast tables need to know of the segment registers. */
export function updateSegments(cpu: Processor): void {
  const { state } = cpu;
  const isWide = (state.ssRights & RIGHTS.big) !== 0;
  state.stackMask = isWide ? 0xffff_ffff : 0xffff;
  const pages = Math.min(state.esFlatPages, state.ssFlatPages, state.dsFlatPages);
  const isFlat = pages > 0 && isWide;
  if (isFlat && pages !== cpu.access.flatPages) {
    if (pages < cpu.access.flatPages) {
      cpu.tlb.withholdData();
    }
    cpu.access.flatPages = pages;
  }
  const is32 = (state.csRights & RIGHTS.big) !== 0;
  cpu.code.enter(state.csBase | 0, state.csLimit | 0, is32, isFlat);
}

const FLAT_CODE = { low: 0xffff, high: 0x00cf_9b00, address: 0 };
const FLAT_DATA = { low: 0xffff, high: 0x00cf_9300, address: 0 };

/** Flat segments of ring 0: selector 8 for code, 16 for data. */
export function resetSegments(cpu: Processor): void {
  for (const index of [ES, SS, DS, 4, 5]) {
    setSegment(cpu, index, 0x10, FLAT_DATA);
  }
  setSegment(cpu, CS, 8, FLAT_CODE);
  setNull(cpu, LDTR, 0);
  setNull(cpu, TR, 0);
  setPrivilege(cpu, 0);
  updateSegments(cpu);
}

/** After a return to an outer ring: data segments of inner rings become null (SDM 2A, IRET). Answers whether any did. */
export function dropInnerSegments(cpu: Processor): boolean {
  const { words, cpl } = cpu.state;
  let isAnyDropped = false;
  for (const index of DATA_SEGMENTS) {
    const rights = words[(FIRST_WORD[index] as number) + 3] as number;
    const isInner = ((rights >>> 13) & 3) < cpl;
    const staysInside = (rights & CONFORMING) === CONFORMING;
    if (rights & RIGHTS.valid && isInner && !staysInside) {
      setNull(cpu, index, 0);
      isAnyDropped = true;
    }
  }
  return isAnyDropped;
}

const DATA_SEGMENTS: readonly number[] = [ES, DS, FS, GS];
const CONFORMING = RIGHTS.segment | RIGHTS.code | RIGHTS.direction;
