/**
 * The arena of decoded records: room for them, and what handlers will read from them.
 *
 * Records and code maps grow up from one end, stubs grow down from the other. Records of
 * instructions that follow each other are adjacent, which is why stubs need an end of their own.
 */

import { ARENA_SIZE, type LinearMemory, REGION } from '../memory/linear-memory.ts';
import { FIRST_FORM, HANDLER } from './cold-tier/handlers.ts';
import { type Decoded, type DecodeMode, registerAddressOf, type Undecodable } from './decoder.ts';
import { VECTOR } from './exceptions.ts';
import type { Forms } from './form.ts';
import { RECORD, RECORD_SIZE, type RecordField, STUB_SIZE } from './record.ts';
import { DS, STATE, segmentAddress } from './state.ts';

/** What of the segments decoding depends on. */
export interface CodeContext extends DecodeMode {
  readonly base: number;
  readonly limit: number;
}

/** Where an instruction was decoded. */
export interface CodePlace {
  readonly context: CodeContext;
  readonly linear: number;
  /** The code map of its page; 0: jumps are not to be linked. */
  readonly map: number;
}

/** The stub that leaves with a fault or stop already noted; one is enough. */
const STOP_STUB = REGION.arena;
const FIRST = REGION.arena + RECORD_SIZE;
const END = REGION.arena + ARENA_SIZE;

export class Records {
  readonly #u32: Uint32Array;
  readonly #forms: Forms;
  #top = FIRST;
  #bottom = END;

  constructor(memory: LinearMemory, forms: Forms) {
    this.#u32 = memory.u32;
    this.#forms = forms;
  }

  /** Bytes that are left. */
  get room(): number {
    return this.#bottom - this.#top;
  }

  /** Forgets all records. */
  clear(): void {
    this.#u32.fill(0, FIRST >>> 2, this.#top >>> 2);
    this.#u32.fill(0, this.#bottom >>> 2, END >>> 2);
    this.#top = FIRST;
    this.#bottom = END;
  }

  /** Zeroed bytes behind what was allocated last. */
  allocate(size: number): number {
    const at = this.#top;
    this.#top += size;
    return at;
  }

  get(record: number, field: RecordField): number {
    return this.#u32[(record + RECORD[field]) >>> 2] as number;
  }

  set(record: number, field: RecordField, value: number): void {
    this.#u32[(record + RECORD[field]) >>> 2] = value;
  }

  /** A full record that only a special handler reads. */
  special(handler: number, eip: number): number {
    const at = this.allocate(RECORD_SIZE);
    this.set(at, 'handler', handler);
    this.set(at, 'eip', eip);
    return at;
  }

  /** A stub for a jump. @param source the record that jumps */
  #jumpStub(handler: number, eip: number, source: number, map: number): number {
    this.#bottom -= STUB_SIZE;
    const at = this.#bottom >>> 2;
    this.#u32[at] = handler;
    this.#u32[at + 1] = eip;
    this.#u32[at + 2] = source;
    this.#u32[at + 3] = map;
    return this.#bottom;
  }

  /** What a jump stub tells. */
  stub(stub: number): { eip: number; source: number; map: number } {
    const [eip = 0, source = 0, map = 0] = this.#u32.subarray((stub >>> 2) + 1, (stub >>> 2) + 4);
    return { eip, source, map };
  }

  /** Leaves at `eip` before anything is executed there. */
  stopStub(eip: number): number {
    this.#u32[STOP_STUB >>> 2] = HANDLER.stop;
    this.#u32[(STOP_STUB >>> 2) + 1] = eip;
    return STOP_STUB;
  }

  /** Falls into another page, at the end of a run of records. */
  fallTo(eip: number): void {
    const at = this.allocate(STUB_SIZE);
    this.#u32[at >>> 2] = HANDLER.cross;
    this.#u32[(at >>> 2) + 1] = eip;
    this.#top = (this.#top + RECORD_SIZE - 1) & -RECORD_SIZE;
  }

  /** Makes a record raise what its bytes deserve. */
  fillRaise(at: number, reason: Undecodable): void {
    this.set(at, 'handler', HANDLER.raise);
    const isUndefined = reason.kind === 'undefined';
    this.set(at, 'immediate', isUndefined ? VECTOR.undefined : VECTOR.protection);
    this.set(at, 'immediate2', 0);
  }

  /** Writes what the handler of an instruction reads. */
  fill(at: number, decoded: Decoded, place: CodePlace): void {
    const eip = (place.linear - place.context.base) >>> 0;
    const nextEip = (eip + decoded.length) >>> 0;
    this.set(at, 'handler', FIRST_FORM + this.#formOf(decoded, nextEip, place.context));
    this.set(at, 'nextEip', nextEip);
    this.set(at, 'mask', decoded.address32 ? 0xffff_ffff : 0xffff);
    const segment = decoded.prefixes.segment ?? DS;
    this.set(at, 'segment', segmentAddress(segment, 'selector'));
    this.set(at, 'immediate2', decoded.selector);
    for (const operand of decoded.operands) {
      const { kind, slot } = operand.operand;
      switch (kind) {
        case 'register':
        case 'vector':
          this.set(at, slot === 0 ? 'a' : 'b', registerAddressOf(operand));
          break;
        case 'number':
          this.set(at, slot === 0 ? 'a' : 'b', operand.register);
          break;
        case 'immediate':
          this.set(at, slot === 0 ? 'immediate' : 'immediate2', operand.value);
          break;
        case 'target':
          this.#fillTarget(at, decoded, (nextEip + operand.value) >>> 0, place);
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
    this.set(at, 'base', register(memory.base));
    this.set(at, 'index', register(memory.index));
    this.set(at, 'scale', memory.scale);
    this.set(at, 'displacement', memory.displacement);
    this.set(at, 'segment', segmentAddress(memory.segment, 'selector'));
  }

  /** A relative jump is of the flat form when its target lies within the code segment. */
  #formOf(decoded: Decoded, nextEip: number, context: CodeContext): number {
    const jump = decoded.operands.find(({ operand }) => operand.kind === 'target');
    if (jump === undefined || decoded.entry.instruction.implicit !== 'target') {
      return this.#forms.numberOf(decoded);
    }
    const isFlat = targetOf(decoded, nextEip + jump.value) <= context.limit;
    return this.#forms.numberOf({ ...decoded, isFlat });
  }

  /** Jumps inside the page will be linked; one beyond the limit faults when it is taken. */
  #fillTarget(at: number, decoded: Decoded, eip: number, place: CodePlace): void {
    const { context, linear, map } = place;
    const target = targetOf(decoded, eip);
    this.set(at, 'immediate', target);
    const page = ((target + context.base) >>> 12) & 0xf_ffff;
    const isInPage = map !== 0 && page === linear >>> 12;
    const handler = isInPage ? HANDLER.link : HANDLER.cross;
    this.set(at, 'taken', this.#jumpStub(handler, target, at, map));
  }
}

/** With 16-bit operands a jump goes to the first 64 KB. */
const targetOf = ({ size }: Decoded, eip: number): number =>
  size === 2 ? eip & 0xffff : eip >>> 0;
