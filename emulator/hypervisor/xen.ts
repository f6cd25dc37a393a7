/**
 * The hypervisor: domains on one machine, and all that happens to them between two instructions.
 *
 * It surrounds the processor: exceptions, software interrupts, ports and CPUID of guests arrive
 * here. It has no memory of its own in the guests' address spaces but the table from machine to
 * pseudo-physical frames; its descriptor tables lie in a space of their own.
 */

import { arch_vcpu_info } from '../abi/arch-x86-32.ts';
import { SHUTDOWN } from '../abi/sched.ts';
import { vcpu_info } from '../abi/xen.ts';
import { present } from '../assert.ts';
import { ContextNote, loadContext, saveContext } from '../cpu/context.ts';
import { baseOf, type Descriptor, RIGHTS, TYPE } from '../cpu/descriptor.ts';
import type { EngineMaker } from '../cpu/engine.ts';
import type { CpuidLeaf, Environment, Event } from '../cpu/environment.ts';
import { VECTOR } from '../cpu/exceptions.ts';
import { eflagsOf } from '../cpu/flags.ts';
import { Processor } from '../cpu/processor.ts';
import type { StopReason as ProcessorStop } from '../cpu/stop-reason.ts';
import { SystemSpace } from '../cpu/system/system-space.ts';
import type { LinearMemory } from '../memory/linear-memory.ts';
import type { Ram } from '../memory/ram.ts';
import { numberFrames, setAddressSpace, setLocalTable } from './address-space.ts';
import { Clock, type ClockImage } from './clock.ts';
import type { Domain, DomainImage } from './domains/domain.ts';
import { writeRunstate, writeTime } from './domains/runstate.ts';
import { IN_PROCESSOR, NEVER, type Vcpu } from './domains/vcpu.ts';
import { needsDelivery } from './events/event-delivery.ts';
import { closePort } from './events/event-ports.ts';
import { releaseGrants } from './grants/grant-map.ts';
import { GuestMemory } from './guest-memory.ts';
import type { Caller, CallRegisters } from './hypercall.ts';
import { carryOut } from './hypercall-entry.ts';
import type { Interceptor } from './interceptor.ts';
import { Journal } from './journal.ts';
import { newBase, relinquish } from './memory/base-pointer.ts';
import { ldtFrame } from './memory/descriptor-tables.ts';
import { type FramesImage, MachineFrames } from './memory/machine-frames.ts';
import { PageTypes } from './memory/page-types.ts';
import { Probes } from './probes.ts';
import { Scheduler, type SchedulerImage } from './scheduler.ts';
import { type Entry, EVENT_UPCALL, enterFailsafe, enterGuest, makeEntry } from './traps/bounce.ts';
import { guestCpuid } from './traps/cpuid.ts';
import { readGuestMsr, writeGuestMsr } from './traps/msr.ts';
import { portRead, portWrite } from './traps/ports.ts';
import { bounce } from './traps/trap-bounce.ts';
import { exception, softwareInterrupt } from './traps/traps.ts';
import { loadFreshSelectors, SYSTEM_PAGE, XenTables } from './xen-tables.ts';

/** What of the hypervisor a checkpoint keeps, beside processor and RAM. */
export interface XenImage {
  readonly clock: ClockImage;
  readonly frames: FramesImage;
  readonly scheduler: SchedulerImage;
  readonly domains: readonly (readonly [id: number, image: DomainImage])[];
  readonly loaded: readonly [domain: number, vcpu: number] | undefined;
  readonly wallClock: number;
  readonly backendAt: number;
  readonly ended: number | undefined;
  readonly hasHeldUpcall: boolean;
}

/** Why a run ended. */
export type StopReason =
  | Exclude<ProcessorStop, { kind: 'halted' | 'environment' | 'tripleFault' | 'unsupported' }>
  /** A domain has ended; others may go on. */
  | { readonly kind: 'shutdown'; readonly domain: Domain }
  /** Everybody sleeps, and nothing will wake them but input from outside. */
  | { readonly kind: 'idle' }
  /** A debugger has asked for it: its interceptor, or `stopSoon`. */
  | { readonly kind: 'asked' };

const ASKED: StopReason = { kind: 'asked' };
const FOR_DEBUGGER: ProcessorStop = { kind: 'environment', reason: 'debugger' };

/**
 * The high word of a descriptor that gives no more than ring 1 has. A call gate gives what the code
 * segment that it leads to does.
 */
const isHarmless = (word: number): boolean =>
  word & RIGHTS.segment ? (word & PRIVILEGE) !== 0 : (word & SYSTEM_TYPE) === TYPE.callGate32 << 8;
const PRIVILEGE = 0x6000;
const SYSTEM_TYPE = 0xf00;

/** Back-ends are given the processor at the latest so long after an event, in ns. */
const BACKEND_LATENCY = 20_000;

export class Xen implements Environment {
  readonly cpu: Processor;
  readonly ram: Ram;
  readonly clock: Clock;
  readonly memory: GuestMemory;
  readonly frames: MachineFrames;
  readonly pages: PageTypes;
  readonly probes = new Probes();
  readonly journal = new Journal(this.probes);
  readonly scheduler: Scheduler;
  readonly tables: XenTables;
  readonly domains = new Map<number, Domain>();
  /** Wall-clock seconds since 1970 when system time was 0. */
  wallClock: number;
  /** The one entry into a guest that is under way. */
  readonly entry: Entry;
  /** What the running guest was before an instruction that may have to be undone. */
  readonly contextNote: ContextNote;
  /** Set by a call that has set the guest's registers itself. */
  keepsRegisters = false;
  /** Whether the call under way comes from a list. */
  isInMulticall = false;
  /** What is left to do of the call from a list that has just been interrupted. */
  restOfEntry: CallRegisters | undefined;
  /** Gets what guests print on the hypervisor's own console. */
  emergencyConsole: (domain: Domain, bytes: Uint8Array) => void = () => {};
  /** When the back-ends must have been given the processor. */
  backendAt = NEVER;
  /** Lets the back-ends do what their guests asked for. */
  runBackends: () => void = () => {};
  /** Decides where guests stop; without one they do not. */
  interceptor: Interceptor | undefined;
  readonly #callers = new Map<Vcpu, Caller>();
  #ended: Domain | undefined;
  #isAsked = false;
  /** An upcall was due when the debugger stopped; it comes first when the run goes on. */
  #hasHeldUpcall = false;

  constructor(memory: LinearMemory, wallClock: number, engine?: EngineMaker) {
    this.cpu = new Processor(memory, this, engine);
    this.ram = this.cpu.ram;
    this.contextNote = new ContextNote(this.cpu);
    this.clock = new Clock(this.cpu);
    this.memory = new GuestMemory(this.cpu);
    this.frames = new MachineFrames(this.ram);
    this.pages = new PageTypes(
      this.frames,
      {
        flushAll: () => this.flushAll(),
        flushPage: (linear) => this.cpu.tlb.invalidate(linear >>> 12),
      },
      (id) => this.domains.get(id),
      this.probes,
    );
    this.wallClock = wallClock;
    this.scheduler = new Scheduler(this);
    this.tables = new XenTables(this.frames, this.cpu);
    this.cpu.systemSpace = new SystemSpace(
      this.ram,
      (address) => this.#systemFrame(address),
      (address, word) => this.#admitDescriptor(address, word),
    );
    this.entry = makeEntry(this, undefined as unknown as Vcpu);
  }

  // ---- what the processor asks

  intercept(event: Event): boolean {
    const vcpu = this.scheduler.current as Vcpu;
    this.memory.begin();
    if (event.kind === 'software') {
      softwareInterrupt(this, vcpu, event);
    } else {
      exception(this, vcpu, event);
    }
    this.#forgetOwnAccesses();
    return true;
  }

  /** What the hypervisor touched is no business of its guests' breakpoints. */
  #forgetOwnAccesses(): void {
    const { watchpoints, debug } = this.cpu;
    if (watchpoints.hits.length > 0) {
      debug.dropHits(watchpoints);
    }
  }

  readPort(port: number, size: number): number {
    return portRead(this.scheduler.current as Vcpu, port, size);
  }

  writePort(port: number, size: number, value: number): void {
    portWrite(this.scheduler.current as Vcpu, port, size, value);
  }

  cpuid(leaf: number, subleaf: number): CpuidLeaf | undefined {
    const { current } = this.scheduler;
    return current && guestCpuid(current.domain, leaf, subleaf);
  }

  readMsr(index: number): bigint | undefined {
    return readGuestMsr(this, (this.scheduler.current as Vcpu).domain, index);
  }

  writeMsr(index: number, value: bigint): boolean {
    return writeGuestMsr(this, (this.scheduler.current as Vcpu).domain, index, value);
  }

  timeStamp(retired: number): bigint {
    return BigInt(this.clock.at(retired));
  }

  /** The frame of the page of descriptor tables that an address lies in. */
  #systemFrame(address: number): number | undefined {
    const page = address >>> 12;
    const vcpu = this.scheduler.loaded as Vcpu;
    if (page < SYSTEM_PAGE.xen) {
      return vcpu.gdtFrames[page] ?? this.tables.zeroFrame;
    }
    if (page < SYSTEM_PAGE.ldt) {
      return this.tables.frameOf(page);
    }
    if (page >= SYSTEM_PAGE.task) {
      return this.tables.frameOf(page);
    }
    const frame = ldtFrame(this.pages, vcpu.domain, vcpu, page - SYSTEM_PAGE.ldt);
    if (frame === undefined) {
      this.cpu.state.cr2 = (vcpu.ldtBase + address - SYSTEM_PAGE.ldt * 4096) >>> 0;
    }
    return frame;
  }

  /**
   * A translated guest may write to its descriptor tables, whose pages have no types: what a table
   * of checked pages could not hold is not present. Hot.
   */
  #admitDescriptor(address: number, word: number): number {
    const page = address >>> 12;
    const isLocal = page >= SYSTEM_PAGE.ldt && page < SYSTEM_PAGE.task;
    const isGuests = page < SYSTEM_PAGE.xen || isLocal;
    if (!(address & 4) || !isGuests || !this.scheduler.loaded?.domain.isTranslated) {
      return word;
    }
    return isHarmless(word) ? word : word & ~RIGHTS.present;
  }

  // ---- domains

  callerOf(vcpu: Vcpu): Caller {
    let caller = this.#callers.get(vcpu);
    if (caller === undefined) {
      caller = { xen: this, domain: vcpu.domain, vcpu, memory: this.memory };
      this.#callers.set(vcpu, caller);
    }
    return caller;
  }

  /** Makes one call for a caller, as from a list. */
  carryOut(
    caller: Caller,
    number: number,
    ebx: number,
    ecx: number,
    edx: number,
    esi: number,
    edi: number,
  ): number {
    return carryOut(caller, number, ebx, ecx, edx, esi, edi);
  }

  addDomain(domain: Domain): void {
    domain.onCrash = (sentence) => this.crash(domain, sentence);
    this.domains.set(domain.id, domain);
    this.scheduler.mustChoose = true;
    this.scheduler.domainsChanged();
  }

  /** Ends a domain for a mistake that leaves it no way to go on. */
  crash(domain: Domain, sentence: string): void {
    const where = this.cpu.state.eip.toString(16).padStart(8, '0');
    this.shutDown(domain, SHUTDOWN.crash, `${sentence} EIP is ${where}.`);
  }

  /** @param reason one of SHUTDOWN_* */
  shutDown(domain: Domain, reason: number, sentence?: string): void {
    if (domain.fields.shutdown !== undefined) {
      return;
    }
    domain.fields.shutdown = { reason, sentence };
    if (sentence !== undefined) {
      this.journal.record('crash', domain.id, `Domain ${domain.id} crashed: ${sentence}`);
    }
    if (this.probes.wants['domain-state']) {
      const text = sentence ?? String(reason);
      const at = { domain: domain.id, vcpu: 0 };
      this.probes.emit({ kind: 'domain-state', ...at, state: 'shutdown', reason: text });
    }
    this.#ended = domain;
    this.scheduler.chooseAgain();
  }

  /** Takes a domain that has ended out of the machine, with all that it holds. */
  destroyDomain(domain: Domain): void {
    for (const [port] of [...domain.events]) {
      closePort(this, domain, port);
    }
    releaseGrants(this, domain);
    relinquish(this.pages, domain);
    this.scheduler.forget(domain);
    this.domains.delete(domain.id);
    this.scheduler.domainsChanged();
  }

  // ---- the way into the guest

  /** What is looked at each time that a guest is entered. */
  exitToGuest(vcpu: Vcpu): void {
    if (!vcpu.isRunnable) {
      return;
    }
    // Another look when the host happens to divide the run would make a difference to the guest.
    this.scheduler.mustLook = false;
    if (vcpu.isNmiPending && !vcpu.isNmiMasked) {
      vcpu.isNmiPending = false;
      // Without a handler it is lost.
      if (vcpu.traps.addresses[VECTOR.nmi] !== 0) {
        vcpu.isNmiMasked = true;
        bounce(this, vcpu, VECTOR.nmi, undefined, eflagsOf(this.cpu.state));
      }
    }
    if (needsDelivery(this, vcpu)) {
      this.#upcallUnlessHeld(vcpu);
    }
  }

  #upcallUnlessHeld(vcpu: Vcpu): void {
    switch (this.interceptor?.beforeUpcall(vcpu) ?? 'enter') {
      case 'enter':
        this.#upcall(vcpu);
        break;
      case 'stop':
        this.#hasHeldUpcall = true;
        this.stopSoon();
        break;
      case 'hold':
        break;
    }
  }

  /** Ends the run between two instructions, as soon as the present one is done. */
  stopSoon(): void {
    this.#isAsked = true;
    this.cpu.endRun(FOR_DEBUGGER);
  }

  /** Leaves a hypercall that has not begun, if the debugger wants to stop before it. Hot. */
  stopBeforeHypercall(vcpu: Vcpu): void {
    if (this.interceptor?.stopsBeforeHypercall(vcpu) === true) {
      this.#isAsked = true;
      this.cpu.stopHere(FOR_DEBUGGER);
    }
  }

  /** Leaves a software interrupt before anything has happened, if the debugger wants to. */
  stopBeforeTrap(vcpu: Vcpu, vector: number): void {
    if (this.interceptor?.stopsBeforeTrap(vcpu, vector, undefined) === true) {
      this.#isAsked = true;
      this.cpu.stopHere(FOR_DEBUGGER);
    }
  }

  /** The same for an exception, which whoever calls must then not deliver. */
  holdTrap(vcpu: Vcpu, vector: number, errorCode: number | undefined): void {
    if (this.interceptor?.stopsBeforeTrap(vcpu, vector, errorCode) === true) {
      this.#isAsked = true;
      this.cpu.holdEvent(FOR_DEBUGGER);
    }
  }

  #upcall(vcpu: Vcpu): void {
    const { cs, eip } = vcpu.eventCallback;
    if (eip === 0 && cs === 0) {
      this.crash(vcpu.domain, 'an event is to be delivered, and no event callback is registered.');
      return;
    }
    if (this.probes.wants.upcall) {
      const at = { domain: vcpu.domain.id, vcpu: vcpu.id };
      this.probes.emit({ kind: 'upcall', ...at, eip: this.cpu.state.eip });
    }
    enterGuest(this, vcpu, EVENT_UPCALL, cs, eip, true, eflagsOf(this.cpu.state), undefined);
  }

  failsafe(vcpu: Vcpu, selectors?: readonly number[]): void {
    enterFailsafe(this, vcpu, selectors);
  }

  baseOfDescriptor(descriptor: Descriptor): number {
    return baseOf(descriptor);
  }

  // ---- registers and address spaces

  switchContext(previous: Vcpu | undefined, next: Vcpu): void {
    const { cpu } = this;
    if (previous !== undefined) {
      previous.context = saveContext(cpu);
    }
    const context = present(next.context, 'registers of a virtual processor that runs');
    this.#prepareFor(next.domain);
    // From here on descriptor tables are the next one's.
    this.scheduler.loaded = next;
    loadContext(cpu, context);
    next.context = IN_PROCESSOR;
    setAddressSpace(cpu, next);
    setLocalTable(cpu, next);
    this.tables.setKernelStack(next);
    if (next.isFresh) {
      next.isFresh = false;
      loadFreshSelectors(this, next);
    }
  }

  /** Sets what differs from domain to domain and is no state. */
  #prepareFor({ fields, profile }: Domain): void {
    this.memory.limit = fields.virtStart;
    this.cpu.debug.keepsConditions = profile.addsDebugConditions;
  }

  /** All translations go, and the address space is looked up anew. */
  flushAll(): void {
    const { loaded } = this.scheduler;
    if (loaded !== undefined && loaded.baseFrame >= 0) {
      setAddressSpace(this.cpu, loaded);
    }
    this.cpu.tlb.flush(false);
  }

  /** CR3 as the guest reads it. */
  cr3Of({ domain, baseFrame }: Vcpu): number {
    const frame = domain.guestFrame(baseFrame);
    return domain.format === 'pae' ? ((frame << 12) | (frame >>> 20)) >>> 0 : (frame << 12) >>> 0;
  }

  /** The guest loads CR3. False: #GP for it. */
  loadCr3(vcpu: Vcpu, value: number): boolean {
    const { domain } = vcpu;
    const low = domain.format === 'pae' ? value << 20 : 0;
    const frame = ((value >>> 12) | low) >>> 0;
    return newBase(this.pages, domain, vcpu, frame) === 0;
  }

  setSharedCr2(vcpu: Vcpu, value: number): void {
    const offset = vcpu_info.offsets.arch + arch_vcpu_info.offsets.cr2;
    this.ram.write32(vcpu.info + offset, value);
  }

  // ---- time

  updateTime(vcpu: Vcpu): void {
    if (vcpu.info !== 0) {
      writeTime(this, vcpu, vcpu.info + vcpu_info.offsets.time);
    }
  }

  updateRunstate(vcpu: Vcpu): void {
    if (vcpu === this.scheduler.loaded) {
      writeRunstate(this, vcpu);
    }
  }

  /** Ends the run behind the present instruction: something is due earlier than was known. */
  lookAround(): void {
    this.cpu.endRun({ kind: 'environment', reason: 'timers' });
  }

  /** Back-ends have something to do. */
  requestBackends(): void {
    if (this.backendAt === NEVER) {
      this.backendAt = this.clock.now + BACKEND_LATENCY;
      this.scheduler.timersChanged();
      this.lookAround();
    }
  }

  // ---- running

  /** Lets guests execute at most `count` instructions; says why it ended. */
  run(count: number): StopReason {
    const { cpu, scheduler, clock } = this;
    const end = cpu.state.retired + count;
    while (cpu.state.retired < end) {
      const before = this.settle();
      if (before !== undefined) {
        return before;
      }
      const vcpu = scheduler.current as Vcpu;
      const slice = Math.min(end - cpu.state.retired, Math.max(1, scheduler.deadline - clock.now));
      const stop = cpu.run(slice);
      const reason = this.#reasonOf(stop, vcpu);
      if (reason !== undefined) {
        this.#isAsked = false;
        return reason;
      }
      if (this.#takeAsked()) {
        return ASKED;
      }
    }
    const ended = this.#takeEnded();
    return ended === undefined ? { kind: 'budget' } : { kind: 'shutdown', domain: ended };
  }

  /**
   * Does all that comes before the next instruction: timers fire, somebody gets the processor, events
   * are delivered. `undefined`: an instruction can follow. Done twice, it does nothing more.
   */
  settle(): StopReason | undefined {
    for (;;) {
      const ended = this.#takeEnded();
      if (ended !== undefined) {
        return { kind: 'shutdown', domain: ended };
      }
      this.#enterHeld();
      if (this.#takeAsked()) {
        return ASKED;
      }
      if (!this.#prepare()) {
        return { kind: 'idle' };
      }
      if (this.#takeAsked()) {
        return ASKED;
      }
      if (this.scheduler.current !== undefined && this.#ended === undefined) {
        return undefined;
      }
    }
  }

  #enterHeld(): void {
    const vcpu = this.scheduler.current;
    if (this.#hasHeldUpcall && vcpu !== undefined) {
      this.#hasHeldUpcall = false;
      this.exitToGuest(vcpu);
      this.#forgetOwnAccesses();
    }
  }

  #takeAsked(): boolean {
    const isAsked = this.#isAsked;
    this.#isAsked = false;
    return isAsked;
  }

  #takeEnded(): Domain | undefined {
    const ended = this.#ended;
    this.#ended = undefined;
    return ended;
  }

  /** All that comes before the next instruction. False: there will be none. */
  #prepare(): boolean {
    const { scheduler, clock } = this;
    const isCalled = scheduler.mustChoose && this.backendAt !== NEVER;
    if (this.backendAt <= clock.now || isCalled) {
      this.backendAt = NEVER;
      this.runBackends();
      scheduler.timersChanged();
    }
    if (scheduler.deadline <= clock.now) {
      scheduler.fireTimers();
    }
    const vcpu = scheduler.choose();
    if (vcpu === undefined) {
      return this.#sleep();
    }
    if (scheduler.mustLook) {
      this.exitToGuest(vcpu);
      this.#forgetOwnAccesses();
    }
    return true;
  }

  /** Everybody sleeps: time goes on to the next thing that happens by itself. */
  #sleep(): boolean {
    const { deadline } = this.scheduler;
    if (deadline === NEVER) {
      return false;
    }
    this.clock.skipTo(deadline);
    return true;
  }

  #reasonOf(stop: ProcessorStop, vcpu: Vcpu): StopReason | undefined {
    switch (stop.kind) {
      case 'budget':
      case 'environment':
      case 'halted':
        return undefined;
      case 'breakpoint':
      case 'watchpoint':
        return stop;
      case 'tripleFault':
        this.crash(vcpu.domain, 'an exception could not be delivered.');
        return undefined;
      case 'unsupported':
        this.crash(vcpu.domain, `the emulated processor cannot go on: ${stop.sentence}`);
        return undefined;
    }
  }

  // ---- checkpoints

  capture(): XenImage {
    const { loaded } = this.scheduler;
    return {
      clock: this.clock.capture(),
      frames: this.frames.capture(),
      scheduler: this.scheduler.capture(),
      domains: Array.from(this.domains, ([id, domain]) => [id, domain.capture()] as const),
      loaded: loaded && [loaded.domain.id, loaded.id],
      wallClock: this.wallClock,
      backendAt: this.backendAt,
      ended: this.#ended?.id,
      hasHeldUpcall: this.#hasHeldUpcall,
    };
  }

  /** Takes up an image of the same domains; processor and RAM are those of the same moment. */
  restore(image: XenImage): void {
    this.clock.restore(image.clock);
    this.frames.restore(image.frames);
    for (const [id, domain] of image.domains) {
      this.domains.get(id)?.restore(domain);
    }
    const [domain, vcpu] = image.loaded ?? [];
    const loaded = domain === undefined ? undefined : this.domains.get(domain)?.vcpus[vcpu ?? 0];
    this.scheduler.restore(image.scheduler, loaded);
    this.wallClock = image.wallClock;
    this.backendAt = image.backendAt;
    this.#ended = image.ended === undefined ? undefined : this.domains.get(image.ended);
    this.#hasHeldUpcall = image.hasHeldUpcall;
    this.#isAsked = false;
    this.isInMulticall = false;
    this.restOfEntry = undefined;
    if (loaded !== undefined) {
      this.#prepareFor(loaded.domain);
      numberFrames(this.cpu, loaded);
    }
  }
}
