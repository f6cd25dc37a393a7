/**
 * Steps: by instruction, by line over and into calls, and out of a function, as goals of a run.
 *
 * Calls are run through at full speed, to a stop behind them in the same frame of the stack. So are
 * traps and upcalls that come in between, unless the user steps by instruction.
 */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import type { BreakpointTable, StepTarget } from './breakpoint-table.ts';
import { instructionAt, type NextInstruction } from './instruction-at.ts';
import { hypercallStubAt, type Program } from './program.ts';
import { type Goal, SLICE } from './runner.ts';

/** What a step is made with. */
export interface StepTools {
  readonly vcpu: Vcpu;
  readonly view: VcpuView;
  readonly program: Program;
  readonly table: BreakpointTable;
  /** Whether the virtual processor is the one that executes. */
  isCurrent(): boolean;
  /** Tells the processor of new targets. */
  arm(): void;
  /** Ends the run when the virtual processor gets its next turn, before it executes. */
  stopWhenScheduled(): void;
  /** How often this virtual processor has been taken to a handler. */
  entries(): number;
}

/** Where execution goes on after something has been run through. */
interface Resumption {
  readonly eip: number;
  readonly esp: number;
}

abstract class Step implements Goal {
  protected readonly tools: StepTools;
  /** The step runs on to a target, and looks about when it is there. */
  #isRunning = false;

  constructor(tools: StepTools) {
    this.tools = tools;
  }

  next(): number | 'settle' | 'done' {
    if (this.#isRunning) {
      if (!this.tools.table.targetReached) {
        return SLICE;
      }
      this.clear();
    }
    // While others have the processor, the step waits for its turn.
    return this.tools.isCurrent() ? this.advance() : this.#waiting();
  }

  #waiting(): number {
    this.tools.stopWhenScheduled();
    return SLICE;
  }

  protected abstract advance(): number | 'settle' | 'done';

  /** Runs until the stack is back where it was, at one of these places. */
  protected runTo(...places: readonly Resumption[]): number {
    const { vcpu, view, table } = this.tools;
    const targets: StepTarget[] = places.map(({ eip, esp }) => ({
      address: (eip + view.word('csBase')) >>> 0,
      holds: (at) => at === vcpu && view.word('esp') >= esp,
    }));
    table.setTargets(targets);
    this.tools.arm();
    this.#isRunning = true;
    return SLICE;
  }

  /** Forgets the targets. */
  clear(): void {
    this.#isRunning = false;
    this.tools.table.setTargets([]);
    this.tools.arm();
  }
}

/** One instruction; with `over`, a call or software interrupt and all that it does. */
export class InstructionStep extends Step {
  readonly #isOver: boolean;
  #state: 'begin' | 'executed' | 'runs' = 'begin';

  constructor(tools: StepTools, isOver: boolean) {
    super(tools);
    this.#isOver = isOver;
  }

  protected advance(): number | 'settle' | 'done' {
    const { view } = this.tools;
    if (this.#state !== 'begin') {
      return 'done';
    }
    const instruction = instructionAt(view);
    const isRunThrough =
      this.#isOver &&
      instruction.length > 0 &&
      (instruction.kind === 'call' ||
        instruction.kind === 'interrupt' ||
        instruction.kind === 'repeated');
    if (isRunThrough) {
      this.#state = 'runs';
      return this.runTo({ eip: view.eip + instruction.length, esp: view.word('esp') });
    }
    this.#state = 'executed';
    return 1;
  }

  override next(): number | 'settle' | 'done' {
    // A virtual processor that went to sleep has executed its instruction all the same.
    return this.#state === 'executed' && !this.tools.isCurrent() ? 'done' : super.next();
  }
}

/** What a step goes into: nothing, whatever is called, or what the instruction at an address calls. */
export type Into = 'nothing' | 'calls' | number;

/** To the beginning of another line, over or into calls. */
export class LineStep extends Step {
  readonly #into: Into;
  /** Whether the instruction that was executed is a call to go into. */
  #hasGoneInto = false;
  #range: { start: number; end: number; line: number; file: string } | undefined;
  #instruction: NextInstruction | undefined;
  #before: Resumption = { eip: 0, esp: 0 };
  #entriesBefore = 0;
  #hasBegun = false;
  /** The step has entered a function and runs to the end of its prologue. */
  #entersFunction = false;
  /** Where a call of the hypercall page comes back to, while its stub is executed. */
  #stubReturn: Resumption | undefined;
  /** The next instruction is the call of the hypervisor that the user wants to step into. */
  reachesHypervisor = false;

  constructor(tools: StepTools, into: Into) {
    super(tools);
    this.#into = into;
    this.#range = tools.program.symbols.rangeOfLine(tools.view.linearEip);
  }

  protected advance(): number | 'settle' | 'done' {
    if (this.#entersFunction) {
      return 'done';
    }
    if (this.#stubReturn !== undefined) {
      return this.#throughStub(this.#stubReturn);
    }
    if (this.#hasBegun) {
      const verdict = this.#look();
      if (verdict !== 'on') {
        return verdict;
      }
    }
    this.#hasBegun = true;
    return this.#stepOne();
  }

  /** After an instruction: whether the step is over. */
  #look(): number | 'done' | 'on' {
    const { view, program, entries } = this.tools;
    if (entries() !== this.#entriesBefore) {
      // A handler runs: back to what it has interrupted.
      return this.#runThroughHandler();
    }
    const pc = view.linearEip;
    if (this.#hasGoneInto) {
      this.#hasGoneInto = false;
      return this.#entered(pc);
    }
    const range = this.#range;
    if (range !== undefined && pc >= range.start && pc < range.end) {
      return 'on';
    }
    const now = program.symbols.rangeOfLine(pc);
    if (now === undefined) {
      // Code without lines: a stub on the way, or the end of what is known.
      return this.#instruction?.kind === 'return' || range === undefined ? 'done' : 'on';
    }
    const isSameLine = range !== undefined && now.line === range.line && now.file === range.file;
    const isInMiddle = now.start !== pc;
    this.#range = now;
    return (isSameLine && this.#instruction?.kind !== 'return') || isInMiddle ? 'on' : 'done';
  }

  #runThroughHandler(): number {
    this.#entriesBefore = this.tools.entries();
    const { eip, esp } = this.#before;
    const length = this.#instruction?.length ?? 0;
    // A fault comes back to its instruction, an upcall or software interrupt to the next one.
    return this.runTo({ eip, esp }, { eip: eip + length, esp });
  }

  #stepOne(): number | 'done' {
    const { view, entries } = this.tools;
    const instruction = instructionAt(view);
    this.#instruction = instruction;
    this.#entriesBefore = entries();
    const esp = view.word('esp');
    this.#before = { eip: view.eip, esp };
    const isWanted = this.#into === 'calls' || this.#into === view.linearEip;
    if (instruction.kind === 'interrupt' && this.#into === view.linearEip) {
      this.reachesHypervisor = true;
      return 'done';
    }
    this.#hasGoneInto = instruction.kind === 'call' && isWanted;
    const isRunThrough =
      instruction.length > 0 &&
      (instruction.kind === 'repeated' ||
        instruction.kind === 'interrupt' ||
        (instruction.kind === 'call' && !isWanted));
    return isRunThrough ? this.runTo({ eip: view.eip + instruction.length, esp }) : 1;
  }

  /** A stub of the hypercall page: instruction by instruction to its software interrupt. */
  #throughStub(back: Resumption): number | 'done' {
    this.#stubReturn = back;
    const { view, program } = this.tools;
    if (instructionAt(view).kind === 'interrupt') {
      this.reachesHypervisor = true;
      return 'done';
    }
    if (!isHypercallStub(program, view.linearEip)) {
      this.#stubReturn = undefined;
      return this.runTo(back);
    }
    return 1;
  }

  /** A call has been made that the user wants to see: to its first line, or through it. */
  #entered(pc: number): number | 'done' {
    const { program, view } = this.tools;
    const callee = program.symbols.functionAt(pc);
    const length = this.#instruction?.length ?? 0;
    const back = { eip: this.#before.eip + length, esp: this.#before.esp };
    this.#instruction = undefined;
    if (isHypercallStub(program, pc)) {
      return this.#throughStub(back);
    }
    if (callee === undefined || program.symbols.locationAt(pc) === undefined) {
      return this.runTo(back);
    }
    this.#entersFunction = true;
    return callee.afterPrologue === pc
      ? 'done'
      : this.runTo({ eip: callee.afterPrologue - view.word('csBase'), esp: 0 }, back);
  }
}

const isHypercallStub = ({ kernel }: Program, pc: number): boolean =>
  hypercallStubAt(kernel, pc) !== undefined;

/** To where a function returns. */
export class StepOut extends Step {
  readonly #to: Resumption;
  #hasBegun = false;

  /** @param to what comes behind the call, and where the stack is then */
  constructor(tools: StepTools, to: Resumption) {
    super(tools);
    this.#to = to;
  }

  protected advance(): number | 'done' {
    if (this.#hasBegun) {
      return 'done';
    }
    this.#hasBegun = true;
    return this.runTo(this.#to);
  }
}

/** To an address, by whichever virtual processor of the domain. */
export class RunToAddress extends Step {
  readonly #address: number;
  #hasBegun = false;

  constructor(tools: StepTools, address: number) {
    super(tools);
    this.#address = address;
  }

  protected advance(): number | 'done' {
    if (this.#hasBegun) {
      return 'done';
    }
    this.#hasBegun = true;
    return this.runTo({ eip: this.#address - this.tools.view.word('csBase'), esp: 0 });
  }
}
