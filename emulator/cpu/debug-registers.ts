/**
 * The guest's own debug registers (SDM 3B chapter 18).
 *
 * Data breakpoints are watchpoints, instruction breakpoints are breakpoints of the code cache;
 * what differs from the debugger's is only that they raise #DB in the guest.
 */

import { VECTOR } from './exceptions.ts';
import { EFLAGS } from './flags.ts';
import type { Processor } from './processor.ts';
import { CR4 } from './system/control-registers.ts';
import type { Watchpoint, Watchpoints } from './watchpoints.ts';

const DR6 = {
  access: 0x2000,
  step: 0x4000,
  task: 0x8000,
  writable: 0xe00f,
  fixed: 0xffff_0ff0,
} as const;
export const DR7 = { generalDetect: 0x2000, writable: 0xffff_23ff, fixed: 0x400 } as const;

const WORDS = ['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7', 'dr6', 'dr7'] as const;
const LENGTHS = [1, 2, 8, 4] as const;
const KINDS = ['execute', 'write', 'port', 'access'] as const;

interface Condition {
  readonly kind: (typeof KINDS)[number];
  readonly isEnabled: boolean;
  /** A multiple of the length. */
  readonly address: number;
  readonly length: number;
}

export class DebugRegisters {
  readonly #cpu: Processor;
  #conditions: readonly Condition[] = [];
  #watchpoints: readonly Watchpoint[] = [];
  #execute = new Map<number, number>();
  /** Set by what loads RF itself (iret, deliveries): it is not cleared after them. */
  clearsResume = true;
  /** Set by instructions after which a single step does not trap. */
  noStep = false;
  /** Whether bits 3 to 0 of DR6 stay until they are cleared by hand, as a hypervisor has it. */
  keepsConditions = false;

  constructor(cpu: Processor) {
    this.#cpu = cpu;
  }

  // ---- mov

  read(number: number): number {
    this.#checkAccess(number);
    return this.#cpu.state[WORDS[number] as (typeof WORDS)[number]];
  }

  write(number: number, value: number): void {
    this.#checkAccess(number);
    const { state } = this.#cpu;
    const word = WORDS[number] as (typeof WORDS)[number];
    switch (word) {
      case 'dr6':
        state.dr6 = ((value & DR6.writable) | DR6.fixed) >>> 0;
        return;
      case 'dr7':
        state.dr7 = ((value & DR7.writable) | DR7.fixed) >>> 0;
        break;
      default:
        state[word] = value >>> 0;
    }
    this.refresh();
  }

  /** DR4 and DR5 stand for DR6 and DR7 unless CR4.DE is set (SDM 3B §18.2.2). */
  #checkAccess(number: number): void {
    const { state } = this.#cpu;
    if ((number === 4 || number === 5) && state.cr4 & CR4.debugExtensions) {
      this.#cpu.fault(VECTOR.undefined);
    }
    if (state.cpl !== 0) {
      this.#cpu.fault(VECTOR.protection);
    }
    if (state.dr7 & DR7.generalDetect) {
      this.report(DR6.access);
      this.#cpu.fault(VECTOR.debug);
    }
  }

  // ---- breakpoints

  /** To be called when DR0 to DR3, DR7 or CR4.DE have changed. */
  refresh(): void {
    const { state, watchpoints } = this.#cpu;
    this.#conditions = [state.dr0, state.dr1, state.dr2, state.dr3].map((address, i) => {
      const length = LENGTHS[(state.dr7 >>> (18 + 4 * i)) & 3] ?? 1;
      return {
        kind: KINDS[(state.dr7 >>> (16 + 4 * i)) & 3] ?? 'execute',
        isEnabled: ((state.dr7 >>> (2 * i)) & 3) !== 0,
        address: (address & ~(length - 1)) >>> 0,
        length,
      };
    });
    this.#watchpoints.forEach((watchpoint) => {
      watchpoints.remove(watchpoint);
    });
    this.#watchpoints = this.#conditions.flatMap(({ kind, isEnabled, address, length }) =>
      isEnabled && (kind === 'write' || kind === 'access')
        ? [{ space: 'linear' as const, address, length, on: kind }]
        : [],
    );
    this.#watchpoints.forEach((watchpoint) => {
      watchpoints.add(watchpoint);
    });
    const executed = [...this.#execute.keys()].join();
    this.#execute = this.#executed();
    if ([...this.#execute.keys()].join() !== executed) {
      this.#cpu.refreshBreakpoints();
    }
  }

  /** DR6 conditions by the linear address of an instruction. */
  #executed(): Map<number, number> {
    const all = new Map<number, number>();
    this.#conditions.forEach(({ kind, isEnabled, address }, i) => {
      if (isEnabled && kind === 'execute') {
        all.set(address, (all.get(address) ?? 0) | (1 << i));
      }
    });
    return all;
  }

  executeAddresses(): Iterable<number> {
    return this.#execute.keys();
  }

  owns(watchpoint: Watchpoint): boolean {
    return this.#watchpoints.includes(watchpoint);
  }

  /**
   * Whether an instruction breakpoint stops here; notes it in DR6. RF lets it pass, and so does
   * a load of SS just before.
   */
  breaksAt(linear: number): boolean {
    const { state } = this.#cpu;
    const hit = this.#execute.get(linear);
    if (
      hit === undefined ||
      state.systemFlags & EFLAGS.resume ||
      this.#isHeldAt(this.#cpu.retiredNow)
    ) {
      return false;
    }
    this.report(hit);
    return true;
  }

  /** Notes an access to a port, for breakpoints on ports (CR4.DE). */
  notePort(port: number, size: number): void {
    if (this.#cpu.state.cr4 & CR4.debugExtensions) {
      const conditions = this.#matching(port, size, (kind) => kind === 'port');
      this.#cpu.state.pendingTraps |= conditions;
      if (conditions !== 0) {
        this.#cpu.endRun();
      }
    }
  }

  /**
   * The conditions of DR6 whose breakpoints an access touches; 0 if none of them is enabled.
   * With one that is, others that match are named as well (SDM 3B §18.2.3).
   */
  #matching(address: number, size: number, isMeant: (kind: Condition['kind']) => boolean): number {
    let found = 0;
    let isAnyEnabled = false;
    this.#conditions.forEach((condition, i) => {
      const isTouched =
        address < condition.address + condition.length && condition.address < address + size;
      if (isTouched && isMeant(condition.kind)) {
        found |= 1 << i;
        isAnyEnabled ||= condition.isEnabled;
      }
    });
    return isAnyEnabled ? found : 0;
  }

  // ---- traps

  /** Whether a load of SS holds debug exceptions off until the next instruction has ended. */
  get isHeld(): boolean {
    return this.#isHeldAt(this.#cpu.state.retired);
  }

  #isHeldAt(retired: number): boolean {
    const { state } = this.#cpu;
    return state.holdsTraps !== 0 && state.shadow === retired;
  }

  /** Forgets what an instruction touched that did not end. Hot: every fault comes here. */
  dropTraps(watchpoints: Watchpoints): void {
    this.#cpu.state.pendingTraps = 0;
    if (watchpoints.hits.length > 0) {
      this.dropHits(watchpoints);
    }
  }

  /** Forgets what a hypervisor touched: its guest's breakpoints are not for it. */
  dropHits(watchpoints: Watchpoints): void {
    watchpoints.hits = watchpoints.hits.filter((hit) => !this.owns(hit.watchpoint));
  }

  /** Adds the conditions of DR6 under which the instruction that just ended traps. */
  noteTraps(watchpoints: Watchpoints, isStep: boolean): void {
    if (!isStep && watchpoints.hits.length === 0) {
      return;
    }
    let conditions = isStep && !this.isHeld ? DR6.step : 0;
    for (const { watchpoint, access, address, size } of watchpoints.hits) {
      if (this.owns(watchpoint)) {
        conditions |= this.#matching(address, size, (kind) => kind === 'access' || kind === access);
      }
    }
    this.dropHits(watchpoints);
    this.#cpu.state.pendingTraps |= conditions;
  }

  report(conditions: number): void {
    const kept = this.keepsConditions ? -1 : ~15;
    this.#cpu.state.dr6 = ((this.#cpu.state.dr6 & kept) | conditions) >>> 0;
  }
}
