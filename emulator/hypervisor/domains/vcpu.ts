/**
 * A virtual processor: what Xen keeps of it beside the registers.
 *
 * All fields but `domain` are plain data, so that a checkpoint is a copy of them.
 */

import type { Context } from '../../cpu/context.ts';
import { copyOf } from '../../plain-data.ts';
import { NO_FRAME, type PagedVcpu } from '../memory/paged-domain.ts';
import type { Domain } from './domain.ts';

/** Where the guest wants to be entered. */
export interface Callback {
  readonly cs: number;
  /** 0: none. */
  readonly eip: number;
  /** Whether entering masks upcalls (CALLBACKF_mask_events). */
  readonly masks: boolean;
}

const NO_CALLBACK: Callback = { cs: 0, eip: 0, masks: false };

export type RunState = 'running' | 'runnable' | 'blocked' | 'offline';

/** RUNSTATE_* of the public header, in its order. */
export const RUN_STATES: readonly RunState[] = ['running', 'runnable', 'blocked', 'offline'];

/** The guest's trap table (set_trap_table), by vector. */
export interface TrapTable {
  readonly selectors: Uint16Array;
  readonly addresses: Uint32Array;
  /** Bits 1:0 the privilege level that `int n` needs, bit 2 that entering masks upcalls. */
  readonly flags: Uint8Array;
}

export interface Runstate {
  state: RunState;
  /** When it was entered, in ns of system time. */
  since: number;
  /** Nanoseconds in each state until then, in the order of `RUN_STATES`. */
  readonly spent: number[];
}

/** No moment: a timer that is not armed. */
export const NEVER = Number.POSITIVE_INFINITY;

/** Stands for registers that are in the processor, of which an old copy would be no state. */
export const IN_PROCESSOR: Context = { words: new Uint32Array(0), inShadow: false };

export class Vcpu implements PagedVcpu {
  readonly domain: Domain;
  readonly id: number;
  /** Its registers, or IN_PROCESSOR while the processor has them; undefined until initialised. */
  context: Context | undefined;
  /** Selectors in the context have not been loaded from their tables yet. */
  isFresh = true;
  /** vcpu_op up and down. */
  isUp = false;
  isBlocked = false;
  /** Kept from turns by a toolstack or a debugger, whatever else it is (Xen's vcpu_pause). */
  isPaused = false;
  /** Ports that poll waits for; undefined when it does not. */
  polledPorts: readonly number[] | undefined;
  pollUntil = NEVER;
  /** The answer to give when a poll ends by its timeout or a port. */
  readonly traps: TrapTable = {
    selectors: new Uint16Array(256),
    addresses: new Uint32Array(256),
    flags: new Uint8Array(256),
  };
  eventCallback: Callback = NO_CALLBACK;
  failsafeCallback: Callback = NO_CALLBACK;
  sysenterCallback: Callback = NO_CALLBACK;
  syscallCallback: Callback = NO_CALLBACK;
  isNmiPending = false;
  isNmiMasked = false;
  /** The ring-1 stack (stack_switch). */
  kernelSs = 0;
  kernelEsp = 0;
  /** The guest's view of CR2 and of the bits of CR4 that it may choose. */
  cr2 = 0;
  cr4 = 0;
  /** I/O privilege as set by physdev_op; the real one is always 0. */
  iopl = 0;
  /** Where the guest keeps a bitmap of ports that its user mode may use, and how many it covers. */
  portBitmap = 0;
  portCount = 0;
  baseFrame: number = NO_FRAME;
  gdtFrames: number[] = [];
  gdtEntries = 0;
  ldtBase = 0;
  ldtEntries = 0;
  ldtFrames: Map<number, number> = new Map();
  /** Machine address of its vcpu_info. */
  info = 0;
  isInfoPlaced = false;
  readonly runstate: Runstate = { state: 'offline', since: 0, spent: [0, 0, 0, 0] };
  /** Virtual addresses of the areas that the guest registered; 0: none. */
  runstateArea = 0;
  timeArea = 0;
  /** The 100 Hz tick or what the guest made of it: 0 is off. In ns. */
  tickPeriod = 0;
  tickAt = NEVER;
  /** set_timer_op and set_singleshot_timer. */
  timerAt = NEVER;
  timeVersion = 0;

  constructor(domain: Domain, id: number) {
    this.domain = domain;
    this.id = id;
  }

  /** Whether it could execute if it were its turn. */
  get isRunnable(): boolean {
    return this.isUp && !this.isBlocked && !this.isPaused && this.domain.shutdown === undefined;
  }

  capture(): VcpuImage {
    const { domain: _, id: __, ...fields } = this;
    return copyOf(fields);
  }

  restore(image: VcpuImage): void {
    Object.assign(this, copyOf(image));
  }
}

/** A copy of all fields but `domain` and `id`, by name. */
export type VcpuImage = Readonly<Record<string, unknown>>;
