/**
 * The cold tier's code: one handler for each form, and the loop that runs them.
 *
 * The forms that compilers emit most lie inside the loop as cases of one `br_table`; the others
 * are functions that it calls. A handler leaves with the record to run next. The set of inlined
 * forms is measured, not guessed (see ARCHITECTURE.md): with more of them V8's code gets slower.
 */

import { Code } from '../../wasm/code.ts';
import { ModuleWriter } from '../../wasm/module.ts';
import { OP } from '../../wasm/opcodes.ts';
import { Emitter, type EmitterNatives, type Exits, HELPER, META } from '../emitter.ts';
import { carryFlag, conditions } from '../flags.ts';
import { type Form, type Forms, perform } from '../form.ts';
import type { Native } from '../native.ts';
import { RECORD, RECORD_SIZE } from '../record.ts';
import { STATE } from '../state.ts';
import { isInline } from './inline.ts';

/** Handlers that are no instruction. */
export const HANDLER = {
  /** A jump to an address not yet decoded; patches the record that jumped. */
  link: 0,
  /** A jump or fall into another page, which is looked up each time. */
  cross: 1,
  /** A fault or stop is already noted in the state. */
  stop: 2,
  breakpoint: 3,
  /** Raises the exception in immediate (vector) and immediate2 (error code). */
  raise: 4,
  /** An instruction that crosses a page: its second page is looked at each time. */
  crossing: 5,
  /** Continues at the record in `taken`. */
  goto: 6,
} as const;

export const FIRST_FORM = 7;

/** Natives that the loop itself needs. */
export interface HandlerNatives extends EmitterNatives {
  readonly link: Native;
  readonly breakpoint: Native;
  readonly crossing: Native;
  readonly readSlow: Native;
  readonly writeSlow: Native;
  readonly updateSlow: Native;
}

const RECORD_LOCAL = 0;
const BUDGET_LOCAL = 1;

/** Writes the module; its imports are the natives that bodies use, by name. */
export function writeHandlers(
  { all, signature }: Forms,
  natives: HandlerNatives,
): Uint8Array<ArrayBuffer> {
  const module = new ModuleWriter();
  const used = new Map<string, Native>();
  for (const native of Object.values(natives) as Native[]) {
    used.set(native.name, native);
  }
  writeHelpers(module, natives, used);
  const inlined = all.filter(isInline);
  const called = all.slice(inlined.length);
  called.forEach((form, i) => {
    const code = new Code(1);
    writeForm(new Emitter(code, calledExits, natives, used), form);
    code.emit(OP.unreachable);
    module.function(`form${i}`, 1, code);
    module.element(`form${i}`);
  });
  writeLoop(module, inlined, natives, used);
  for (const { name, parameters } of used.values()) {
    module.import(name, parameters);
  }
  const mark = new Code(0);
  module.function(signature, 0, mark, true);
  return module.finish();
}

/** Writes one instruction: with an emitter that has constants, compiled code. */
export function writeForm(emitter: Emitter, form: Form): void {
  emitter.size = form.size;
  emitter.cc = form.cc;
  emitter.isFlat = form.isFlat;
  perform(form, emitter);
  if (!emitter.hasEnded) {
    emitter.finishNext();
  }
}

/** A called handler returns the next record, or its own plus one to leave the loop. */
export const calledExits: Exits = {
  next({ code }) {
    code.get(RECORD_LOCAL);
    code.constant(RECORD_SIZE);
    code.emit(OP.i32Add, OP.return);
  },
  taken({ code }) {
    code.get(RECORD_LOCAL);
    code.memory(OP.i32Load, RECORD.taken, 2);
    code.emit(OP.return);
  },
  self({ code }) {
    code.get(RECORD_LOCAL);
    code.emit(OP.return);
  },
  to(emitter, record) {
    emitter.push(record);
    emitter.code.emit(OP.return);
  },
  leave({ code }) {
    code.get(RECORD_LOCAL);
    code.constant(1);
    code.emit(OP.i32Or, OP.return);
  },
  beforeCall() {},
  afterCall() {},
};

/** An inlined handler branches to the head of the loop; `depth` blocks lie around it. */
function inlineExits(depth: () => number): Exits {
  const head = (code: Code): void => code.branch(code.depth + depth());
  return {
    next({ code }) {
      code.get(RECORD_LOCAL);
      code.constant(RECORD_SIZE);
      code.emit(OP.i32Add);
      code.set(RECORD_LOCAL);
      head(code);
    },
    taken({ code }) {
      code.get(RECORD_LOCAL);
      code.memory(OP.i32Load, RECORD.taken, 2);
      code.set(RECORD_LOCAL);
      head(code);
    },
    self({ code }) {
      head(code);
    },
    to(emitter, record) {
      emitter.push(record);
      emitter.code.set(RECORD_LOCAL);
      head(emitter.code);
    },
    leave({ code }) {
      returnBudget(code, 1);
      code.get(RECORD_LOCAL);
      code.emit(OP.return);
    },
    beforeCall({ code }) {
      returnBudget(code, 0);
    },
    afterCall({ code }) {
      code.constant(0);
      code.memory(OP.i32Load, STATE.budget, 2);
      code.set(BUDGET_LOCAL);
    },
  };
}

/** Stores the budget, given back what an instruction that did not end had taken. */
function returnBudget(code: Code, refund: 0 | 1): void {
  code.constant(0);
  code.get(BUDGET_LOCAL);
  if (refund) {
    code.constant(1);
    code.emit(OP.i32Add);
  }
  code.memory(OP.i32Store, STATE.budget, 2);
}

/** `run(record, budget)`: runs until the budget is used or something wants to leave. */
function writeLoop(
  module: ModuleWriter,
  inlined: readonly Form[],
  natives: HandlerNatives,
  used: Map<string, Native>,
): void {
  const code = new Code(2);
  const count = FIRST_FORM + inlined.length;
  let current = 0;
  const exits = inlineExits(() => count - current);
  code.open(OP.loop);
  code.get(BUDGET_LOCAL);
  code.emit(OP.i32Eqz);
  code.open(OP.if);
  returnBudget(code, 0);
  code.get(RECORD_LOCAL);
  code.emit(OP.return);
  code.close();
  code.get(BUDGET_LOCAL);
  code.constant(1);
  code.emit(OP.i32Sub);
  code.set(BUDGET_LOCAL);
  for (let i = 0; i <= count; i++) {
    code.open(OP.block);
  }
  code.get(RECORD_LOCAL);
  code.memory(OP.i32Load, RECORD.handler, 2);
  code.branchTable(
    Array.from({ length: count }, (_, i) => i),
    count,
  );
  for (; current < count; current++) {
    code.close();
    code.depth = 0;
    code.releaseLocals();
    const emitter = new Emitter(code, exits, natives, used);
    const form = inlined[current - FIRST_FORM];
    if (form === undefined) {
      writeSpecial(emitter, current, exits, natives);
    } else {
      writeForm(emitter, form);
    }
  }
  code.close();
  code.depth = 0;
  code.releaseLocals();
  writeCalled(new Emitter(code, exits, natives, used), module, count, exits);
  code.close();
  code.emit(OP.unreachable);
  module.function('run', 1, code, true);
}

/** Calls the handler of a form that is not inlined. */
function writeCalled(emitter: Emitter, module: ModuleWriter, inlined: number, exits: Exits): void {
  const { code } = emitter;
  exits.beforeCall(emitter);
  code.get(RECORD_LOCAL);
  code.get(RECORD_LOCAL);
  code.memory(OP.i32Load, RECORD.handler, 2);
  code.constant(inlined);
  code.emit(OP.i32Sub);
  code.callIndirect(module.type(1, 1));
  code.set(RECORD_LOCAL);
  exits.afterCall(emitter);
  code.get(RECORD_LOCAL);
  code.constant(1);
  code.emit(OP.i32And);
  code.open(OP.if);
  returnBudget(code, 1);
  code.get(RECORD_LOCAL);
  code.constant(-2);
  code.emit(OP.i32And, OP.return);
  code.close();
  exits.self(emitter);
}

function writeSpecial(
  emitter: Emitter,
  handler: number,
  exits: Exits,
  natives: HandlerNatives,
): void {
  const { code } = emitter;
  const refund = (): void => {
    code.get(BUDGET_LOCAL);
    code.constant(1);
    code.emit(OP.i32Add);
    code.set(BUDGET_LOCAL);
  };
  /** Goes on with the record that a native answers. */
  const ask = (native: Native): void => {
    exits.beforeCall(emitter);
    code.get(RECORD_LOCAL);
    code.call(native.name);
    code.set(RECORD_LOCAL);
    exits.afterCall(emitter);
    refund();
    exits.self(emitter);
  };
  switch (handler) {
    case HANDLER.link:
      ask(natives.link);
      break;
    case HANDLER.cross:
      refund();
      emitter.jump(emitter.field('eip'));
      break;
    case HANDLER.stop:
      exits.leave(emitter);
      break;
    case HANDLER.breakpoint:
      ask(natives.breakpoint);
      break;
    case HANDLER.crossing:
      ask(natives.crossing);
      break;
    case HANDLER.goto:
      refund();
      exits.taken(emitter);
      break;
    default:
      emitter.call(natives.raise, emitter.field('immediate'), emitter.field('immediate2'));
      exits.leave(emitter);
  }
}

/** Flags that are worked out by a call, and the middle part of memory accesses. */
export function writeHelpers(
  module: ModuleWriter,
  natives: HandlerNatives,
  used: Map<string, Native>,
): void {
  const flag = (name: string, run: (emitter: Emitter) => void): void => {
    const code = new Code(0);
    run(new Emitter(code, calledExits, natives, used));
    module.function(name, 1, code);
  };
  flag(HELPER.carry, (emitter) => emitter.push(carryFlag(emitter)));
  conditions.forEach((condition, half) => {
    flag(HELPER.condition(half), (emitter) => emitter.push(condition(emitter)));
  });
  writeSlow(module, HELPER.slowRead, 3, natives.readSlow);
  writeSlow(module, HELPER.slowUpdate, 3, natives.updateSlow);
  writeSlow(module, HELPER.slowWrite, 4, natives.writeSlow);
}

/**
 * (linear, entry, [value,] meta) → entry: an access that lies within one page and whose entry is
 * there was only unaligned, and goes on; everything else is TypeScript's.
 */
function writeSlow(module: ModuleWriter, name: string, parameters: number, slow: Native): void {
  const code = new Code(parameters);
  const [linear, entry, meta] = [0, 1, parameters - 1];
  code.get(entry);
  code.constant(1);
  code.emit(OP.i32And, OP.i32Eqz);
  code.get(linear);
  code.constant(0xfff);
  code.emit(OP.i32And);
  code.get(meta);
  code.constant(META.sizeMask);
  code.emit(OP.i32And, OP.i32Add);
  code.constant(0x1001);
  code.emit(OP.i32LtU, OP.i32And);
  code.constant(0);
  code.memory(OP.i32Load, STATE.alignmentCheck, 2);
  code.emit(OP.i32Eqz, OP.i32And);
  code.open(OP.if);
  code.get(entry);
  code.emit(OP.return);
  code.close();
  code.get(linear);
  if (parameters === 4) {
    code.get(2);
  }
  code.get(meta);
  code.call(slow.name);
  module.function(name, 1, code);
}
