/**
 * What names mean at a place of a guest: variables from debug information, symbols, registers, types,
 * and the functions that ask the hypervisor.
 */

import { EFLAGS } from '../../emulator/cpu/flags.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import { poke, refusalToPoke } from '../../emulator/introspection/poke.ts';
import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import type { FieldValue } from '../debuggee/occurrence.ts';
import { nameOfAddress, type Program } from '../debuggee/program.ts';
import {
  CHAR,
  INT,
  LONG_LONG,
  pointerTo,
  UNSIGNED_INT,
  UNSIGNED_SHORT,
} from '../expressions/base-types.ts';
import type {
  ExpressionScope,
  HostFunction,
  Memory,
  ScopeName,
  Value,
} from '../expressions/scope.ts';
import { type CType, sizeOf, VOID } from '../symbols/c-type.ts';
import type { FrameMachine, Variable, VariableLocation } from '../symbols/program-symbols.ts';
import { UserError } from '../user-error.ts';

export interface ScopePlace {
  readonly xen: Xen;
  readonly view: VcpuView;
  readonly program: Program;
  readonly frame: FrameMachine;
  /** Names of the machine’s own: `evtchn`, `pte`. */
  readonly functions: ReadonlyMap<string, HostFunction>;
  /** Throws a sentence where nothing may be changed. */
  checkChange(): void;
  /** Names that come first, such as the fields of an event. */
  fields?(): Readonly<Record<string, FieldValue>>;
  /** Whether `frame` is the innermost one, whose registers can be set. */
  readonly isInnermost: boolean;
}

const GENERAL = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const SEGMENT_NAMES = ['cs', 'ss', 'ds', 'es', 'fs', 'gs'] as const;
const CONTROL = ['cr0', 'cr2', 'cr3', 'cr4'] as const;
const MOST_NAMES = 200;

export class GuestScope implements ExpressionScope {
  readonly #place: ScopePlace;
  readonly memory: Memory;

  constructor(place: ScopePlace) {
    this.#place = place;
    this.memory = memoryOf(place);
  }

  variable(name: string): Value | undefined {
    const { program, frame } = this.#place;
    const { symbols } = program;
    const field = this.#field(name);
    if (field !== undefined) {
      return field;
    }
    for (const { variables } of symbols.variablesAt(frame.pc)) {
      const found = variables.find((variable) => variable.name === name);
      if (found !== undefined) {
        return this.valueOf(found);
      }
    }
    const global = symbols.globalNamed(name, frame.pc);
    if (global !== undefined) {
      return this.valueOf(global);
    }
    const enumerator = symbols.enumeratorNamed(name, frame.pc);
    if (enumerator !== undefined) {
      return constant(enumerator.type, enumerator.value);
    }
    return this.#function(name) ?? this.#symbol(name);
  }

  #field(name: string): Value | undefined {
    const { fields } = this.#place;
    const first = fields?.()[name];
    if (fields === undefined || first === undefined) {
      return undefined;
    }
    const bytesNow = (): Uint8Array => bytesOfField(fields()[name] ?? 0);
    const type: CType =
      typeof first === 'string'
        ? { kind: 'array', element: CHAR, count: first.length + 1, size: first.length + 1 }
        : LONG_LONG;
    return {
      kind: 'value',
      type,
      location: { kind: 'none' },
      get bytes() {
        return bytesNow();
      },
    };
  }

  #function(name: string): Value | undefined {
    const { symbols } = this.#place.program;
    const [found] = symbols.functionsMatching(name);
    const symbol = found && symbols.functionAt(found.entry);
    return symbol === undefined || symbol.name !== name
      ? undefined
      : { kind: 'value', type: symbol.type, location: { kind: 'memory', address: symbol.lowPc } };
  }

  /** A name without debug information: code or data of nobody knows which type. */
  #symbol(name: string): Value | undefined {
    const address = this.#place.program.symbols.addressOf(name);
    return address === undefined
      ? undefined
      : { kind: 'value', type: INT, location: { kind: 'memory', address } };
  }

  /** A variable of the program at this place, as it is whenever it is read. */
  valueOf(variable: Variable): Value {
    const { program, frame } = this.#place;
    const { type } = variable;
    const locate = () => program.symbols.locate(variable, frame);
    const first = locate();
    switch (first.kind) {
      case 'memory':
        return {
          kind: 'value',
          type,
          location: {
            kind: 'memory',
            get address() {
              const now = locate();
              return now.kind === 'memory' ? now.address : 0;
            },
          },
        };
      case 'register':
      case 'value':
      case 'pieces': {
        const gather = () => bytesAt(locate(), sizeOf(type), frame);
        return {
          kind: 'value',
          type,
          location: this.#registerLocation(first),
          get bytes() {
            return gather();
          },
        };
      }
      case 'unavailable':
        return { kind: 'value', type, location: { kind: 'none' } };
    }
  }

  /** Why a variable has no value here, in a sentence. */
  whyUnavailable(variable: Variable): string | undefined {
    const location = this.#place.program.symbols.locate(variable, this.#place.frame);
    return location.kind === 'unavailable' ? location.why : undefined;
  }

  #registerLocation(location: VariableLocation): Value['location'] {
    const name = location.kind === 'register' ? GENERAL[location.number] : undefined;
    if (name === undefined || !this.#place.isInnermost) {
      return { kind: 'none' };
    }
    return {
      kind: 'register',
      write: (bytes) => {
        const word = new Uint8Array(4);
        word.set(new Uint8Array(new Uint32Array([this.#place.view.word(name)]).buffer));
        word.set(bytes.subarray(0, 4));
        this.#setRegister(name, new DataView(word.buffer).getUint32(0, true));
      },
    };
  }

  #setRegister(name: (typeof GENERAL)[number] | 'eip' | 'eflags', value: number): void {
    const { view, checkChange, isInnermost } = this.#place;
    checkChange();
    if (!isInnermost) {
      throw new UserError('Registers can be set in the innermost frame only.');
    }
    if (name === 'eflags') {
      view.setEflags(value);
    } else {
      view.setRegister(name, value);
    }
  }

  typeNamed(name: string): CType | undefined {
    const { program, frame } = this.#place;
    return program.symbols.typeNamed(name, frame.pc);
  }

  register(name: string): Value | undefined {
    const { view, frame } = this.#place;
    const general = GENERAL.find((known) => known === name);
    if (general !== undefined) {
      const number = GENERAL.indexOf(general);
      const type = name === 'esp' || name === 'ebp' ? pointerTo(VOID) : INT;
      return this.#wordValue(
        type,
        () => frame.register(number) ?? 0,
        (value) => this.#setRegister(general, value),
      );
    }
    switch (name) {
      case 'eip':
      case 'pc':
        return this.#wordValue(
          pointerTo({ kind: 'function', result: VOID, parameters: [], isVariadic: true }),
          () => frame.register(8) ?? frame.pc,
          (value) => this.#setRegister('eip', value - view.word('csBase')),
        );
      case 'sp':
        return this.#wordValue(pointerTo(VOID), () => frame.register(4) ?? 0);
      case 'eflags':
        return this.#wordValue(
          UNSIGNED_INT,
          () => view.eflags,
          (value) => this.#setRegister('eflags', value),
        );
      default:
        return this.#otherRegister(name);
    }
  }

  #otherRegister(name: string): Value | undefined {
    const { view } = this.#place;
    const segment = SEGMENT_NAMES.find((known) => known === name);
    if (segment !== undefined) {
      return {
        ...this.#wordValue(UNSIGNED_INT, () => view.word(`${segment}Selector`)),
        type: UNSIGNED_SHORT,
        get bytes() {
          return wordBytes(view.word(`${segment}Selector`)).subarray(0, 2);
        },
      };
    }
    const control = CONTROL.find((known) => known === name);
    return control && this.#wordValue(UNSIGNED_INT, () => view.word(control));
  }

  #wordValue(type: CType, read: () => number, write?: (value: number) => void): Value {
    return {
      kind: 'value',
      type,
      location: {
        kind: 'register',
        write: (bytes) => {
          if (write === undefined) {
            throw new UserError('This register cannot be set.');
          }
          write(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true));
        },
      },
      get word() {
        return read() >>> 0;
      },
      get bytes() {
        return wordBytes(read());
      },
    };
  }

  function(name: string): HostFunction | undefined {
    return this.#place.functions.get(name);
  }

  symbolAt(address: number): string | undefined {
    return nameOfAddress(this.#place.program, address);
  }

  *names(prefix: string): Iterable<ScopeName> {
    const { program, frame, functions } = this.#place;
    let count = 0;
    const seen = new Set<string>();
    const candidates = function* (): Generator<ScopeName> {
      for (const { variables } of program.symbols.variablesAt(frame.pc)) {
        yield* variables.map(({ name }) => ({ name, kind: 'variable' as const }));
      }
      yield* [...functions.keys()].map((name) => ({ name, kind: 'function' as const }));
      yield* [...GENERAL, 'eip', 'eflags', ...SEGMENT_NAMES, ...CONTROL].map((name) => ({
        name,
        kind: 'register' as const,
      }));
      for (const { name } of program.symbols.globals()) {
        yield { name, kind: 'variable' };
      }
    };
    for (const candidate of candidates()) {
      if (candidate.name.startsWith(prefix) && !seen.has(candidate.name)) {
        seen.add(candidate.name);
        yield candidate;
        if (++count >= MOST_NAMES) {
          return;
        }
      }
    }
  }
}

function memoryOf({ xen, view, checkChange }: ScopePlace): Memory {
  return {
    read(address, length) {
      const bytes = view.read(address >>> 0, length);
      return bytes.length === length ? bytes : undefined;
    },
    read32: (address) => view.read32(address >>> 0),
    write(address, bytes) {
      checkChange();
      writeVirtual(xen, view, address, bytes);
    },
  };
}

/** Writes through the page tables of a virtual processor, all or nothing. Throws a sentence. */
export function writeVirtual(xen: Xen, view: VcpuView, address: number, bytes: Uint8Array): void {
  const parts: { readonly at: number; readonly from: number; readonly length: number }[] = [];
  for (let done = 0; done < bytes.length; ) {
    const linear = (address + done) >>> 0;
    const length = Math.min(bytes.length - done, 4096 - (linear & 0xfff));
    const at = view.physicalOf(linear);
    if (at === undefined) {
      throw new UserError(`Nothing is mapped at 0x${linear.toString(16)}.`);
    }
    const refusal = refusalToPoke(xen, at, length);
    if (refusal !== undefined) {
      throw new UserError(refusal);
    }
    parts.push({ at, from: done, length });
    done += length;
  }
  for (const { at, from, length } of parts) {
    poke(xen, at, bytes.subarray(from, from + length));
  }
}

function bytesOfField(value: FieldValue): Uint8Array {
  if (typeof value === 'string') {
    return Uint8Array.from([...value, '\0'], (character) => character.charCodeAt(0) & 0xff);
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
  return bytes;
}

function wordBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
  return bytes;
}

function constant(type: CType, value: number): Value {
  return {
    kind: 'value',
    type,
    location: { kind: 'none' },
    bytes: wordBytes(value).subarray(0, sizeOf(type) || 4),
  };
}

/** The bytes of a variable that is not in memory as a whole; undefined where a part is nowhere. */
function bytesAt(
  location: VariableLocation,
  size: number,
  frame: FrameMachine,
): Uint8Array | undefined {
  switch (location.kind) {
    case 'memory':
      return frame.read(location.address, size);
    case 'register': {
      const word = frame.register(location.number);
      return word === undefined ? undefined : padded(wordBytes(word), size);
    }
    case 'value':
      return padded(location.bytes, size);
    case 'unavailable':
      return undefined;
    case 'pieces':
      return joined(location, size, frame);
  }
}

function joined(
  { pieces }: Extract<VariableLocation, { kind: 'pieces' }>,
  size: number,
  frame: FrameMachine,
): Uint8Array | undefined {
  const bytes = new Uint8Array(size);
  let bit = 0;
  for (const { bitSize, bitOffset, location } of pieces) {
    const part = bytesAt(location, Math.ceil((bitOffset + bitSize) / 8), frame);
    if (part === undefined || bit + bitSize > size * 8) {
      return undefined;
    }
    for (let i = 0; i < bitSize; i++, bit++) {
      const from = bitOffset + i;
      const isSet = ((part[from >>> 3] ?? 0) >>> (from & 7)) & 1;
      bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) | (isSet << (bit & 7));
    }
  }
  return bytes;
}

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const all = new Uint8Array(size);
  all.set(bytes.subarray(0, size));
  return all;
}

/** Names of the bits of EFLAGS that are set, as debuggers write them. */
export function flagNamesOf(eflags: number): string {
  const names: [string, number][] = [
    ['CF', EFLAGS.carry],
    ['PF', EFLAGS.parity],
    ['AF', EFLAGS.adjust],
    ['ZF', EFLAGS.zero],
    ['SF', EFLAGS.sign],
    ['TF', EFLAGS.trap],
    ['IF', EFLAGS.interrupt],
    ['DF', EFLAGS.direction],
    ['OF', 0x800],
    ['NT', EFLAGS.nestedTask],
    ['RF', EFLAGS.resume],
    ['AC', EFLAGS.alignment],
    ['ID', EFLAGS.identification],
  ];
  return names
    .filter(([, bit]) => (eflags & bit) !== 0)
    .map(([name]) => name)
    .join(' ');
}
