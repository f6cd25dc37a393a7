/**
 * The instructions of call frame information: they make the rules by which registers are restored.
 *
 * Source: DWARF 5, 6.4.2 and 7.24.
 */

import type { CommonEntry, FrameEntry } from './frame-entries.ts';
import { SectionReader } from './section-reader.ts';

/** How the value that a register had in the caller is found. */
export type RegisterRule =
  | { readonly kind: 'undefined' }
  | { readonly kind: 'same' }
  /** Stored so many bytes from the CFA. */
  | { readonly kind: 'offset'; readonly offset: number }
  /** The CFA and so many bytes. */
  | { readonly kind: 'value offset'; readonly offset: number }
  | { readonly kind: 'register'; readonly register: number }
  /** Stored where an expression says; it starts with the CFA on its stack. */
  | { readonly kind: 'expression'; readonly bytes: Uint8Array }
  | { readonly kind: 'value expression'; readonly bytes: Uint8Array };

/** What the stack pointer was before the call: the canonical frame address. */
export type CfaRule =
  | { readonly kind: 'register'; readonly register: number; readonly offset: number }
  | { readonly kind: 'expression'; readonly bytes: Uint8Array };

export interface FrameRules {
  readonly cfa: CfaRule | undefined;
  /** Registers that are not here have no rule. */
  readonly registers: ReadonlyMap<number, RegisterRule>;
}

/** The high two bits of an instruction that has an operand in the rest. */
const CFA_PRIMARY = { advance_loc: 1, offset: 2, restore: 3 } as const;

const CFA = {
  nop: 0x00,
  set_loc: 0x01,
  advance_loc1: 0x02,
  advance_loc2: 0x03,
  advance_loc4: 0x04,
  offset_extended: 0x05,
  restore_extended: 0x06,
  undefined: 0x07,
  same_value: 0x08,
  register: 0x09,
  remember_state: 0x0a,
  restore_state: 0x0b,
  def_cfa: 0x0c,
  def_cfa_register: 0x0d,
  def_cfa_offset: 0x0e,
  def_cfa_expression: 0x0f,
  expression: 0x10,
  offset_extended_sf: 0x11,
  def_cfa_sf: 0x12,
  def_cfa_offset_sf: 0x13,
  val_offset: 0x14,
  val_offset_sf: 0x15,
  val_expression: 0x16,
  GNU_args_size: 0x2e,
  GNU_negative_offset_extended: 0x2f,
} as const;

const MOST_REMEMBERED = 1000;

/** The rules that hold at an address of an entry. Throws a `DwarfError`. */
export function rulesAt(entry: FrameEntry, address: number): FrameRules {
  const machine = new RuleMachine(entry.common, entry.start, address);
  machine.run(entry.common.instructions);
  machine.endCommon();
  machine.run(entry.instructions);
  return machine.rules();
}

interface RuleState {
  readonly cfa: CfaRule | undefined;
  readonly registers: ReadonlyMap<number, RegisterRule>;
}

class RuleMachine {
  readonly #common: CommonEntry;
  readonly #target: number;
  #location: number;
  #cfa: CfaRule | undefined;
  #registers = new Map<number, RegisterRule>();
  #initial: ReadonlyMap<number, RegisterRule> = new Map();
  #remembered: RuleState[] = [];

  constructor(common: CommonEntry, start: number, target: number) {
    this.#common = common;
    this.#location = start;
    this.#target = target;
  }

  rules(): FrameRules {
    return { cfa: this.#cfa, registers: this.#registers };
  }

  /** What holds now is what `restore` goes back to. */
  endCommon(): void {
    this.#initial = new Map(this.#registers);
  }

  run(instructions: SectionReader): void {
    const reader = new SectionReader(instructions.section, instructions.position, instructions.end);
    while (!reader.isAtEnd && this.#location <= this.#target) {
      const before = this.#location;
      const opcode = reader.u8();
      const isDone =
        this.#primary(reader, opcode) ||
        this.#advance(reader, opcode) ||
        this.#defineCfa(reader, opcode) ||
        this.#defineRegister(reader, opcode) ||
        this.#others(reader, opcode);
      if (!isDone) {
        throw reader.error(`has frame instruction 0x${opcode.toString(16)}, which is not known`);
      }
      if (this.#location < before) {
        throw reader.error('has frame instructions that go backwards');
      }
    }
  }

  #primary(reader: SectionReader, opcode: number): boolean {
    const operand = opcode & 0x3f;
    switch (opcode >> 6) {
      case CFA_PRIMARY.advance_loc:
        this.#move(operand);
        return true;
      case CFA_PRIMARY.offset:
        this.#storedAt(operand, reader.uleb());
        return true;
      case CFA_PRIMARY.restore:
        this.#restore(operand);
        return true;
      default:
        return false;
    }
  }

  #advance(reader: SectionReader, opcode: number): boolean {
    switch (opcode) {
      case CFA.set_loc:
        this.#location = reader.u32();
        return true;
      case CFA.advance_loc1:
        this.#move(reader.u8());
        return true;
      case CFA.advance_loc2:
        this.#move(reader.u16());
        return true;
      case CFA.advance_loc4:
        this.#move(reader.u32());
        return true;
      default:
        return false;
    }
  }

  #defineCfa(reader: SectionReader, opcode: number): boolean {
    switch (opcode) {
      case CFA.def_cfa:
        this.#cfa = { kind: 'register', register: reader.uleb(), offset: reader.uleb() };
        return true;
      case CFA.def_cfa_sf:
        this.#cfa = {
          kind: 'register',
          register: reader.uleb(),
          offset: this.#factored(reader.sleb()),
        };
        return true;
      case CFA.def_cfa_register:
        this.#cfa = { kind: 'register', register: reader.uleb(), offset: this.#cfaOffset() };
        return true;
      case CFA.def_cfa_offset:
        this.#cfa = {
          kind: 'register',
          register: this.#cfaRegister(reader),
          offset: reader.uleb(),
        };
        return true;
      case CFA.def_cfa_offset_sf:
        this.#cfa = {
          kind: 'register',
          register: this.#cfaRegister(reader),
          offset: this.#factored(reader.sleb()),
        };
        return true;
      case CFA.def_cfa_expression:
        this.#cfa = { kind: 'expression', bytes: reader.take(reader.uleb()) };
        return true;
      default:
        return false;
    }
  }

  #defineRegister(reader: SectionReader, opcode: number): boolean {
    const set = (register: number, rule: RegisterRule): true => {
      this.#registers.set(register, rule);
      return true;
    };
    switch (opcode) {
      case CFA.offset_extended:
        this.#storedAt(reader.uleb(), reader.uleb());
        return true;
      case CFA.offset_extended_sf:
        this.#storedAt(reader.uleb(), reader.sleb());
        return true;
      case CFA.GNU_negative_offset_extended:
        this.#storedAt(reader.uleb(), -reader.uleb());
        return true;
      case CFA.val_offset:
        return set(reader.uleb(), { kind: 'value offset', offset: this.#factored(reader.uleb()) });
      case CFA.val_offset_sf:
        return set(reader.uleb(), { kind: 'value offset', offset: this.#factored(reader.sleb()) });
      case CFA.undefined:
        return set(reader.uleb(), { kind: 'undefined' });
      case CFA.same_value:
        return set(reader.uleb(), { kind: 'same' });
      case CFA.register:
        return set(reader.uleb(), { kind: 'register', register: reader.uleb() });
      case CFA.expression:
        return set(reader.uleb(), { kind: 'expression', bytes: reader.take(reader.uleb()) });
      case CFA.val_expression:
        return set(reader.uleb(), { kind: 'value expression', bytes: reader.take(reader.uleb()) });
      default:
        return false;
    }
  }

  #others(reader: SectionReader, opcode: number): boolean {
    switch (opcode) {
      case CFA.nop:
        return true;
      case CFA.GNU_args_size:
        reader.skipLeb();
        return true;
      case CFA.restore_extended:
        this.#restore(reader.uleb());
        return true;
      case CFA.remember_state:
        if (this.#remembered.length === MOST_REMEMBERED) {
          throw reader.error('remembers too many states of a frame');
        }
        this.#remembered.push({ cfa: this.#cfa, registers: new Map(this.#registers) });
        return true;
      case CFA.restore_state: {
        const state = this.#remembered.pop();
        if (state === undefined) {
          throw reader.error('restores a state of a frame that was not remembered');
        }
        this.#cfa = state.cfa;
        this.#registers = new Map(state.registers);
        return true;
      }
      default:
        return false;
    }
  }

  #move(delta: number): void {
    this.#location += delta * this.#common.codeAlignment;
  }

  #storedAt(register: number, offset: number): void {
    this.#registers.set(register, { kind: 'offset', offset: this.#factored(offset) });
  }

  #restore(register: number): void {
    const rule = this.#initial.get(register);
    if (rule === undefined) {
      this.#registers.delete(register);
    } else {
      this.#registers.set(register, rule);
    }
  }

  #factored(offset: number): number {
    return offset * this.#common.dataAlignment;
  }

  #cfaOffset(): number {
    return this.#cfa?.kind === 'register' ? this.#cfa.offset : 0;
  }

  #cfaRegister(reader: SectionReader): number {
    if (this.#cfa?.kind !== 'register') {
      throw reader.error('gives an offset to a frame address that has no register');
    }
    return this.#cfa.register;
  }
}
