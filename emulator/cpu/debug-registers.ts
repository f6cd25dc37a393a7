/**
 * The guest's own debug registers (SDM 3B chapter 18).
 *
 * Data breakpoints are watchpoints, instruction breakpoints are breakpoints of the code cache;
 * what differs from the debugger's is only that they raise #DB in the guest.
 */

import { EFLAGS } from './flags.ts';
import type { Processor } from './processor.ts';
import type { Watchpoint, Watchpoints } from './watchpoints.ts';

export const DR6 = { access: 0x2000, step: 0x4000, task: 0x8000, fixed: 0xffff_0ff0 } as const;
export const DR7 = { generalDetect: 0x2000, fixed: 0x400 } as const;

const EXECUTE = 0;
const LENGTHS = [1, 2, 8, 4] as const;

export class DebugRegisters {
  readonly #cpu: Processor;
  #watchpoints: (Watchpoint | undefined)[] = [];
  #execute = new Map<number, number>();
  /** Set by instructions that load RF themselves (iret, popf): it is not cleared after them. */
  clearsResume = true;
  /** Set by instructions after which a single step does not trap. */
  noStep = false;
  #pending = 0;

  constructor(cpu: Processor) {
    this.#cpu = cpu;
  }

  /** To be called when DR0 to DR3, DR7 or CR4.DE have changed. */
  refresh(): void {
    const { state } = this.#cpu;
    for (const watchpoint of this.#watchpoints) {
      if (watchpoint !== undefined) {
        this.#cpu.watchpoints.remove(watchpoint);
      }
    }
    const addresses = [state.dr0, state.dr1, state.dr2, state.dr3];
    const executed = [...this.#execute.keys()].join();
    this.#execute = new Map();
    this.#watchpoints = addresses.map((address, i) => {
      const isEnabled = (state.dr7 >>> (2 * i)) & 3;
      const kind = (state.dr7 >>> (16 + 4 * i)) & 3;
      const length = LENGTHS[(state.dr7 >>> (18 + 4 * i)) & 3] ?? 1;
      if (!isEnabled) {
        return undefined;
      }
      if (kind === EXECUTE) {
        this.#execute.set(address, (this.#execute.get(address) ?? 0) | (1 << i));
        return undefined;
      }
      const on = kind === 1 ? ('write' as const) : ('access' as const);
      const aligned = (address & ~(length - 1)) >>> 0;
      const watchpoint: Watchpoint = { space: 'linear', address: aligned, length, on };
      this.#cpu.watchpoints.add(watchpoint);
      return watchpoint;
    });
    if ([...this.#execute.keys()].join() !== executed) {
      this.#cpu.refreshBreakpoints();
    }
  }

  executeAddresses(): Iterable<number> {
    return this.#execute.keys();
  }

  owns(watchpoint: Watchpoint): boolean {
    return this.#watchpoints.includes(watchpoint);
  }

  /** Whether an instruction breakpoint stops here; notes it in DR6. RF lets it pass. */
  breaksAt(linear: number): boolean {
    const hit = this.#execute.get(linear);
    if (hit === undefined || this.#cpu.state.systemFlags & EFLAGS.resume) {
      return false;
    }
    this.report(hit);
    return true;
  }

  /** Asks for a #DB after the present instruction (task switches, icebp do it themselves). */
  note(conditions: number): void {
    this.#pending |= conditions;
  }

  /** The conditions of DR6 under which the instruction that just ended traps. */
  takeTraps(watchpoints: Watchpoints, isStep: boolean): number {
    let conditions = this.#pending | (isStep ? DR6.step : 0);
    this.#pending = 0;
    for (const { watchpoint } of watchpoints.hits) {
      const index = this.#watchpoints.indexOf(watchpoint);
      conditions |= index >= 0 ? 1 << index : 0;
    }
    watchpoints.hits = watchpoints.hits.filter((hit) => !this.owns(hit.watchpoint));
    return conditions;
  }

  report(conditions: number): void {
    this.#cpu.state.dr6 = ((this.#cpu.state.dr6 & ~15) | conditions) >>> 0;
  }
}
