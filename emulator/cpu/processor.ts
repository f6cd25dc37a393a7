/**
 * One i386 processor: registers, memory as it sees it, and the loop around generated code.
 *
 * `run` executes an exact number of instructions or fewer, and says why it stopped. Everything
 * between two instructions happens here: exceptions on their way to a handler, interrupts, single
 * step, debug registers. Nothing reads a clock: time is the count of retired instructions.
 */

import { assert } from '../assert.ts';
import { type LinearMemory, REGION } from '../memory/linear-memory.ts';
import { Ram } from '../memory/ram.ts';
import { Tlb } from '../memory/tlb.ts';
import { CodeCache } from './code-cache.ts';
import { coldTier } from './cold-tier/cold-tier.ts';
import { SIGNATURE } from './cpuid.ts';
import { DebugRegisters } from './debug-registers.ts';
import type { Engine, EngineMaker } from './engine.ts';
import type { Environment, Event } from './environment.ts';
import { combine, hasErrorCode, VECTOR } from './exceptions.ts';
import { arithmeticFlags, EFLAGS, eflagsOf, flagWords } from './flags.ts';
import { GuestAccess } from './guest-access.ts';
import { instructionSet } from './instruction-set.ts';
import { FAULT } from './native.ts';
import { RECORD, RECORD_SIZE } from './record.ts';
import { EXIT, makeState, type State, TRANSIENT } from './state.ts';
import type { StopReason } from './stop-reason.ts';
import { updateControl } from './system/control-registers.ts';
import { deliver } from './system/interrupts.ts';
import { resetSegments, setPrivilege, updateSegments } from './system/segmentation.ts';
import type { SystemSpace } from './system/system-space.ts';
import { type WatchHit, Watchpoints } from './watchpoints.ts';

/** What of a processor a checkpoint keeps. */
export interface ProcessorImage {
  readonly registers: Uint8Array;
  readonly translations: Uint32Array;
}

/** At most so many instructions between two looks around. */
const SLICE = 1 << 24;
/** No budget. */
const NEVER = 0xffff_ffff;

/** No value of EIP. */
const NOWHERE = -1;
/** Every run answers one of these two, so they are made once. */
const BUDGET: StopReason = { kind: 'budget' };
const HALTED: StopReason = { kind: 'halted' };

export class Processor {
  readonly memory: LinearMemory;
  readonly ram: Ram;
  readonly tlb: Tlb;
  readonly state: State;
  readonly environment: Environment;
  readonly access: GuestAccess;
  readonly code: CodeCache;
  readonly watchpoints: Watchpoints;
  readonly debug: DebugRegisters;
  /** Where descriptor tables lie, if not in linear memory. */
  systemSpace: SystemSpace | undefined;
  /** Off, handlers are always entered and left the long way: for comparing the two. */
  takesShortWays = true;
  readonly #engine: Engine;
  /** The instruction count at which the present run of generated code began. */
  #runStart = 0;
  /** Its budget, and what of it was taken away to end it early. */
  #runBudget = 0;
  #stolen = 0;
  /** Whether generated code is running. */
  #isInside = false;
  #stop: StopReason | undefined;
  /** Where the last run ended, and the record there, good for as long as the code tables stay. */
  #nextEip = NOWHERE;
  #nextRecord = 0;
  #nextGeneration = 0;
  /** At this count of instructions no breakpoint stops: one has already, or the user is there. */
  #passesAt = NOWHERE;
  /** The fault that was noted is that of an instruction breakpoint of the guest. */
  #isBreakpoint = false;
  /** The environment wants the run to end before the event that it was asked about. */
  #isHeld = false;
  /** RF as it was before the software interrupt that the environment is being asked about. */
  #clearedResume = 0;

  /** @param makeEngine what executes instructions; the cold tier unless said otherwise */
  constructor(
    memory: LinearMemory,
    environment: Environment,
    makeEngine: EngineMaker = coldTier(),
  ) {
    this.memory = memory;
    this.environment = environment;
    this.ram = new Ram(memory);
    this.tlb = new Tlb(memory);
    this.state = makeState(memory);
    this.watchpoints = new Watchpoints(this.ram, this.tlb);
    this.access = new GuestAccess(memory, this.ram, this.tlb, this.state, this.watchpoints, () =>
      this.endRun(),
    );
    const { map, forms } = instructionSet;
    this.code = new CodeCache(memory, this.ram, this.tlb, this.state, this.access, map, forms);
    this.debug = new DebugRegisters(this);
    this.#engine = makeEngine(this);
    this.reset();
  }

  /**
   * The state after which a flat 32-bit protected-mode program can start: as after INIT (SDM 3A
   * table 10-1), but in protected mode with flat segments, which real mode would have to set up.
   */
  reset(): void {
    const { state } = this;
    state.systemFlags = EFLAGS.fixed;
    state.cr0 = 0x6000_0011;
    state.dr6 = 0xffff_0ff0;
    state.dr7 = 0x400;
    state.fpuControl = 0x37f;
    state.mxcsr = 0x1f80;
    state.patLow = 0x0007_0406;
    state.patHigh = 0x0007_0406;
    state.edx = SIGNATURE;
    state.shadow = -1;
    state.gdtLimit = 0xffff;
    state.idtLimit = 0xffff;
    resetSegments(this);
    updateControl(this);
  }

  // ---- what natives ask for

  /** Notes an exception that the instruction raises, and leaves the native. */
  fault(vector: number, errorCode = 0): never {
    this.noteFault(vector, errorCode);
    throw FAULT;
  }

  /**
   * Notes an exception that the instruction raises; the native must change nothing any more and
   * return. Hot: where guests fault on purpose, a throw costs more than all else that follows.
   */
  noteFault(vector: number, errorCode = 0): void {
    const { state } = this;
    state.faultVector = vector;
    state.faultError = errorCode;
    state.exit = EXIT.fault;
  }

  /** Leaves the native before its instruction is done, to stop the run. */
  stopHere(reason: StopReason): never {
    this.state.systemFlags = (this.state.systemFlags | this.#clearedResume) >>> 0;
    this.#stop = reason;
    this.state.exit = EXIT.stop;
    throw FAULT;
  }

  /**
   * Ends the run before the exception that the environment is being asked about: nothing has happened
   * yet, and the instruction raises it again when the run goes on.
   */
  holdEvent(reason: StopReason): void {
    this.#stop = reason;
    this.#isHeld = true;
  }

  /** Whether the event that the environment is being asked about is held back. */
  get isEventHeld(): boolean {
    return this.#isHeld;
  }

  /** Forgets a run that was left by a throw, whose registers are about to be restored. */
  abandonRun(): void {
    this.#isInside = false;
    this.#isHeld = false;
    this.#clearedResume = 0;
    this.#stop = undefined;
    this.state.exit = EXIT.none;
    this.watchpoints.forgetHits();
    this.forgetPlace();
  }

  /** Ends the run after the present instruction, to look around. */
  endRun(reason?: StopReason): void {
    this.#stop ??= reason;
    this.#stolen += this.state.budget;
    this.state.budget = 0;
  }

  /** Instructions retired before the present one. */
  get retiredNow(): number {
    return this.#runStart + this.#runBudget - this.#stolen - this.state.budget - 1;
  }

  /** Instructions retired before now, whether an instruction is at work or not. */
  get instructionCount(): number {
    return this.#isInside ? this.retiredNow : this.state.retired;
  }

  get isUser(): boolean {
    return this.state.cpl === 3;
  }

  /** Reads 2 or 4 bytes as the processor itself does (descriptor tables, TSS). */
  readSystem(address: number, size: number): number {
    const { systemSpace } = this;
    return systemSpace === undefined
      ? this.#read(address >>> 0, size, false)
      : (systemSpace.read(address >>> 0, size) ?? this.fault(VECTOR.page, 0));
  }

  /** Writes a word of a descriptor table. */
  writeSystem(address: number, value: number): void {
    const { systemSpace } = this;
    if (systemSpace === undefined) {
      this.#write(address >>> 0, 4, value, false);
    } else if (!systemSpace.writeWord(address >>> 0, value)) {
      this.fault(VECTOR.page, 0);
    }
  }

  /** A word of a descriptor table, signed, if it is at hand: what the short ways ask. Hot. */
  systemWord(address: number): number | undefined {
    const { systemSpace } = this;
    return systemSpace === undefined
      ? this.access.fastWord(address, false)
      : systemSpace.word(address >>> 0);
  }

  /** Reads as the running program does. The segment has been checked. */
  readLinear(linear: number, size: number, isUser = this.isUser): number {
    return this.#read(linear >>> 0, size, isUser);
  }

  writeLinear(linear: number, size: number, value: number, isUser = this.isUser): void {
    this.#write(linear >>> 0, size, value, isUser);
  }

  /** Faults as writes to these bytes would. */
  probeWrite(linear: number, length: number, isUser = this.isUser): void {
    if (this.access.hostForWrite(linear >>> 0, length, isUser) === 0) {
      throw FAULT;
    }
  }

  #read(linear: number, size: number, isUser: boolean): number {
    if (size === 4) {
      const word = this.access.fastWord(linear, isUser);
      if (word !== undefined) {
        return word >>> 0;
      }
    }
    const host = this.access.hostForRead(linear, size, isUser);
    if (host === 0) {
      throw FAULT;
    }
    return this.access.valueAt(host, size);
  }

  #write(linear: number, size: number, value: number, isUser: boolean): void {
    const host = this.access.hostForWrite(linear, size, isUser);
    if (host === 0) {
      throw FAULT;
    }
    this.access.setValueAt(host, size, value);
    if (this.access.isScratch(host)) {
      this.access.commit(linear, size, isUser);
    }
  }

  // ---- running

  /** Executes one instruction, or delivers what comes before it. */
  step(): StopReason {
    return this.run(1);
  }

  /**
   * Executes at most `count` instructions. A breakpoint that has ended a run lets the next one pass.
   * The delivery of an exception or interrupt counts as one, so that a guest whose handlers fault
   * for ever still comes to an end.
   */
  run(count: number): StopReason {
    const { state } = this;
    const end = state.retired + count;
    this.#stop = undefined;
    this.watchpoints.forgetHits();
    while (state.retired < end) {
      if (this.#beforeInstruction()) {
        state.retired += this.#takeHeld() ? 0 : 1;
      } else {
        if (state.halted) {
          return HALTED;
        }
        this.#runEngine(Math.min(end - state.retired, this.#isStepping ? 1 : SLICE));
      }
      const stop = this.#takeStop();
      if (stop !== undefined) {
        return stop;
      }
    }
    return BUDGET;
  }

  /** To be called when another program goes on, whose EIP may by chance be the same. */
  forgetPlace(): void {
    this.#nextEip = NOWHERE;
  }

  get linearEip(): number {
    return (this.state.eip + this.state.csBase) >>> 0;
  }

  /** Whether something may have to be done after a single instruction. */
  get #isStepping(): boolean {
    const { systemFlags, shadow, retired } = this.state;
    return (systemFlags & (EFLAGS.trap | EFLAGS.resume)) !== 0 || shadow === retired;
  }

  /** Interrupts that are due. Answers whether one was delivered. */
  #beforeInstruction(): boolean {
    const { state } = this;
    if (state.pendingTraps && !this.debug.isHeld) {
      const { dr6, pendingTraps } = state;
      this.debug.report(pendingTraps);
      state.pendingTraps = 0;
      this.#raise({ vector: VECTOR.debug, errorCode: undefined, kind: 'trap', eip: state.eip });
      if (this.#isHeld) {
        state.dr6 = dr6;
        state.pendingTraps = pendingTraps;
      }
      return true;
    }
    if (state.shadow === state.retired) {
      return false;
    }
    if (state.nmiPending && !state.nmiBlocked) {
      state.nmiPending = 0;
      state.nmiBlocked = 1;
      this.#raise({ vector: VECTOR.nmi, errorCode: undefined, kind: 'external', eip: state.eip });
      return true;
    }
    if (state.interruptRequest && state.systemFlags & EFLAGS.interrupt) {
      const vector = state.interruptRequest & 0xff;
      state.interruptRequest = 0;
      this.#raise({ vector, errorCode: undefined, kind: 'external', eip: state.eip });
      return true;
    }
    return false;
  }

  #runEngine(budget: number): void {
    const { state } = this;
    const flagsBefore = state.systemFlags;
    this.debug.clearsResume = true;
    this.debug.noStep = false;
    this.#isBreakpoint = false;
    this.#runStart = state.retired;
    this.#runBudget = budget;
    this.#stolen = 0;
    state.exit = EXIT.none;
    state.budget = budget;
    state.repeatedAt = state.repeating ? budget : NEVER;
    const isKnown = state.eip === this.#nextEip && this.tlb.generation === this.#nextGeneration;
    const start = isKnown ? this.#nextRecord : this.code.find(state.eip);
    this.#isInside = true;
    const record = this.#engine.run(start, state.budget);
    this.#isInside = false;
    const executed = budget - state.budget - this.#stolen;
    state.retired = this.#runStart + executed;
    state.eip = this.memory.u32[(record + RECORD.eip) >>> 2] as number;
    const exit = state.exit;
    state.exit = EXIT.none;
    this.#nextRecord = record;
    this.#nextEip = exit === EXIT.none ? state.eip : NOWHERE;
    this.#nextGeneration = this.tlb.generation;
    if (executed > 0) {
      state.repeating = state.repeatedAt === state.budget ? 1 : 0;
    }
    if (exit === EXIT.fault && executed < budget) {
      this.debug.dropTraps(this.watchpoints);
      this.#raiseFault();
      state.retired += this.#takeHeld() ? 0 : 1;
    } else {
      // A fault at the very end of the budget is that of the next fetch, which will come again.
      this.#afterRun(executed > 0, flagsBefore);
    }
  }

  /**
   * Executes the instruction at EIP again, for an environment that was asked about its fault and has
   * changed what made it fault. Counts as nothing. Answers whether it ended; if not, it has faulted
   * once more, and changed nothing but CR2.
   */
  executeAgain(): boolean {
    const { state } = this;
    const flagsBefore = state.systemFlags;
    this.passBreakpoint();
    this.#runStart = state.retired;
    this.#runBudget = 1;
    this.#stolen = 0;
    state.exit = EXIT.none;
    state.budget = 1;
    state.repeatedAt = NEVER;
    this.#isInside = true;
    const record = this.#engine.run(this.code.find(state.eip), 1);
    this.#isInside = false;
    const hasEnded = 1 - state.budget - this.#stolen > 0;
    state.exit = EXIT.none;
    state.eip = this.memory.u32[(record + RECORD.eip) >>> 2] as number;
    if (hasEnded) {
      this.#afterRun(true, flagsBefore);
    } else {
      this.debug.dropTraps(this.watchpoints);
    }
    return hasEnded;
  }

  #afterRun(hasExecuted: boolean, flagsBefore: number): void {
    const { state } = this;
    const clearsResume = this.debug.clearsResume && !state.repeating;
    if (hasExecuted && flagsBefore & EFLAGS.resume && clearsResume) {
      state.systemFlags = (state.systemFlags & ~EFLAGS.resume) >>> 0;
    }
    const isStep = hasExecuted && (flagsBefore & EFLAGS.trap) !== 0 && !this.debug.noStep;
    this.debug.noteTraps(this.watchpoints, isStep);
  }

  /** Whether the environment has held back what was raised. */
  #takeHeld(): boolean {
    const isHeld = this.#isHeld;
    this.#isHeld = false;
    return isHeld;
  }

  #raiseFault(): void {
    const { state } = this;
    const vector = state.faultVector;
    this.#raise({
      vector,
      errorCode: hasErrorCode(vector) ? state.faultError : undefined,
      // An instruction breakpoint sets no RF in the image of EFLAGS (SDM 3B §18.3.1.1).
      kind: this.#isBreakpoint ? 'trap' : 'fault',
      eip: state.eip,
    });
  }

  /** Takes an event to its handler; exceptions on the way are combined as the manual says. */
  #raise(event: Event): void {
    this.state.halted = 0;
    const { repeating } = this.state;
    if (this.environment.intercept(event)) {
      this.state.repeating = this.#isHeld ? repeating : 0;
      return;
    }
    let current = event;
    for (;;) {
      const failed = this.#tryDeliver(current);
      if (!failed) {
        return;
      }
      const { state } = this;
      const second = state.faultVector;
      const isException = current.kind === 'fault' || current.vector === VECTOR.doubleFault;
      const outcome = isException ? combine(current.vector, second) : 'serially';
      if (outcome === 'shutdown') {
        this.#stop = { kind: 'tripleFault' };
        return;
      }
      const vector = outcome === 'double' ? VECTOR.doubleFault : second;
      const errorCode = outcome === 'double' ? 0 : state.faultError;
      current = {
        vector,
        errorCode: hasErrorCode(vector) ? errorCode : undefined,
        kind: 'fault',
        eip: event.eip,
      };
      if (this.environment.intercept(current)) {
        return;
      }
    }
  }

  /** Answers whether the delivery itself raised an exception, which is then noted in the state. */
  #tryDeliver(event: Event): boolean {
    try {
      deliver(this, event);
      return false;
    } catch (error) {
      if (error !== FAULT) {
        throw error;
      }
      const isFault = this.state.exit === EXIT.fault;
      this.state.exit = EXIT.none;
      return isFault;
    }
  }

  #takeStop(): StopReason | undefined {
    return this.watchpoints.hits.length > 0 ? this.#takeHits() : this.#takeReason();
  }

  #takeReason(): StopReason | undefined {
    const stop = this.#stop;
    if (stop !== undefined) {
      this.#stop = undefined;
    }
    return stop;
  }

  #takeHits(): StopReason | undefined {
    const hits = this.watchpoints.hits.filter((hit) => !this.debug.owns(hit.watchpoint));
    this.watchpoints.forgetHits();
    const stop = this.#takeReason();
    return hits.length > 0 ? { kind: 'watchpoint', hits: hits as readonly WatchHit[] } : stop;
  }

  /** Delivers an interrupt that an instruction asks for, and continues in its handler. */
  softwareInterrupt(vector: number, nextEip: number): void {
    this.enterHandler({ vector, errorCode: undefined, kind: 'software', eip: nextEip });
  }

  /** Delivers an event from within an instruction. */
  enterHandler(event: Event): void {
    // RF is cleared at the start of the instruction, so that none is pushed (SDM 3B §18.3.1.1).
    const { systemFlags } = this.state;
    this.#clearedResume = systemFlags & EFLAGS.resume;
    this.state.systemFlags = (systemFlags & ~EFLAGS.resume) >>> 0;
    const isTaken = this.environment.intercept(event);
    this.#clearedResume = 0;
    if (!isTaken) {
      deliver(this, event);
    }
  }

  /** The record to continue with at an address that has a breakpoint. */
  atBreakpoint(record: number): number {
    const eip = this.memory.u32[(record + RECORD.eip) >>> 2] as number;
    const linear = (eip + this.state.csBase) >>> 0;
    if (this.debug.breaksAt(linear)) {
      this.#isBreakpoint = true;
      this.state.faultVector = VECTOR.debug;
      this.state.exit = EXIT.fault;
      return this.code.stopStub(eip);
    }
    if (this.retiredNow !== this.#passesAt && this.#breaksFor(linear)) {
      this.#passesAt = this.retiredNow;
      this.#stop = { kind: 'breakpoint', address: linear };
      this.state.exit = EXIT.stop;
      return this.code.stopStub(eip);
    }
    return record + RECORD_SIZE;
  }

  // ---- the debugger's hooks

  readonly #userBreakpoints = new Set<number>();
  readonly #physicalBreakpoints = new Set<number>();
  /** Asked at each breakpoint of the debugger whether the run is to end there; it changes nothing. */
  breakpointFilter: ((linear: number) => boolean) | undefined;

  /** The user is here already: the next instruction runs whatever breakpoint it has. */
  passBreakpoint(): void {
    this.#passesAt = this.state.retired;
  }

  #breaksFor(linear: number): boolean {
    const isOurs =
      this.#userBreakpoints.has(linear) ||
      (this.#physicalBreakpoints.size > 0 &&
        this.#physicalBreakpoints.has(this.access.physicalOf(linear) ?? -1));
    return isOurs && (this.breakpointFilter?.(linear) ?? true);
  }

  /**
   * The addresses to stop at, all at once: linear ones, whatever is mapped there, and physical ones,
   * wherever they are mapped.
   */
  setBreakpoints(linear: Iterable<number>, physical: Iterable<number>): void {
    this.#userBreakpoints.clear();
    this.#physicalBreakpoints.clear();
    for (const address of linear) {
      this.#userBreakpoints.add(address >>> 0);
    }
    for (const address of physical) {
      this.#physicalBreakpoints.add(address);
    }
    this.refreshBreakpoints();
  }

  /** Stops before the instruction at this linear address, whatever is mapped there. */
  addBreakpoint(linear: number): void {
    this.#userBreakpoints.add(linear >>> 0);
    this.refreshBreakpoints();
  }

  removeBreakpoint(linear: number): void {
    this.#userBreakpoints.delete(linear >>> 0);
    this.refreshBreakpoints();
  }

  /** Tells the code cache where to ask: the debugger's and the guest's own breakpoints. */
  refreshBreakpoints(): void {
    this.code.breakpoints.clear();
    for (const linear of [...this.#userBreakpoints, ...this.debug.executeAddresses()]) {
      this.code.breakpoints.add(linear);
    }
    this.code.physicalBreakpoints = this.#physicalBreakpoints;
    this.code.flush();
  }

  /** Asserts the interrupt line: delivered as soon as EFLAGS.IF allows. */
  requestInterrupt(vector: number): void {
    assert(vector >= 0 && vector < 256, `interrupt vector ${vector}`);
    this.state.interruptRequest = 256 + vector;
    this.endRun();
  }

  requestNmi(): void {
    this.state.nmiPending = 1;
    this.endRun();
  }

  /** EFLAGS as pushf would store it, with RF and VM. */
  get eflags(): number {
    return eflagsOf(this.state);
  }

  // ---- checkpoints

  /** Registers and TLB; RAM is the machine's. Equal states give equal images. */
  capture(): ProcessorImage {
    const flags = flagWords(arithmeticFlags(this.state));
    return {
      registers: this.state.capture({ ...TRANSIENT, ...flags }),
      translations: this.tlb.capture(),
    };
  }

  restore(image: ProcessorImage): void {
    this.state.restore(image.registers);
    updateControl(this);
    setPrivilege(this, this.state.cpl);
    updateSegments(this);
    this.tlb.restore(image.translations);
    this.debug.refresh();
    this.refreshBreakpoints();
  }

  // ---- dirty pages

  /** Frames written since the last call, which begins anew. */
  takeDirtyFrames(): number[] {
    const frames = this.ram.takeDirtyFrames();
    this.tlb.withholdData();
    return frames;
  }

  /** How many bytes of linear memory are not the guest's RAM. */
  get overhead(): number {
    return REGION.ram;
  }
}
