/**
 * Decoded instructions, kept by the page they were decoded from.
 *
 * A code page is a physical frame seen at one linear page through one code segment. Inside it
 * jumps are linked record to record; a jump out of it is looked up each time through the code
 * table of the TLB, so that a change of mapping needs no search for links. A write to bytes that
 * were decoded turns all records of their frame into stubs that look themselves up again.
 * Nothing here is state of the machine: it may be dropped at any time.
 */

import {
  ARENA_SIZE,
  FRAME,
  type LinearMemory,
  PAGE_SIZE,
  REGION,
} from '../memory/linear-memory.ts';
import type { Ram } from '../memory/ram.ts';
import type { Tlb } from '../memory/tlb.ts';
import { FIRST_FORM, HANDLER } from './cold-tier/handlers.ts';
import {
  type Decoded,
  type DecodeMode,
  decode,
  LONGEST,
  registerAddressOf,
  type Undecodable,
} from './decoder.ts';
import type { Forms } from './form.ts';
import type { GuestAccess } from './guest-access.ts';
import type { OpcodeMap } from './opcode-map.ts';
import { RECORD, RECORD_SIZE, type RecordField, STUB_SIZE } from './record.ts';
import { EXIT, STATE, type State, segmentAddress } from './state.ts';

/** What of the segments decoding depends on. */
export interface CodeContext extends DecodeMode {
  readonly base: number;
  readonly limit: number;
}

interface CodePage {
  readonly context: CodeContext;
  readonly frame: number;
  /** Linear address of its first byte. */
  readonly linear: number;
  /** Address of its 4096 words: the record of the instruction that begins at each byte. */
  readonly map: number;
}

const MAP_SIZE = 4 * PAGE_SIZE;
/** How many instructions are decoded ahead. */
const RUN = 48;
const RESERVE = MAP_SIZE + (RUN + 4) * (RECORD_SIZE + 2 * STUB_SIZE);
const GENERAL_PROTECTION = 13;
const UNDEFINED_OPCODE = 6;
const NEVER = 0xffff_ffff;
/** The stub that leaves with a fault or stop already noted; one is enough. */
const STOP_STUB = REGION.arena;
const FIRST = REGION.arena + RECORD_SIZE;
const END = REGION.arena + ARENA_SIZE;

export class CodeCache {
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly #ram: Ram;
  readonly #tlb: Tlb;
  readonly #state: State;
  readonly #access: GuestAccess;
  readonly #map: OpcodeMap;
  readonly #forms: Forms;
  /** Records and maps grow up, stubs grow down. */
  #top = FIRST;
  #bottom = END;
  #pages = new Map<string, CodePage>();
  readonly #byFrame = new Map<number, { pages: CodePage[]; covered: Uint8Array }>();
  /** Crossing records by the frame of their second page. */
  readonly #crossings = new Map<number, number[]>();
  /** Linear addresses at which to ask before executing. */
  readonly breakpoints = new Set<number>();
  /** How many instructions were decoded, and how often everything was dropped: for reports. */
  readonly counts = { decoded: 0, flushes: 0 };

  constructor(
    memory: LinearMemory,
    ram: Ram,
    tlb: Tlb,
    state: State,
    access: GuestAccess,
    map: OpcodeMap,
    forms: Forms,
  ) {
    this.#u32 = memory.u32;
    this.#u8 = memory.u8;
    this.#ram = ram;
    this.#tlb = tlb;
    this.#state = state;
    this.#access = access;
    this.#map = map;
    this.#forms = forms;
    ram.onCodeWrite((address, length) => this.#written(address, length));
  }

  /** The context that the segment registers make now. */
  context: CodeContext = { base: 0, limit: 0xffff_ffff, is32: true, isFlat: true };
  /** The contexts that the two code tables were last used with. */
  readonly #contextOf: [CodeContext, CodeContext] = [this.context, this.context];

  /** To be called when segment registers or the privilege level have changed. Hot. */
  enter(base: number, limit: number, is32: boolean, isFlat: boolean): void {
    const user = this.#user;
    const last = this.#contextOf[user];
    if (isSame(last, base, limit, is32, isFlat)) {
      this.context = last;
      return;
    }
    if (!isSame(this.context, base, limit, is32, isFlat)) {
      this.context = { base, limit, is32, isFlat };
    }
    this.#contextOf[user] = this.context;
    this.#tlb.withholdCode(user);
  }

  /** The record for `eip`, decoding if need be. After a fault: a stub that leaves. */
  find(eip: number): number {
    if (this.#bottom - this.#top < RESERVE) {
      this.flush();
    }
    if (eip >>> 0 > this.context.limit) {
      return this.#faultStub(eip, GENERAL_PROTECTION);
    }
    const linear = (eip + this.context.base) >>> 0;
    const map = this.#mapOf(linear);
    if (map === 0) {
      return this.stopStub(eip);
    }
    if (map === NEVER) {
      return this.#faultStub(eip, UNDEFINED_OPCODE); // ones, where no RAM is
    }
    const known = this.#u32[(map >>> 2) + (linear & 0xfff)] as number;
    return known === 0 ? this.#decodeRun(map, linear) : known;
  }

  /** The record that a link stub leads to; the jump is patched when it stays in its page. */
  link(stub: number): number {
    const at = stub >>> 2;
    const [eip, source, map] = [this.#u32[at + 1], this.#u32[at + 2], this.#u32[at + 3]];
    if ((eip as number) > this.context.limit) {
      // The jump itself faults (SDM 2A, JMP), so it has not been executed.
      this.#state.budget++;
      const jump = ((source as number) + RECORD.eip) >>> 2;
      return this.#faultStub(this.#u32[jump] as number, GENERAL_PROTECTION);
    }
    const flushes = this.counts.flushes;
    const record = this.find(eip as number);
    const linear = ((eip as number) + this.context.base) >>> 0;
    const isSamePage = this.#tlb.codes[this.#user][linear >>> 12] === map;
    if (isSamePage && this.counts.flushes === flushes && this.#handlerOf(record) !== HANDLER.stop) {
      this.#u32[((source as number) + RECORD.taken) >>> 2] = record;
    }
    return record;
  }

  /** The record of a page-crossing instruction, after a look at its second page. */
  crossing(record: number): number {
    const eip = this.#u32[(record + RECORD.eip) >>> 2] as number;
    const linear = (eip + this.context.base) >>> 0;
    const next = (linear + PAGE_SIZE - (linear & 0xfff)) >>> 0;
    const translation = this.#access.translate(next, 'fetch', this.#user === 1);
    if (translation === 0) {
      return this.stopStub(eip);
    }
    const frame = translation >>> 8;
    const real = record + RECORD_SIZE;
    if (this.#u32[(record + RECORD.a) >>> 2] === frame) {
      return real;
    }
    return this.#decodeCrossing(record, linear, frame);
  }

  /** Drops everything. Only between instructions, or where no record is used afterwards. */
  flush(): void {
    this.#u32.fill(0, FIRST >>> 2, this.#top >>> 2);
    this.#top = FIRST;
    this.#bottom = END;
    this.#pages.clear();
    this.#crossings.clear();
    for (const frame of this.#byFrame.keys()) {
      this.#ram.clearFlags(frame, FRAME.code);
    }
    this.#byFrame.clear();
    this.#tlb.withholdCode(0);
    this.#tlb.withholdCode(1);
    this.counts.flushes++;
  }

  get #user(): 0 | 1 {
    return this.#state.cpl === 3 ? 1 : 0;
  }

  #handlerOf(record: number): number {
    return this.#u32[record >>> 2] as number;
  }

  /** The code map of a linear page; 0 after a page fault, NEVER where no RAM is. */
  #mapOf(linear: number): number {
    const page = linear >>> 12;
    const user = this.#user;
    const known = this.#tlb.codes[user][page] as number;
    if (known !== 0) {
      return known;
    }
    const translation = this.#access.translate(linear, 'fetch', user === 1);
    if (translation === 0) {
      return 0;
    }
    const frame = translation >>> 8;
    if (!this.#ram.has(frame)) {
      return NEVER;
    }
    const { map } = this.#page(frame, (page << 12) >>> 0);
    this.#tlb.codes[user][page] = map;
    return map;
  }

  #page(frame: number, linear: number): CodePage {
    const { base, limit, is32, isFlat } = this.context;
    const key = `${frame}.${linear}.${base}.${limit}.${is32}.${isFlat}`;
    const known = this.#pages.get(key);
    if (known !== undefined) {
      return known;
    }
    const page = { context: this.context, frame, linear, map: this.#top };
    this.#top += MAP_SIZE;
    this.#pages.set(key, page);
    this.#ofFrame(frame).pages.push(page);
    return page;
  }

  #ofFrame(frame: number): { pages: CodePage[]; covered: Uint8Array } {
    let entry = this.#byFrame.get(frame);
    if (entry === undefined) {
      entry = { pages: [], covered: new Uint8Array(PAGE_SIZE) };
      this.#byFrame.set(frame, entry);
    }
    return entry;
  }

  /** Notes that instructions come from these bytes of a frame. */
  #cover(frame: number, from: number, to: number): void {
    this.#ofFrame(frame).covered.fill(1, from, to);
    if (!(this.#ram.flagsOf(frame) & FRAME.code)) {
      this.#ram.setFlags(frame, FRAME.code);
      this.#tlb.withholdWrites(frame);
    }
  }

  #written(address: number, length: number): void {
    const frame = address >>> 12;
    const entry = this.#byFrame.get(frame);
    const offset = address & 0xfff;
    if (entry === undefined || !entry.covered.subarray(offset, offset + length).includes(1)) {
      return;
    }
    entry.covered.fill(0);
    for (const page of entry.pages) {
      this.#forget(page);
    }
    for (const record of this.#crossings.get(frame) ?? []) {
      this.#u32[(record + RECORD.a) >>> 2] = NEVER;
    }
    this.#crossings.delete(frame);
    this.#ram.clearFlags(frame, FRAME.code);
  }

  /** Turns all records of a page into stubs that look themselves up. */
  #forget({ map }: CodePage): void {
    const first = map >>> 2;
    for (let i = first; i < first + PAGE_SIZE; i++) {
      const record = this.#u32[i] as number;
      if (record !== 0) {
        this.#u32[record >>> 2] = HANDLER.cross;
        this.#u32[i] = 0;
      }
    }
  }

  #allocate(size: number): number {
    const at = this.#top;
    this.#top += size;
    return at;
  }

  #stub(handler: number, eip: number, source: number, map: number): number {
    this.#bottom -= STUB_SIZE;
    const at = this.#bottom >>> 2;
    this.#u32[at] = handler;
    this.#u32[at + 1] = eip;
    this.#u32[at + 2] = source;
    this.#u32[at + 3] = map;
    return this.#bottom;
  }

  /** Notes a fault without error code or with 0, and answers a stub that leaves at `eip`. */
  #faultStub(eip: number, vector: number): number {
    this.#state.faultVector = vector;
    this.#state.faultError = 0;
    this.#state.exit = EXIT.fault;
    return this.stopStub(eip);
  }

  /** Leaves at `eip` before anything is executed there. */
  stopStub(eip: number): number {
    this.#u32[STOP_STUB >>> 2] = HANDLER.stop;
    this.#u32[(STOP_STUB >>> 2) + 1] = eip;
    return STOP_STUB;
  }

  /** Falls into another page, at the end of a run of records. */
  #fallTo(eip: number): void {
    const at = this.#allocate(STUB_SIZE);
    this.#u32[at >>> 2] = HANDLER.cross;
    this.#u32[(at >>> 2) + 1] = eip;
    this.#top = (this.#top + RECORD_SIZE - 1) & -RECORD_SIZE;
  }

  #set(record: number, field: RecordField, value: number): void {
    this.#u32[(record + RECORD[field]) >>> 2] = value;
  }

  /** Decodes from `linear` to the end of the straight run, within its page. */
  #decodeRun(map: number, start: number): number {
    const frame = this.#frameOf(start);
    const host = REGION.ram + frame * PAGE_SIZE;
    const pageBytes = this.#u8.subarray(host, host + PAGE_SIZE);
    let first = 0;
    let linear = start;
    for (let count = 0; count < RUN; count++) {
      const offset = linear & 0xfff;
      const known = this.#u32[(map >>> 2) + offset] as number;
      if (known !== 0) {
        const stub = this.#allocate(RECORD_SIZE);
        this.#set(stub, 'handler', HANDLER.goto);
        this.#set(stub, 'eip', this.#eipOf(linear));
        this.#set(stub, 'taken', known);
        return first;
      }
      const record = this.#decodeOne(map, frame, pageBytes, linear);
      first ||= record.at;
      if (record.ends) {
        return first;
      }
      linear = (linear + record.length) >>> 0;
      if ((linear & 0xfff) === 0 || linear >>> 12 !== start >>> 12) {
        break;
      }
    }
    this.#fallTo(this.#eipOf(linear));
    return first;
  }

  #frameOf(linear: number): number {
    return this.#tlb.find(linear >>> 12) >>> 8;
  }

  #eipOf(linear: number): number {
    return (linear - this.context.base) >>> 0;
  }

  #decodeOne(
    map: number,
    frame: number,
    pageBytes: Uint8Array,
    linear: number,
  ): { at: number; length: number; ends: boolean } {
    const offset = linear & 0xfff;
    const eip = this.#eipOf(linear);
    const untilLimit = this.context.limit - eip + 1;
    const isLimited = offset + untilLimit <= PAGE_SIZE;
    const bytes = isLimited ? pageBytes.subarray(0, offset + untilLimit) : pageBytes;
    const decoded = decode(this.#map, bytes, offset, this.context);
    this.#placeBreakpoint(map, linear);
    const at = this.#allocate(RECORD_SIZE);
    this.#enter(map, linear, at);
    this.#set(at, 'eip', eip);
    if ('entry' in decoded) {
      this.#cover(frame, offset, offset + decoded.length);
      this.#fill(at, decoded, linear, map);
      const ends = decoded.entry.instruction.ends === true;
      return { at: this.#entered(map, linear), length: decoded.length, ends };
    }
    this.#cover(frame, offset, Math.min(PAGE_SIZE, offset + LONGEST));
    if (decoded.kind === 'truncated' && !isLimited) {
      this.#set(at, 'handler', HANDLER.crossing);
      this.#set(at, 'a', NEVER);
      this.#allocate(RECORD_SIZE); // the instruction itself
      this.#fallTo(0); // what follows it, known when it is decoded
    } else {
      this.#fillRaise(at, decoded);
    }
    return { at: this.#entered(map, linear), length: 1, ends: true };
  }

  #placeBreakpoint(map: number, linear: number): void {
    if (this.breakpoints.has(linear)) {
      const at = this.#allocate(RECORD_SIZE);
      this.#set(at, 'handler', HANDLER.breakpoint);
      this.#set(at, 'eip', this.#eipOf(linear));
      this.#enter(map, linear, at);
    }
  }

  /** The first record for an address wins: a breakpoint stands before its instruction. */
  #enter(map: number, linear: number, at: number): void {
    const index = (map >>> 2) + (linear & 0xfff);
    if (this.#u32[index] === 0) {
      this.#u32[index] = at;
    }
  }

  #entered(map: number, linear: number): number {
    return this.#u32[(map >>> 2) + (linear & 0xfff)] as number;
  }

  #fillRaise(at: number, reason: Undecodable): void {
    this.#set(at, 'handler', HANDLER.raise);
    const isUndefined = reason.kind === 'undefined';
    this.#set(at, 'immediate', isUndefined ? UNDEFINED_OPCODE : GENERAL_PROTECTION);
    this.#set(at, 'immediate2', 0);
  }

  #decodeCrossing(record: number, linear: number, frame: number): number {
    const eip = this.#eipOf(linear);
    if (!this.#ram.has(frame)) {
      return this.#faultStub(eip, UNDEFINED_OPCODE);
    }
    const firstFrame = this.#frameOf(linear);
    const offset = linear & 0xfff;
    const head = this.#ram.bytes(firstFrame * PAGE_SIZE + offset, PAGE_SIZE - offset);
    const tail = this.#ram.bytes(frame * PAGE_SIZE, LONGEST);
    const bytes = Uint8Array.from([...head, ...tail]);
    const limited = bytes.subarray(0, Math.min(bytes.length, this.context.limit - eip + 1));
    const decoded = decode(this.#map, limited, 0, this.context);
    const real = record + RECORD_SIZE;
    this.#set(real, 'eip', eip);
    if ('entry' in decoded) {
      this.#fill(real, decoded, linear, 0);
      this.#u32[((real + RECORD_SIZE) >>> 2) + 1] = this.#eipOf(linear + decoded.length);
    } else {
      this.#fillRaise(real, decoded);
    }
    this.#cover(frame, 0, LONGEST);
    this.#set(record, 'a', frame);
    this.#crossings.set(frame, [...(this.#crossings.get(frame) ?? []), record]);
    return real;
  }

  /** Writes what the handler of an instruction reads. */
  #fill(at: number, decoded: Decoded, linear: number, map: number): void {
    const eip = this.#eipOf(linear);
    const nextEip = (eip + decoded.length) >>> 0;
    this.counts.decoded++;
    this.#set(at, 'handler', FIRST_FORM + this.#forms.numberOf(decoded));
    this.#set(at, 'nextEip', nextEip);
    this.#set(at, 'mask', decoded.address32 ? 0xffff_ffff : 0xffff);
    const segment = decoded.prefixes.segment ?? 3;
    this.#set(at, 'segment', segmentAddress(segment, 'selector'));
    this.#set(at, 'immediate2', decoded.selector);
    for (const operand of decoded.operands) {
      const { kind, slot } = operand.operand;
      switch (kind) {
        case 'register':
        case 'vector':
          this.#set(at, slot === 0 ? 'a' : 'b', registerAddressOf(operand));
          break;
        case 'number':
          this.#set(at, slot === 0 ? 'a' : 'b', operand.register);
          break;
        case 'immediate':
          this.#set(at, slot === 0 ? 'immediate' : 'immediate2', operand.value);
          break;
        case 'target':
          this.#fillTarget(at, decoded, (nextEip + operand.value) >>> 0, linear, map);
          break;
        case 'one':
        case 'count':
          break;
        default:
          this.#fillMemory(at, operand.memory as NonNullable<typeof operand.memory>);
      }
    }
  }

  #fillMemory(at: number, memory: NonNullable<Decoded['operands'][number]['memory']>): void {
    const register = (index: number | undefined): number =>
      index === undefined ? STATE.zero : STATE.eax + 4 * index;
    this.#set(at, 'base', register(memory.base));
    this.#set(at, 'index', register(memory.index));
    this.#set(at, 'scale', memory.scale);
    this.#set(at, 'displacement', memory.displacement);
    this.#set(at, 'segment', segmentAddress(memory.segment, 'selector'));
  }

  #fillTarget(at: number, decoded: Decoded, eip: number, linear: number, map: number): void {
    const target = decoded.size === 2 ? eip & 0xffff : eip;
    this.#set(at, 'immediate', target);
    const page = ((target + this.context.base) >>> 12) & 0xf_ffff;
    const isInPage = map !== 0 && page === linear >>> 12;
    const isOutside = target > this.context.limit;
    const handler = isInPage || isOutside ? HANDLER.link : HANDLER.cross;
    this.#set(at, 'taken', this.#stub(handler, target, at, map));
  }
}

const isSame = (
  context: CodeContext,
  base: number,
  limit: number,
  is32: boolean,
  isFlat: boolean,
): boolean =>
  context.base === base &&
  context.limit === limit &&
  context.is32 === is32 &&
  context.isFlat === isFlat;
