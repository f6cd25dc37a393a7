/** Time as guests see it. Moments are nanoseconds of system time, 0 when the machine was switched on. */

export interface TimeData {
  /** The time-stamp counter: it runs at 1 GHz with retired instructions and skips what all sleep. */
  readonly tsc: number;
  readonly tscKhz: number;
  /** Now. */
  readonly systemTime: number;
  /** Of that, nanoseconds in which nobody executed. */
  readonly skipped: number;
  /** Seconds since 1970, whole, and the nanoseconds beyond them. */
  readonly wallClock: { readonly seconds: number; readonly nanoseconds: number };
  /** When the next thing happens by time; absent: never. */
  readonly nextDeadline?: number | undefined;
  readonly domains: readonly DomainTimeData[];
}

export interface DomainTimeData {
  readonly domain: number;
  /** As in shared_info: the wall clock when system time was 0. `version` is odd while Xen writes. */
  readonly sharedWallClock: {
    readonly version: number;
    readonly seconds: number;
    readonly nanoseconds: number;
  };
  /** Watchdogs that are set. */
  readonly watchdogs: readonly TimerData[];
  readonly vcpus: readonly VcpuTimeData[];
}

export interface VcpuTimeData {
  readonly vcpu: number;
  readonly timeInfo: TimeInfoData;
  readonly timers: readonly TimerData[];
  /** Nanoseconds between ticks; 0: there are none. */
  readonly tickPeriod: number;
  readonly runstate: RunstateData;
  /** Absent while nobody counts. */
  readonly counts?: TimerCounts | undefined;
}

/** vcpu_time_info as it stands in the guest’s memory. */
export interface TimeInfoData {
  /** Machine address. */
  readonly address: number;
  /** Odd while Xen writes. */
  readonly version: number;
  /** Counter and ns of system time at the last update, hexadecimal where too large for a number. */
  readonly tscTimestamp: number | string;
  readonly systemTime: number | string;
  readonly multiplier: number;
  readonly shift: number;
  /** What a guest that reads the counter now works out, in ns; absent: not a number of 53 bits. */
  readonly extrapolated?: number | undefined;
}

export interface TimerData {
  /** `single-shot`: set_timer_op and set_singleshot_timer. `poll`: the end of a SCHEDOP_poll. */
  readonly timer: 'single-shot' | 'tick' | 'poll' | 'watchdog';
  readonly at: number;
  /** Nanoseconds from now; negative: it is overdue, and fires before the next instruction. */
  readonly remaining: number;
  /** It does not run while its virtual processor sleeps. */
  readonly isHeld: boolean;
}

/** Nanoseconds in each state, the present one up to now. */
export interface RunstateData {
  readonly state: 'running' | 'runnable' | 'blocked' | 'offline';
  /** When it was entered. */
  readonly since: number;
  readonly running: number;
  /** Could have run, but others did: stolen time. */
  readonly runnable: number;
  readonly blocked: number;
  readonly offline: number;
}

/** Counted since counting began. */
export interface TimerCounts {
  readonly ticks: number;
  /** Ticks that fell into a sleep and were never delivered. */
  readonly ticksSkipped: number;
  readonly singleShots: number;
  readonly pollTimeouts: number;
}
