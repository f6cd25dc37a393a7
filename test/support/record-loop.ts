/** The loop around engines that execute one record at a time, outside generated code. */

import { HANDLER } from '../../emulator/cpu/cold-tier/handlers.ts';
import type { Processor } from '../../emulator/cpu/processor.ts';
import { RECORD } from '../../emulator/cpu/record.ts';

/** Executes the instruction of a record; answers the next record, or undefined if it is not done. */
type Execute = (record: number, handler: number) => number | undefined;

/** Runs from a record on until the budget is used or an instruction is not done. */
export function runRecords(cpu: Processor, first: number, execute: Execute): number {
  const { state, memory, code } = cpu;
  const word = (at: number): number => memory.u32[at >>> 2] as number;
  let record = first;
  while (state.budget > 0) {
    const handler = word(record);
    switch (handler) {
      case HANDLER.link:
        record = code.link(record);
        continue;
      case HANDLER.cross:
        record = code.find(word(record + RECORD.eip));
        continue;
      case HANDLER.crossing:
        record = code.crossing(record);
        continue;
      case HANDLER.goto:
        record = word(record + RECORD.taken);
        continue;
      case HANDLER.breakpoint:
        state.budget -= 1;
        record = cpu.atBreakpoint(record);
        state.budget += 1;
        continue;
      case HANDLER.stop:
        return record;
      default:
    }
    state.budget -= 1;
    const next = execute(record, handler);
    if (next === undefined) {
      state.budget += 1;
      return record;
    }
    record = next;
  }
  return record;
}
