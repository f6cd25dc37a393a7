/** The engine that executes every instruction from its decoded record, in generated WebAssembly. */

import type { Forms } from '../form.ts';
import { FAULT, type Native } from '../native.ts';
import type { Processor } from '../processor.ts';
import { writeHandlers } from './handlers.ts';
import { handlerNatives } from './natives.ts';

type Imported = (...values: number[]) => number;

export class ColdTier {
  /** Runs from a record; answers the record that is next. */
  readonly run: (record: number, budget: number) => number;

  constructor(processor: Processor, forms: Forms) {
    const { memory } = processor;
    const { bytes, imports } = writeHandlers(memory, forms.all, handlerNatives);
    const functions: Record<string, unknown> = {
      memory: memory.memory,
      table: new WebAssembly.Table({ initial: forms.all.length, element: 'anyfunc' }),
    };
    for (const native of imports) {
      functions[native.name] = bind(processor, native);
    }
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: functions });
    this.run = instance.exports['run'] as (record: number, budget: number) => number;
  }
}

/** What generated code sees of a fault is only that the state says so. */
function bind(processor: Processor, { run, parameters }: Native): Imported {
  const guard = (attempt: () => number | undefined | void): number => {
    try {
      return attempt() ?? 0;
    } catch (error) {
      if (error !== FAULT) {
        throw error;
      }
      return 0;
    }
  };
  switch (parameters) {
    case 0:
      return () => guard(() => run(processor));
    case 1:
      return (a) => guard(() => run(processor, a as number));
    case 2:
      return (a, b) => guard(() => run(processor, a as number, b as number));
    case 3:
      return (a, b, c) => guard(() => run(processor, a as number, b as number, c as number));
    default:
      return (...values) => guard(() => run(processor, ...values));
  }
}
