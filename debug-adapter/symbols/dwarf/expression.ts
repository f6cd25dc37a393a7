/**
 * Location expressions: small programs that compute where a variable is, or what it is.
 *
 * They come from a file and may loop, recurse or read anywhere, so steps, depth and stack are limited;
 * reading disturbs nothing.
 *
 * Source: DWARF 5, 2.5 and 2.6.
 */

import { DwarfError } from './dwarf-error.ts';
import {
  binary,
  bytesOf,
  convert,
  GENERIC,
  generic,
  integer,
  unary,
  type Value,
  type ValueType,
  valueFrom,
} from './expression-value.ts';
import { AT, ATE, TAG } from './numbers.ts';
import { OP } from './operations.ts';
import { type DebugSection, SectionReader } from './section-reader.ts';
import type { Unit, Units } from './units.ts';
import {
  type FrameMachine,
  type Piece,
  Unavailable,
  unavailable,
  type VariableLocation,
  type WholeLocation,
} from './variable-location.ts';

export interface ExpressionContext {
  readonly machine: FrameMachine;
  /** Whose expression it is; none for those of call frame information. */
  readonly unit: Unit | undefined;
  readonly units: Units | undefined;
  /** What `DW_OP_fbreg` counts from. May throw `Unavailable`. */
  frameBase(): number;
  /** What a register held when the function was entered; `undefined` where the caller does not say. */
  entryValue(register: number): number | undefined;
}

const MOST_STEPS = 10_000;
const MOST_VALUES = 1000;
const MOST_DEPTH = 8;
const MOST_PIECES = 1000;

/** Where the variable of an expression is. Throws a `DwarfError` for an expression that is none. */
export function locationOf(bytes: Uint8Array, context: ExpressionContext): VariableLocation {
  try {
    return new Evaluation(context).locationBy(bytes);
  } catch (error) {
    if (error instanceof Unavailable) {
      return unavailable(error.message);
    }
    throw error;
  }
}

/** The number that an expression computes, from those already on the stack. */
export function numberBy(
  bytes: Uint8Array,
  context: ExpressionContext,
  initial: readonly number[] = [],
): number {
  const evaluation = new Evaluation(context);
  return evaluation.valueBy(bytes, initial);
}

class Evaluation {
  readonly #context: ExpressionContext;
  readonly #stack: Value[] = [];
  readonly #pieces: Piece[] = [];
  #steps = 0;
  /** What the last operation said, if it said more than a value on the stack. */
  #whole: WholeLocation | undefined;

  constructor(context: ExpressionContext) {
    this.#context = context;
  }

  locationBy(bytes: Uint8Array): VariableLocation {
    if (bytes.length === 0) {
      return unavailable('The compiler keeps it nowhere here.');
    }
    this.#run(bytes, 0);
    if (this.#pieces.length > 0) {
      return { kind: 'pieces', pieces: this.#pieces };
    }
    return this.#takeWhole();
  }

  valueBy(bytes: Uint8Array, initial: readonly number[]): number {
    this.#stack.push(...initial.map(generic));
    this.#run(bytes, 0);
    // Frame bases of old compilers name a register and mean what it holds.
    if (this.#whole?.kind === 'register') {
      return this.#register(this.#whole.number);
    }
    return Number(this.#pop().bits);
  }

  #run(bytes: Uint8Array, depth: number): void {
    if (depth > MOST_DEPTH) {
      throw new DwarfError('An expression of the debug information calls itself too deeply.');
    }
    const section: DebugSection = { name: 'an expression', bytes };
    const reader = new SectionReader(section);
    while (!reader.isAtEnd) {
      this.#steps += 1;
      if (this.#steps > MOST_STEPS || this.#stack.length > MOST_VALUES) {
        throw new DwarfError('An expression of the debug information does not come to an end.');
      }
      this.#step(reader, reader.u8(), depth);
    }
  }

  #step(reader: SectionReader, operation: number, depth: number): void {
    const value = constant(reader, operation);
    if (value !== undefined) {
      this.#push(value);
      return;
    }
    const isDone =
      this.#stackOperation(reader, operation) ||
      this.#registerOperation(reader, operation) ||
      this.#memoryOperation(reader, operation) ||
      this.#placeOperation(reader, operation) ||
      this.#typedOperation(reader, operation) ||
      this.#flowOperation(reader, operation, depth);
    if (!isDone) {
      throw new Unavailable(
        `It is computed by operation 0x${operation.toString(16)} of DWARF, which is not carried out here.`,
      );
    }
  }

  #stackOperation(reader: SectionReader, operation: number): boolean {
    switch (operation) {
      case OP.dup:
        this.#push(this.#peek(0));
        return true;
      case OP.drop:
        this.#pop();
        return true;
      case OP.over:
        this.#push(this.#peek(1));
        return true;
      case OP.pick:
        this.#push(this.#peek(reader.u8()));
        return true;
      case OP.swap: {
        const [top, second] = [this.#pop(), this.#pop()];
        this.#stack.push(top, second);
        return true;
      }
      case OP.rot: {
        const [top, second, third] = [this.#pop(), this.#pop(), this.#pop()];
        this.#stack.push(top, third, second);
        return true;
      }
      case OP.plus_uconst: {
        const value = this.#pop();
        this.#push(integer(value.bits + reader.bigUleb(), value.type));
        return true;
      }
      default:
        return this.#arithmetic(operation);
    }
  }

  #arithmetic(operation: number): boolean {
    if (operation < OP.abs || operation > OP.ne) {
      return false;
    }
    const isUnary = operation === OP.abs || operation === OP.neg || operation === OP.not;
    if (operation === OP.bra) {
      return false;
    }
    const right = this.#pop();
    const result = isUnary ? unary(operation, right) : binary(operation, this.#pop(), right);
    if (result === undefined) {
      throw new Unavailable('It is computed by an operation that its type does not have.');
    }
    this.#push(result);
    return true;
  }

  #registerOperation(reader: SectionReader, operation: number): boolean {
    if (operation >= OP.reg0 && operation <= OP.reg31) {
      this.#whole = { kind: 'register', number: operation - OP.reg0 };
      return true;
    }
    if (operation >= OP.breg0 && operation <= OP.breg31) {
      this.#push(generic(this.#register(operation - OP.breg0) + reader.sleb()));
      return true;
    }
    switch (operation) {
      case OP.regx:
        this.#whole = { kind: 'register', number: reader.uleb() };
        return true;
      case OP.bregx: {
        const number = reader.uleb();
        this.#push(generic(this.#register(number) + reader.sleb()));
        return true;
      }
      case OP.fbreg:
        this.#push(generic(this.#context.frameBase() + reader.sleb()));
        return true;
      case OP.call_frame_cfa:
        this.#push(generic(this.#cfa()));
        return true;
      case OP.entry_value:
      case OP.GNU_entry_value:
        this.#push(generic(this.#entryValue(reader.take(reader.uleb()))));
        return true;
      default:
        return false;
    }
  }

  #memoryOperation(reader: SectionReader, operation: number): boolean {
    switch (operation) {
      case OP.addr:
        this.#push(generic(reader.u32()));
        return true;
      case OP.addrx:
      case OP.GNU_addr_index:
      case OP.constx:
      case OP.GNU_const_index:
        this.#push(generic(this.#unit().indexedAddress(reader.uleb())));
        return true;
      case OP.deref:
        this.#push(valueFrom(this.#read(this.#popAddress(), 4), GENERIC));
        return true;
      case OP.deref_size: {
        const size = reader.u8();
        this.#push(valueFrom(this.#read(this.#popAddress(), Math.min(size, 4)), GENERIC));
        return true;
      }
      default:
        return false;
    }
  }

  #placeOperation(reader: SectionReader, operation: number): boolean {
    switch (operation) {
      case OP.stack_value:
        this.#whole = { kind: 'value', bytes: bytesOf(this.#pop()) };
        return true;
      case OP.implicit_value:
        this.#whole = { kind: 'value', bytes: reader.take(reader.uleb()) };
        return true;
      case OP.piece:
        this.#addPiece(8 * reader.uleb(), 0);
        return true;
      case OP.bit_piece: {
        const size = reader.uleb();
        this.#addPiece(size, reader.uleb());
        return true;
      }
      case OP.implicit_pointer:
      case OP.GNU_implicit_pointer:
        reader.skip(this.#context.unit?.offsetSize ?? 4);
        reader.skipLeb();
        this.#whole = unavailable('It points to something that the compiler keeps in no memory.');
        return true;
      case OP.form_tls_address:
      case OP.GNU_push_tls_address:
        throw new Unavailable('It is a thread-local variable, and kernels have no such storage.');
      default:
        return false;
    }
  }

  #typedOperation(reader: SectionReader, operation: number): boolean {
    switch (operation) {
      case OP.const_type:
      case OP.GNU_const_type: {
        const type = this.#typeAt(reader.uleb());
        this.#push(valueFrom(reader.take(reader.u8()), type));
        return true;
      }
      case OP.regval_type:
      case OP.GNU_regval_type: {
        const number = reader.uleb();
        const type = this.#typeAt(reader.uleb());
        if (type.size > 4) {
          throw new Unavailable(
            `It is in register ${number} with ${type.size} bytes, which are not read.`,
          );
        }
        this.#push(integer(BigInt(this.#register(number)), type));
        return true;
      }
      case OP.deref_type:
      case OP.GNU_deref_type: {
        const size = reader.u8();
        const type = this.#typeAt(reader.uleb());
        this.#push(valueFrom(this.#read(this.#popAddress(), Math.min(size, type.size)), type));
        return true;
      }
      case OP.convert:
      case OP.GNU_convert:
        this.#push(convert(this.#pop(), this.#typeAt(reader.uleb())));
        return true;
      case OP.reinterpret:
      case OP.GNU_reinterpret:
        this.#push(integer(this.#pop().bits, this.#typeAt(reader.uleb())));
        return true;
      default:
        return false;
    }
  }

  #flowOperation(reader: SectionReader, operation: number, depth: number): boolean {
    switch (operation) {
      case OP.nop:
      case OP.GNU_uninit:
        return true;
      case OP.skip:
        this.#jump(reader, true);
        return true;
      case OP.bra:
        this.#jump(reader, this.#pop().bits !== 0n);
        return true;
      case OP.call2:
        this.#call(this.#unit().start + reader.u16(), depth);
        return true;
      case OP.call4:
        this.#call(this.#unit().start + reader.u32(), depth);
        return true;
      case OP.call_ref:
        this.#call(reader.offset(this.#unit().offsetSize), depth);
        return true;
      default:
        return false;
    }
  }

  #jump(reader: SectionReader, isTaken: boolean): void {
    const distance = (reader.u16() << 16) >> 16;
    const target = reader.position + (isTaken ? distance : 0);
    if (target < 0 || target > reader.end) {
      throw reader.error('jumps out of its expression');
    }
    reader.position = target;
  }

  /** Carries out the location of another entry, with the same stack. */
  #call(offset: number, depth: number): void {
    const block = this.#context.units?.dieAt(offset).block(AT.location);
    if (block !== undefined) {
      this.#run(block, depth + 1);
    }
  }

  #addPiece(bitSize: number, bitOffset: number): void {
    if (this.#pieces.length === MOST_PIECES) {
      throw new DwarfError('A variable of the debug information is in too many pieces.');
    }
    const isNowhere = this.#whole === undefined && this.#stack.length === 0;
    const location = isNowhere
      ? unavailable('The compiler keeps this part nowhere here.')
      : this.#takeWhole();
    this.#pieces.push({ bitSize, bitOffset, location });
  }

  #takeWhole(): WholeLocation {
    const whole = this.#whole ?? { kind: 'memory', address: this.#popAddress() };
    this.#whole = undefined;
    return whole;
  }

  #entryValue(block: Uint8Array): number {
    const [operation = 0] = block;
    const isRegister = block.length === 1 && operation >= OP.reg0 && operation <= OP.reg31;
    const value = isRegister ? this.#context.entryValue(operation - OP.reg0) : undefined;
    if (value === undefined) {
      throw new Unavailable(
        'It is computed from what a register held when the function was entered, which is not known any more.',
      );
    }
    return value;
  }

  #typeAt(offset: number): ValueType {
    if (offset === 0) {
      return GENERIC;
    }
    const unit = this.#unit();
    const die = unit.dieAt(unit.sectionBase + unit.start + offset);
    const size = die.number(AT.byte_size) ?? 0;
    if (die.tag !== TAG.base_type || size < 1 || size > 16) {
      throw new DwarfError(
        'An expression of the debug information uses a type that is no base type.',
      );
    }
    switch (die.number(AT.encoding)) {
      case ATE.float:
        return { kind: 'float', size };
      case ATE.signed:
      case ATE.signed_char:
        return { kind: 'signed', size };
      default:
        return { kind: 'unsigned', size };
    }
  }

  #unit(): Unit {
    if (this.#context.unit === undefined) {
      throw new DwarfError('An expression of a call frame uses what only a unit has.');
    }
    return this.#context.unit;
  }

  #register(number: number): number {
    const value = this.#context.machine.register(number);
    if (value === undefined) {
      throw new Unavailable(
        `It depends on register ${number}, whose value is not known in this frame.`,
      );
    }
    return value;
  }

  #cfa(): number {
    const cfa = this.#context.machine.cfa();
    if (cfa === undefined) {
      throw new Unavailable('It depends on where the frame starts, which is not known.');
    }
    return cfa;
  }

  #read(address: number, size: number): Uint8Array {
    const bytes = this.#context.machine.read(address, size);
    if (bytes === undefined || bytes.length < size) {
      throw new Unavailable(
        `It depends on memory at 0x${address.toString(16)}, which cannot be read.`,
      );
    }
    return bytes;
  }

  #push(value: Value): void {
    this.#stack.push(value);
  }

  #pop(): Value {
    const value = this.#stack.pop();
    if (value === undefined) {
      throw new DwarfError('An expression of the debug information takes more values than it has.');
    }
    return value;
  }

  #peek(depth: number): Value {
    const value = this.#stack.at(-1 - depth);
    if (value === undefined) {
      throw new DwarfError('An expression of the debug information takes more values than it has.');
    }
    return value;
  }

  #popAddress(): number {
    return Number(BigInt.asUintN(32, this.#pop().bits));
  }
}

/** What an operation pushes that has its value written beside it. */
function constant(reader: SectionReader, operation: number): Value | undefined {
  if (operation >= OP.lit0 && operation <= OP.lit31) {
    return generic(operation - OP.lit0);
  }
  switch (operation) {
    case OP.const1u:
      return generic(reader.u8());
    case OP.const1s:
      return generic(reader.i8());
    case OP.const2u:
      return generic(reader.u16());
    case OP.const2s:
      return generic((reader.u16() << 16) >> 16);
    case OP.const4u:
    case OP.const4s:
      return generic(reader.u32());
    case OP.const8u:
    case OP.const8s:
      return generic(reader.bigU64());
    case OP.constu:
      return generic(reader.bigUleb());
    case OP.consts:
      return generic(reader.bigSleb());
    default:
      return undefined;
  }
}
