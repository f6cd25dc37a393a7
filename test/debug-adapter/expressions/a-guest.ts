/** A guest with memory, variables, types and registers, which expressions are evaluated in. */

import {
  BOOL,
  CHAR,
  DOUBLE,
  FLOAT,
  INT,
  LONG_DOUBLE,
  LONG_LONG,
  pointerTo,
  UNSIGNED_CHAR,
  UNSIGNED_INT,
  UNSIGNED_LONG,
} from '../../../debug-adapter/expressions/base-types.ts';
import { childrenOf } from '../../../debug-adapter/expressions/children.ts';
import { evaluate } from '../../../debug-adapter/expressions/evaluate.ts';
import { formatValue } from '../../../debug-adapter/expressions/format.ts';
import { parseExpression } from '../../../debug-adapter/expressions/parser.ts';
import {
  type ExpressionScope,
  type HostFunction,
  type Result,
  typeNamesOf,
  type Value,
} from '../../../debug-adapter/expressions/scope.ts';
import type {
  CompositeType,
  CType,
  EnumType,
  FunctionType,
  Member,
} from '../../../debug-adapter/symbols/c-type.ts';

export const BASE = 0xc010_0000;
const SIZE = 0x3000;

const arrayOf = (element: CType, count: number | undefined, size: number): CType => ({
  kind: 'array',
  element,
  count,
  size,
});

const member = (
  name: string,
  type: CType,
  offset: number,
  bits?: readonly [number, number],
): Member => ({
  name,
  type,
  offset,
  bits: bits === undefined ? undefined : { first: bits[0], count: bits[1] },
});

export const struct = (
  name: string | undefined,
  size: number,
  members: readonly Member[],
  kind: 'struct' | 'union' = 'struct',
): CompositeType => ({ kind, name, size, members, isIncomplete: false });

const state: EnumType = {
  kind: 'enum',
  name: 'state',
  size: 4,
  isSigned: false,
  enumerators: [
    { name: 'RUNNING', value: 0 },
    { name: 'READABLE', value: 1 },
    { name: 'WRITABLE', value: 2 },
    { name: 'DEAD', value: 16 },
  ],
};

export const handler: FunctionType = {
  kind: 'function',
  result: INT,
  parameters: [INT],
  isVariadic: false,
};

const u8: CType = { kind: 'typedef', name: 'u8', target: UNSIGNED_CHAR };
const u32: CType = { kind: 'typedef', name: 'u32', target: UNSIGNED_INT };

/** `struct list { struct list *next, *prev; }` */
const listMembers: Member[] = [];
const list = struct('list', 8, listMembers);
listMembers.push(member('next', pointerTo(list), 0), member('prev', pointerTo(list), 4));

/** `struct task`, 64 bytes. */
const taskMembers: Member[] = [];
const task = struct('task', 64, taskMembers);
taskMembers.push(
  member('pid', INT, 0),
  member('comm', arrayOf(CHAR, 16, 16), 4),
  member('state', state, 20),
  member('next', pointerTo(task), 24),
  member('list', list, 28),
  member('lazy', UNSIGNED_INT, 36, [0, 1]),
  member('nice', INT, 36, [1, 5]),
  member('', struct(undefined, 4, [member('word', u32, 0), member('low', u8, 0)], 'union'), 40),
  member('handle', pointerTo(handler), 44),
  member('name', pointerTo(CHAR), 48),
  member('total', LONG_LONG, 52),
  member('wide', LONG_LONG, 60 - 8 + 0, [4, 40]),
);

const incomplete: CompositeType = {
  kind: 'struct',
  name: 'hidden',
  size: 0,
  members: [],
  isIncomplete: true,
};

const types: Readonly<Record<string, CType>> = {
  u8,
  u32,
  'struct list': list,
  'struct task': task,
  'struct hidden': incomplete,
  'enum state': state,
};

/** Where variables lie, from `BASE`. */
const layout = {
  task: { type: task, offset: 0x100 },
  other: { type: task, offset: 0x140 },
  p: { type: pointerTo(task), offset: 0x180 },
  count: { type: INT, offset: 0x184 },
  words: { type: arrayOf(u32, 8, 32), offset: 0x190 },
  letter: { type: CHAR, offset: 0x1b0 },
  wide: { type: LONG_LONG, offset: 0x1b8 },
  ratio: { type: DOUBLE, offset: 0x1c0 },
  single: { type: FLOAT, offset: 0x1c8 },
  extended: { type: LONG_DOUBLE, offset: 0x1d0 },
  flag: { type: BOOL, offset: 0x1e0 },
  anything: { type: pointerTo({ kind: 'void' }), offset: 0x1e4 },
  bad: { type: pointerTo(task), offset: 0x1e8 },
  text: { type: pointerTo(CHAR), offset: 0x1ec },
  matrix: { type: arrayOf(arrayOf(INT, 3, 12), 2, 24), offset: 0x1f0 },
  address: { type: UNSIGNED_LONG, offset: 0x208 },
  mode: { type: state, offset: 0x20c },
  hidden: { type: pointerTo(incomplete), offset: 0x210 },
  open: { type: arrayOf(INT, undefined, 0), offset: 0x190 },
  argv: { type: pointerTo(pointerTo(CHAR)), offset: 0x214 },
  bytes: { type: arrayOf(u8, 4, 4), offset: 0x218 },
  list: { type: list, offset: 0x21c },
} as const;

export class Guest implements ExpressionScope {
  readonly bytes = new Uint8Array(SIZE);
  readonly registers = { eax: 17, esp: BASE + 0x2000, eip: BASE + 0x24 };
  readonly calls: unknown[][] = [];
  readonly #view = new DataView(this.bytes.buffer);

  constructor() {
    this.#fillTask(0x100, { pid: 3, comm: 'init', next: BASE + 0x140 });
    this.#fillTask(0x140, { pid: 7, comm: 'xenwatch', next: BASE + 0x100 });
    this.put32(0x180, BASE + 0x100);
    this.put32(0x184, 5);
    for (let at = 0; at < 8; at++) {
      this.put32(0x190 + 4 * at, at * at);
    }
    this.bytes[0x1b0] = 65;
    this.#view.setBigInt64(0x1b8, -5_000_000_000n, true);
    this.#view.setFloat64(0x1c0, 0.1, true);
    this.#view.setFloat32(0x1c8, 0.1, true);
    // 1.5 as the x87 stores it.
    this.put32(0x1d4, 0xc000_0000);
    this.#view.setUint16(0x1d8, 0x3fff, true);
    this.bytes[0x1e0] = 1;
    this.put32(0x1e4, BASE + 0x10);
    this.put32(0x1e8, 0x10);
    this.put32(0x1ec, BASE + 0x300);
    this.bytes.set(ascii('hello "you"\n\0'), 0x300);
    for (let at = 0; at < 6; at++) {
      this.put32(0x1f0 + 4 * at, at + 1);
    }
    this.put32(0x208, BASE + 0x24);
    this.put32(0x20c, 3);
    this.put32(0x210, BASE);
    this.put32(0x214, BASE + 0x220 + 0x20);
    this.put32(0x240, BASE + 0x300);
    this.put32(0x244, BASE + 0x306);
    this.bytes.set([1, 2, 255, 0x41], 0x218);
  }

  readonly memory = {
    read: (address: number, length: number): Uint8Array | undefined =>
      this.#has(address, length)
        ? this.bytes.slice(address - BASE, address - BASE + length)
        : undefined,
    read32: (address: number): number | undefined =>
      this.#has(address, 4) ? this.#view.getUint32(address - BASE, true) : undefined,
    write: (address: number, bytes: Uint8Array): void => {
      if (!this.#has(address, bytes.length)) {
        throw new Error(`Nothing can be written at 0x${address.toString(16)}.`);
      }
      this.bytes.set(bytes, address - BASE);
    },
  };

  variable(name: string): Value | undefined {
    if (name === 'handler') {
      return aValue(handler, BASE + 0x20);
    }
    if (name === 'lost') {
      return { kind: 'value', type: INT, location: { kind: 'none' } };
    }
    if (name === 'DEAD') {
      return {
        kind: 'value',
        type: state,
        location: { kind: 'none' },
        bytes: Uint8Array.of(16, 0, 0, 0),
      };
    }
    const found = Object.hasOwn(layout, name) ? layout[name as keyof typeof layout] : undefined;
    return found === undefined ? undefined : aValue(found.type, BASE + found.offset);
  }

  typeNamed(name: string): CType | undefined {
    return Object.hasOwn(types, name) ? types[name] : undefined;
  }

  register(name: string): Value | undefined {
    const { registers } = this;
    if (!Object.hasOwn(registers, name)) {
      return undefined;
    }
    const key = name as keyof typeof registers;
    return {
      kind: 'value',
      type: INT,
      location: {
        kind: 'register',
        write: (bytes) => {
          registers[key] = new DataView(bytes.buffer).getUint32(0, true);
        },
      },
      get bytes() {
        return Uint8Array.from([0, 8, 16, 24], (shift) => registers[key] >>> shift);
      },
      get word() {
        return registers[key];
      },
    };
  }

  function(name: string): HostFunction | undefined {
    return hostFunctions(this.calls).find((candidate) => candidate.name === name);
  }

  symbolAt(address: number): string | undefined {
    if (address >= BASE + 0x20 && address < BASE + 0x40) {
      return address === BASE + 0x20
        ? 'handler'
        : `handler+0x${(address - BASE - 0x20).toString(16)}`;
    }
    return undefined;
  }

  *names(prefix: string): Generator<{
    readonly name: string;
    readonly kind: 'variable' | 'register' | 'function' | 'type';
  }> {
    const all = [
      ...Object.keys(layout).map((name) => ({ name, kind: 'variable' as const })),
      ...Object.keys(this.registers).map((name) => ({ name, kind: 'register' as const })),
      ...['evtchn', 'twice', 'xenstore'].map((name) => ({ name, kind: 'function' as const })),
      ...['u8', 'u32'].map((name) => ({ name, kind: 'type' as const })),
    ];
    yield* all.filter(({ name }) => name.startsWith(prefix));
  }

  put32(offset: number, word: number): void {
    this.#view.setUint32(offset, word, true);
  }

  #has(address: number, length: number): boolean {
    return address >= BASE && address + length <= BASE + SIZE;
  }

  #fillTask(
    at: number,
    fields: { readonly pid: number; readonly comm: string; readonly next: number },
  ): void {
    this.put32(at, fields.pid);
    this.bytes.set(ascii(fields.comm), at + 4);
    this.put32(at + 20, 1);
    this.put32(at + 24, fields.next);
    this.put32(at + 28, BASE + 0x21c);
    this.put32(at + 36, 0b11101_1);
    this.put32(at + 40, 0x1234_5678);
    this.put32(at + 44, BASE + 0x20);
    this.put32(at + 48, BASE + 0x300);
  }
}

function hostFunctions(calls: unknown[][]): readonly HostFunction[] {
  const number = (value: number): Value => ({
    kind: 'value',
    type: UNSIGNED_INT,
    location: { kind: 'none' },
    bytes: Uint8Array.from([0, 8, 16, 24], (shift) => value >>> shift),
  });
  return [
    {
      name: 'twice',
      parameters: [{ name: 'number', kind: 'number' }],
      call: ([value]) => number(2 * Number(value)),
    },
    {
      name: 'evtchn',
      parameters: [{ name: 'port', kind: 'number' }],
      summary: 'The state of an event channel.',
      call: ([port]) => {
        calls.push(['evtchn', port]);
        return {
          kind: 'tree',
          summary: `port ${port}: interdomain`,
          children: () => [
            { name: 'port', value: number(Number(port)) },
            { name: 'pending', value: number(1) },
          ],
        };
      },
    },
    {
      name: 'xenstore',
      parameters: [
        { name: 'path', kind: 'text' },
        { name: 'depth', kind: 'number', isOptional: true },
      ],
      call: (args) => {
        calls.push(['xenstore', ...args]);
        if (args[0] === 'nowhere') {
          throw new Error('There is no node "nowhere".');
        }
        const children = [{ name: '51712', value: number(4) }] as const;
        return { kind: 'tree', summary: 'device/vbd', children: () => children };
      },
    },
  ];
}

export function aValue(type: CType, address: number): Value {
  return { kind: 'value', type, location: { kind: 'memory', address } };
}

const ascii = (text: string): number[] => Array.from(text, (letter) => letter.charCodeAt(0));

/** Evaluates a text, allowed to change the guest. */
export function valueOfText(text: string, guest: Guest = new Guest()): Result {
  const expression = parseExpression(text, typeNamesOf(guest));
  return evaluate(expression, guest, { allowsSideEffects: true });
}

/** What a user sees of an expression: its value, or the sentence that says why there is none. */
export function shown(text: string, guest: Guest = new Guest()): string {
  const expression = parseExpression(text, typeNamesOf(guest));
  const value = evaluate(expression, guest, { allowsSideEffects: true });
  return formatValue(value, guest, { format: expression.format });
}

/** The children of an expression's value as lines: name, value, and what evaluates to it. */
export function childLines(
  text: string,
  guest: Guest = new Guest(),
  page: { readonly start?: number; readonly count?: number } = {},
): readonly string[] {
  const expression = parseExpression(text, typeNamesOf(guest));
  const value = evaluate(expression, guest, { allowsSideEffects: false });
  return childrenOf(value, expression.body, guest, page).map(
    (child) => `${child.name}: ${formatValue(child.value, guest)} | ${child.evaluateName}`,
  );
}
