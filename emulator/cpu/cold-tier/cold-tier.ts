/**
 * The engine that executes every instruction from its decoded record, in generated WebAssembly.
 *
 * Writing its code takes longer than starting a program may take: a build does it once and hands
 * the bytes over.
 */

import { Defect } from '../../assert.ts';
import type { EngineMaker } from '../engine.ts';
import { instructionSet } from '../instruction-set.ts';
import { FAULT, type Native, nativeNamed } from '../native.ts';
import type { Processor } from '../processor.ts';
import { writeHandlers } from './handlers.ts';
import { handlerNatives } from './natives.ts';

type Imported = (...values: number[]) => number;

/** The cold tier's code, which serves any number of machines. */
export interface ColdTierCode {
  readonly module: WebAssembly.Module;
  readonly natives: readonly Native[];
}

/** Writes the code of the cold tier: bytes of a WebAssembly module. */
export function writeColdTier(): Uint8Array<ArrayBuffer> {
  return writeHandlers(instructionSet.forms, handlerNatives);
}

/** Compiles the cold tier's code, from bytes that `writeColdTier` wrote in this same version. */
export function compileColdTier(bytes?: Uint8Array<ArrayBuffer>): ColdTierCode {
  const module = new WebAssembly.Module(bytes ?? writeColdTier());
  const exported = WebAssembly.Module.exports(module).map(({ name }) => name);
  if (!exported.includes(instructionSet.forms.signature)) {
    throw new Defect('The prepared code of the cold tier is of another version: build it again.');
  }
  const natives = WebAssembly.Module.imports(module)
    .filter(({ kind }) => kind === 'function')
    .map(({ name }) => nativeNamed(name));
  return { module, natives };
}

/** The code as written here and now: always the same, so once is enough. */
const writtenHere = once(compileColdTier);

/** A value worked out when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Makes engines of the cold tier; without `code` it is written and compiled at the first use. */
export function coldTier(code?: ColdTierCode): EngineMaker {
  return (processor) => {
    const { module, natives } = code ?? writtenHere();
    const { memory } = processor;
    const { length } = instructionSet.forms.all;
    const imports: Record<string, unknown> = {
      memory: memory.memory,
      table: new WebAssembly.Table({ initial: length, element: 'anyfunc' }),
    };
    for (const native of natives) {
      imports[native.name] = bind(processor, native);
    }
    const { exports } = new WebAssembly.Instance(module, { e: imports });
    return { run: exports['run'] as (record: number, budget: number) => number };
  };
}

/**
 * A native as an import: what generated code sees of a fault is only that the state says so.
 * Hot: each number of parameters has a function of its own, which makes no closure when called.
 */
export function bind(processor: Processor, { run, parameters }: Native): Imported {
  switch (parameters) {
    case 1:
      return (a) => {
        try {
          return run(processor, a as number) ?? 0;
        } catch (error) {
          return afterFault(error);
        }
      };
    case 2:
      return (a, b) => {
        try {
          return run(processor, a as number, b as number) ?? 0;
        } catch (error) {
          return afterFault(error);
        }
      };
    case 3:
      return (a, b, c) => {
        try {
          return run(processor, a as number, b as number, c as number) ?? 0;
        } catch (error) {
          return afterFault(error);
        }
      };
    default:
      return (...values) => {
        try {
          return run(processor, ...values) ?? 0;
        } catch (error) {
          return afterFault(error);
        }
      };
  }
}

/** What a native answers that has faulted; anything else that it throws is our own mistake. */
function afterFault(error: unknown): number {
  if (error !== FAULT) {
    throw error;
  }
  return 0;
}
