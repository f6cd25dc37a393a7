/**
 * A WebAssembly module while it is written: imports, functions of 32-bit integers, one memory, one table.
 *
 * It knows nothing of x86. Source: WebAssembly core specification, chapter 5.5.
 */

import { type Code, signed, unsigned } from './code.ts';
import { OP, TYPE } from './opcodes.ts';

const SECTION = { type: 1, import: 2, function: 3, export: 7, element: 9, code: 10 } as const;
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** Pages of a memory of 4 GB. */
const MOST_PAGES = 65_536;
const KIND = { function: 0, table: 1, memory: 2 } as const;

export class ModuleWriter {
  readonly #types: string[] = [];
  readonly #imports: { name: string; type: number }[] = [];
  readonly #functions: { name: string; type: number; code: Code; isExported: boolean }[] = [];
  readonly #elements: string[] = [];

  /** The index of a function type of that many 32-bit parameters and results. */
  type(parameters: number, results: number): number {
    const key = `${parameters},${results}`;
    const found = this.#types.indexOf(key);
    return found >= 0 ? found : this.#types.push(key) - 1;
  }

  /** Declares an imported function once; imports may be added until `finish`. */
  import(name: string, parameters: number): void {
    if (!this.#imports.some((i) => i.name === name)) {
      this.#imports.push({ name, type: this.type(parameters, 1) });
    }
  }

  function(name: string, results: number, code: Code, isExported = false): void {
    this.#functions.push({ name, type: this.type(code.parameters, results), code, isExported });
  }

  /** Appends a function to the table that `call_indirect` uses; answers its slot. */
  element(name: string): number {
    return this.#elements.push(name) - 1;
  }

  /** The module's bytes. It imports a memory of any size, `e.memory`, and a table, `e.table`. */
  finish(): Uint8Array<ArrayBuffer> {
    const indices = new Map<string, number>();
    for (const { name } of [...this.#imports, ...this.#functions]) {
      indices.set(name, indices.size);
    }
    const indexOf = (name: string): number => {
      const index = indices.get(name);
      if (index === undefined) {
        throw new RangeError(`no function ${name}`);
      }
      return index;
    };
    const bodies = this.#functions.map((f) => f.code.finish(indexOf));
    const exported = this.#functions.filter((f) => f.isExported);
    return concatenate([
      HEADER,
      section(SECTION.type, vector(this.#types.map(functionType))),
      section(SECTION.import, this.#importSection()),
      section(SECTION.function, vector(this.#functions.map((f) => unsigned(f.type)))),
      section(
        SECTION.export,
        vector(exported.map((f) => [...text(f.name), KIND.function, ...unsigned(indexOf(f.name))])),
      ),
      section(SECTION.element, [
        ...[1, 0, OP.i32Const, ...signed(0), OP.end],
        ...vector(this.#elements.map((name) => unsigned(indexOf(name)))),
      ]),
      codeSection(bodies),
    ]);
  }

  #importSection(): number[] {
    const functions = this.#imports.map(({ name, type }) => [
      ...[...text('e'), ...text(name)],
      ...[KIND.function, ...unsigned(type)],
    ]);
    return vector([
      ...functions,
      [...text('e'), ...text('memory'), KIND.memory, 1, 0, ...unsigned(MOST_PAGES)],
      [...text('e'), ...text('table'), KIND.table, TYPE.funcref, 0, ...unsigned(0)],
    ]);
  }
}

function functionType(key: string): number[] {
  const [parameters = 0, results = 0] = key.split(',').map(Number);
  const types = (n: number): number[] => [...unsigned(n), ...new Array<number>(n).fill(TYPE.i32)];
  return [TYPE.func, ...types(parameters), ...types(results)];
}

function text(value: string): number[] {
  return [...unsigned(value.length), ...Array.from(value, (c) => c.charCodeAt(0))];
}

function vector(items: readonly (readonly number[])[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, body: readonly number[]): number[] {
  return [id, ...unsigned(body.length), ...body];
}

function codeSection(bodies: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const count = unsigned(bodies.length);
  const size = bodies.reduce((sum, body) => sum + body.length, count.length);
  return concatenate([[SECTION.code, ...unsigned(size), ...count], ...bodies]);
}

function concatenate(parts: readonly ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
