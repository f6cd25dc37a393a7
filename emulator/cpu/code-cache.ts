/**
 * Decoded instructions, kept by the page they were decoded from.
 *
 * A code page is a physical frame seen at one linear page through one code segment. Inside it
 * jumps are linked record to record; a jump out of it is looked up each time through the code
 * table of the TLB, so that a change of mapping needs no search for links. A write to bytes that
 * were decoded turns all records of their frame into stubs that look themselves up again.
 * Nothing here is state of the machine: it may be dropped at any time.
 */

import { FRAME, type LinearMemory, PAGE_SIZE, REGION } from '../memory/linear-memory.ts';
import type { Ram } from '../memory/ram.ts';
import type { Tlb } from '../memory/tlb.ts';
import { HANDLER } from './cold-tier/handlers.ts';
import { decode, LONGEST } from './decoder.ts';
import { VECTOR } from './exceptions.ts';
import type { Forms } from './form.ts';
import type { GuestAccess } from './guest-access.ts';
import type { OpcodeMap } from './opcode-map.ts';
import { RECORD_SIZE, STUB_SIZE } from './record.ts';
import { type CodeContext, Records } from './records.ts';
import { EXIT, type State } from './state.ts';

interface CodePage {
  readonly context: CodeContext;
  readonly frame: number;
  /** Linear address of its first byte. */
  readonly linear: number;
  /** Address of its 4096 words: the record of the instruction that begins at each byte. */
  readonly map: number;
  /** At which bytes instructions begin. */
  readonly starts: number[];
}

/** A frame that instructions were decoded from. */
interface CodeFrame {
  /** By the linear page that it was seen at: one for each context. */
  readonly pages: Map<number, CodePage[]>;
  /** Not 0 at each byte of an instruction. */
  readonly covered: Uint8Array;
}

const MAP_SIZE = 4 * PAGE_SIZE;
/** How many instructions are decoded ahead. */
const RUN = 48;
const RESERVE = MAP_SIZE + (RUN + 4) * (RECORD_SIZE + 2 * STUB_SIZE);
const NEVER = 0xffff_ffff;
export class CodeCache {
  readonly #u32: Uint32Array;
  readonly #u8: Uint8Array;
  readonly #ram: Ram;
  readonly #tlb: Tlb;
  readonly #state: State;
  readonly #access: GuestAccess;
  readonly #map: OpcodeMap;
  readonly #records: Records;
  readonly #byMap = new Map<number, CodePage>();
  readonly #byFrame = new Map<number, CodeFrame>();
  /** Crossing records by the frame of their second page. */
  readonly #crossings = new Map<number, number[]>();
  /** Linear addresses at which to ask before executing. */
  readonly breakpoints = new Set<number>();
  /** Physical addresses at which to ask, wherever they are mapped. */
  physicalBreakpoints: ReadonlySet<number> = new Set();
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
    this.#records = new Records(memory, forms);
    ram.onCodeWrite((address, length) => this.#written(address, length));
  }

  /** The context that the segment registers make now. */
  context: CodeContext = { base: 0, limit: 0xffff_ffff, is32: true, isFlat: true };
  /** The contexts that the two code tables were last used with. */
  readonly #contextOf: [CodeContext, CodeContext] = [this.context, this.context];

  /**
   * To be called when segment registers or the privilege level have changed. Hot: base and limit
   * are signed, which need no objects when they are handed on.
   */
  enter(base: number, limit: number, is32: boolean, isFlat: boolean): void {
    const user = this.#user;
    const last = this.#contextOf[user];
    if (isSame(last, base, limit, is32, isFlat)) {
      this.context = last;
      return;
    }
    if (!isSame(this.context, base, limit, is32, isFlat)) {
      this.context = { base: base >>> 0, limit: limit >>> 0, is32, isFlat };
    }
    this.#contextOf[user] = this.context;
    this.#tlb.withholdCode(user);
  }

  /** Whether the code table of user or supervisor mode was last used with the present context. */
  holdsFor(isUser: boolean): boolean {
    return this.#contextOf[isUser ? 1 : 0] === this.context;
  }

  /** The record for `eip`, decoding if need be. After a fault: a stub that leaves. */
  find(eip: number): number {
    if (this.#records.room < RESERVE) {
      this.flush();
    }
    if (eip >>> 0 > this.context.limit) {
      return this.#faultStub(eip, VECTOR.protection);
    }
    const linear = (eip + this.context.base) >>> 0;
    const map = this.#mapOf(linear);
    if (map === 0) {
      return this.#records.stopStub(eip);
    }
    if (map === NEVER) {
      return this.#faultStub(eip, VECTOR.undefined); // ones, where no RAM is
    }
    const known = this.#u32[(map >>> 2) + (linear & 0xfff)] as number;
    return known === 0 ? this.#decodeRun(map, linear) : known;
  }

  /** The record that a link stub leads to; the jump is patched when it stays in its page. */
  link(stub: number): number {
    const { eip, source, map } = this.#records.stub(stub);
    const flushes = this.counts.flushes;
    const record = this.find(eip);
    const linear = (eip + this.context.base) >>> 0;
    const isSamePage = this.#tlb.codes[this.#user][linear >>> 12] === map;
    if (
      isSamePage &&
      this.counts.flushes === flushes &&
      this.#records.get(record, 'handler') !== HANDLER.stop
    ) {
      this.#records.set(source, 'taken', record);
    }
    return record;
  }

  /** The record of a page-crossing instruction, after a look at its second page. */
  crossing(record: number): number {
    const eip = this.#records.get(record, 'eip');
    const linear = (eip + this.context.base) >>> 0;
    const next = (linear + PAGE_SIZE - (linear & 0xfff)) >>> 0;
    const translation = this.#access.translate(next, 'fetch', this.#user === 1);
    if (translation === 0) {
      return this.#records.stopStub(eip);
    }
    const frame = translation >>> 8;
    const real = record + RECORD_SIZE;
    if (this.#records.get(record, 'a') === frame) {
      return real;
    }
    return this.#decodeCrossing(record, linear, frame);
  }

  /** A stub that leaves at `eip` before anything is executed there. */
  stopStub(eip: number): number {
    return this.#records.stopStub(eip);
  }

  /** Drops everything. Only between instructions, or where no record is used afterwards. */
  flush(): void {
    this.#records.clear();
    this.#byMap.clear();
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

  /** Hot: after a change of address space each page that is executed is asked for again. */
  #page(frame: number, linear: number): CodePage {
    const { pages } = this.#ofFrame(frame);
    const seen = pages.get(linear);
    const known = seen?.find(
      ({ context }) => context === this.context || isEqual(context, this.context),
    );
    if (known !== undefined) {
      return known;
    }
    const map = this.#records.allocate(MAP_SIZE);
    const page = { context: this.context, frame, linear, map, starts: [] };
    this.#byMap.set(map, page);
    if (seen === undefined) {
      pages.set(linear, [page]);
    } else {
      seen.push(page);
    }
    return page;
  }

  #ofFrame(frame: number): CodeFrame {
    let entry = this.#byFrame.get(frame);
    if (entry === undefined) {
      entry = { pages: new Map(), covered: new Uint8Array(PAGE_SIZE) };
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
    for (const pages of entry.pages.values()) {
      for (const page of pages) {
        this.#forget(page);
      }
    }
    for (const record of this.#crossings.get(frame) ?? []) {
      this.#records.set(record, 'a', NEVER);
    }
    this.#crossings.delete(frame);
    this.#ram.clearFlags(frame, FRAME.code);
  }

  /** Turns all records of a page into stubs that look themselves up. */
  #forget({ map, starts }: CodePage): void {
    for (const offset of starts) {
      const index = (map >>> 2) + offset;
      this.#records.set(this.#u32[index] as number, 'handler', HANDLER.cross);
      this.#u32[index] = 0;
    }
    starts.length = 0;
  }

  /** Notes a fault without error code or with 0, and answers a stub that leaves at `eip`. */
  #faultStub(eip: number, vector: number): number {
    this.#state.faultVector = vector;
    this.#state.faultError = 0;
    this.#state.exit = EXIT.fault;
    return this.#records.stopStub(eip);
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
        const stub = this.#records.special(HANDLER.goto, this.#eipOf(linear));
        this.#records.set(stub, 'taken', known);
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
    this.#records.fallTo(this.#eipOf(linear));
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
    this.#placeBreakpoint(map, frame, linear);
    const at = this.#records.allocate(RECORD_SIZE);
    this.#enter(map, linear, at);
    this.#records.set(at, 'eip', eip);
    if ('entry' in decoded) {
      this.#cover(frame, offset, offset + decoded.length);
      this.counts.decoded++;
      this.#records.fill(at, decoded, { context: this.context, linear, map });
      const ends = decoded.entry.instruction.ends === true;
      return { at: this.#entered(map, linear), length: decoded.length, ends };
    }
    this.#cover(frame, offset, Math.min(PAGE_SIZE, offset + LONGEST));
    if (decoded.kind === 'truncated' && !isLimited) {
      this.#records.set(at, 'handler', HANDLER.crossing);
      this.#records.set(at, 'a', NEVER);
      this.#records.allocate(RECORD_SIZE); // the instruction itself
      this.#records.fallTo(0); // what follows it, known when it is decoded
    } else {
      this.#records.fillRaise(at, decoded);
    }
    return { at: this.#entered(map, linear), length: 1, ends: true };
  }

  #placeBreakpoint(map: number, frame: number, linear: number): void {
    const physical = frame * PAGE_SIZE + (linear & 0xfff);
    if (this.breakpoints.has(linear) || this.physicalBreakpoints.has(physical)) {
      const at = this.#records.special(HANDLER.breakpoint, this.#eipOf(linear));
      this.#enter(map, linear, at);
    }
  }

  /** The first record for an address wins: a breakpoint stands before its instruction. */
  #enter(map: number, linear: number, at: number): void {
    const index = (map >>> 2) + (linear & 0xfff);
    if (this.#u32[index] === 0) {
      this.#u32[index] = at;
      this.#byMap.get(map)?.starts.push(linear & 0xfff);
    }
  }

  #entered(map: number, linear: number): number {
    return this.#u32[(map >>> 2) + (linear & 0xfff)] as number;
  }

  #decodeCrossing(record: number, linear: number, frame: number): number {
    const eip = this.#eipOf(linear);
    if (!this.#ram.has(frame)) {
      return this.#faultStub(eip, VECTOR.undefined);
    }
    const firstFrame = this.#frameOf(linear);
    const offset = linear & 0xfff;
    const head = this.#ram.bytes(firstFrame * PAGE_SIZE + offset, PAGE_SIZE - offset);
    const tail = this.#ram.bytes(frame * PAGE_SIZE, LONGEST);
    const bytes = Uint8Array.from([...head, ...tail]);
    const limited = bytes.subarray(0, Math.min(bytes.length, this.context.limit - eip + 1));
    const decoded = decode(this.#map, limited, 0, this.context);
    const real = record + RECORD_SIZE;
    this.#records.set(real, 'eip', eip);
    if ('entry' in decoded) {
      this.counts.decoded++;
      this.#records.fill(real, decoded, { context: this.context, linear, map: 0 });
      this.#records.set(real + RECORD_SIZE, 'eip', this.#eipOf(linear + decoded.length));
    } else {
      this.#records.fillRaise(real, decoded);
    }
    this.#cover(frame, 0, LONGEST);
    this.#records.set(record, 'a', frame);
    this.#crossings.set(frame, [...(this.#crossings.get(frame) ?? []), record]);
    return real;
  }
}

const isSame = (
  context: CodeContext,
  base: number,
  limit: number,
  is32: boolean,
  isFlat: boolean,
): boolean =>
  (context.base | 0) === base &&
  (context.limit | 0) === limit &&
  context.is32 === is32 &&
  context.isFlat === isFlat;

const isEqual = (context: CodeContext, { base, limit, is32, isFlat }: CodeContext): boolean =>
  isSame(context, base | 0, limit | 0, is32, isFlat);
