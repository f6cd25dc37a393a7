/**
 * Each instruction compiled by itself, its operands as constants.
 *
 * The emitter writes handlers that read operands from the record, and will write compiled blocks
 * that have them as constants. This engine does the second for single instructions, so that both
 * can be held to the same state.
 */

import { bind } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import {
  calledExits,
  FIRST_FORM,
  HANDLER,
  writeForm,
  writeHelpers,
} from '../../emulator/cpu/cold-tier/handlers.ts';
import { handlerNatives } from '../../emulator/cpu/cold-tier/natives.ts';
import { Emitter } from '../../emulator/cpu/emitter.ts';
import type { EngineMaker } from '../../emulator/cpu/engine.ts';
import { instructionSet } from '../../emulator/cpu/instruction-set.ts';
import type { Native } from '../../emulator/cpu/native.ts';
import type { Processor } from '../../emulator/cpu/processor.ts';
import { RECORD, RECORD_SIZE, type RecordField } from '../../emulator/cpu/record.ts';
import { Code } from '../../emulator/wasm/code.ts';
import { ModuleWriter } from '../../emulator/wasm/module.ts';
import { runRecords } from './record-loop.ts';

type Compiled = (record: number) => number;

/** Bit that a handler sets in the record it answers when its instruction is not done. */
const NOT_DONE = 1;

export const constantEngine: EngineMaker = (cpu) => {
  const compiled = new Map<string, Compiled>();
  return {
    run: (first) =>
      runRecords(cpu, first, (record, handler) => {
        if (handler < FIRST_FORM) {
          return HANDLER.raise === handler ? raise(cpu, record) : undefined;
        }
        const fields = fieldsOf(cpu, record);
        const key = `${handler} ${Object.values(fields).join(' ')}`;
        const run = compiled.get(key) ?? compile(cpu, handler, fields);
        compiled.set(key, run);
        const next = run(record);
        return next & NOT_DONE ? undefined : next;
      }),
  };
};

function raise(cpu: Processor, record: number): undefined {
  const { immediate, immediate2 } = fieldsOf(cpu, record);
  bind(cpu, handlerNatives.raise)(immediate, immediate2);
}

function fieldsOf(cpu: Processor, record: number): Record<RecordField, number> {
  const words = cpu.memory.u32.subarray(record >>> 2, (record + RECORD_SIZE) >>> 2);
  const entries = Object.entries(RECORD).map(([name, offset]) => [name, words[offset / 4]]);
  return Object.fromEntries(entries);
}

/** A module of one function, with the operands of one record as literals. */
function compile(
  cpu: Processor,
  handler: number,
  fields: Readonly<Record<RecordField, number>>,
): Compiled {
  const form = instructionSet.forms.all[handler - FIRST_FORM];
  if (form === undefined) {
    throw new RangeError(`handler ${handler}`);
  }
  const module = new ModuleWriter();
  const used = new Map<string, Native>(
    (Object.values(handlerNatives) as Native[]).map((native) => [native.name, native]),
  );
  writeHelpers(module, handlerNatives, used);
  const code = new Code(1);
  writeForm(new Emitter(code, calledExits, handlerNatives, used, fields), form);
  code.emit(0x00); // unreachable
  module.function('instruction', 1, code, true);
  const imports: Record<string, unknown> = {
    memory: cpu.memory.memory,
    table: new WebAssembly.Table({ initial: 0, element: 'anyfunc' }),
  };
  for (const native of used.values()) {
    module.import(native.name, native.parameters);
    imports[native.name] = bind(cpu, native);
  }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {
    e: imports,
  });
  return instance.exports['instruction'] as Compiled;
}
