/**
 * The body of one WebAssembly function while it is written.
 *
 * Calls name their target, since the index of a function is known only when all imports are;
 * 64-bit locals are numbered after the 32-bit ones, whose count is known only at the end. Both
 * leave a gap of fixed width that `finish` fills.
 */

import { OP, TYPE } from './opcodes.ts';

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  do {
    const low = rest & 0x7f;
    rest >>>= 7;
    bytes.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit value. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
      return [...bytes, low];
    }
    bytes.push(low | 0x80);
  }
}

/** Unsigned LEB128 in exactly five bytes. */
function padded(value: number): number[] {
  return [0, 7, 14, 21, 28].map((shift) => ((value >>> shift) & 0x7f) | (shift < 28 ? 0x80 : 0));
}

const GAP = [0, 0, 0, 0, 0];
const NEVER = -1;

export class Code {
  readonly parameters: number;
  readonly #bytes: number[] = [];
  readonly #calls: { at: number; target: string }[] = [];
  readonly #wides: { at: number; index: number }[] = [];
  /** How many blocks are open, for code that branches out of all of them. */
  depth = 0;
  #locals = 0;
  #mostLocals = 0;
  #wideLocals = 0;
  #lastSet = { at: NEVER, end: NEVER, local: NEVER };

  constructor(parameters: number) {
    this.parameters = parameters;
  }

  /** Instructions without operands. */
  emit(...opcodes: number[]): void {
    this.#bytes.push(...opcodes);
  }

  /** Opens a block that leaves nothing on the stack. */
  open(opcode: typeof OP.block | typeof OP.loop | typeof OP.if): void {
    this.#bytes.push(opcode, TYPE.nothing);
    this.depth++;
  }

  otherwise(): void {
    this.#bytes.push(OP.else);
  }

  close(): void {
    this.#bytes.push(OP.end);
    this.depth--;
  }

  /** Branches out of `levels` blocks (0: the innermost). */
  branch(levels: number, opcode: typeof OP.br | typeof OP.brIf = OP.br): void {
    this.#bytes.push(opcode, ...unsigned(levels));
  }

  branchTable(targets: readonly number[], otherwise: number): void {
    this.#bytes.push(OP.brTable, ...unsigned(targets.length));
    for (const target of targets) {
      this.#bytes.push(...unsigned(target));
    }
    this.#bytes.push(...unsigned(otherwise));
  }

  constant(value: number): void {
    this.#bytes.push(OP.i32Const, ...signed(value));
  }

  /** A load or store; the address (and value) lie on the stack. */
  memory(opcode: number, offset: number, alignment = 0): void {
    this.#bytes.push(opcode, alignment, ...unsigned(offset));
  }

  local(): number {
    const local = this.parameters + this.#locals++;
    this.#mostLocals = Math.max(this.#mostLocals, this.#locals);
    return local;
  }

  /** Lets what follows use the locals of what came before, which is done with them. */
  releaseLocals(): void {
    this.#locals = 0;
    this.#lastSet.end = NEVER;
  }

  get(local: number): void {
    const last = this.#lastSet;
    if (last.local === local && last.end === this.#bytes.length) {
      this.#bytes[last.at] = OP.localTee; // set x, get x
      last.end = NEVER;
      return;
    }
    this.#bytes.push(OP.localGet, ...unsigned(local));
  }

  set(local: number): void {
    this.#lastSet = { at: this.#bytes.length, end: NEVER, local };
    this.#bytes.push(OP.localSet, ...unsigned(local));
    this.#lastSet.end = this.#bytes.length;
  }

  getWide(index: number): void {
    this.#wide(OP.localGet, index);
  }

  setWide(index: number): void {
    this.#wide(OP.localSet, index);
  }

  #wide(opcode: number, index: number): void {
    this.#wideLocals = Math.max(this.#wideLocals, index + 1);
    this.#bytes.push(opcode);
    this.#wides.push({ at: this.#bytes.length, index });
    this.#bytes.push(...GAP);
  }

  /** Calls the import or function of that name. */
  call(target: string): void {
    this.#bytes.push(OP.call);
    this.#calls.push({ at: this.#bytes.length, target });
    this.#bytes.push(...GAP);
  }

  callIndirect(type: number): void {
    this.#bytes.push(OP.callIndirect, ...unsigned(type), 0);
  }

  /** The function's entry in the code section. */
  finish(indexOf: (name: string) => number): Uint8Array {
    for (const { at, target } of this.#calls) {
      this.#patch(at, indexOf(target));
    }
    for (const { at, index } of this.#wides) {
      this.#patch(at, this.parameters + this.#mostLocals + index);
    }
    const groups = [
      ...unsigned(this.#mostLocals),
      TYPE.i32,
      ...unsigned(this.#wideLocals),
      TYPE.i64,
    ];
    const size = 1 + groups.length + this.#bytes.length + 1;
    return Uint8Array.from([...unsigned(size), 2, ...groups, ...this.#bytes, OP.end]);
  }

  #patch(at: number, value: number): void {
    padded(value).forEach((byte, i) => {
      this.#bytes[at + i] = byte;
    });
  }
}
