/** Domains and their virtual processors, as a view of the whole machine shows them. */

import type { CodePlace } from './rows.ts';

export interface MachineData {
  readonly domains: readonly DomainData[];
  /** Instructions retired since the machine was switched on. */
  readonly instructions: number;
  /** Nanoseconds of system time since then. */
  readonly systemTime: number;
  /** Who has the processor; absent while all sleep. */
  readonly running?: { readonly domain: number; readonly vcpu: number } | undefined;
  readonly memory: {
    /** Machine frames of 4 KiB, and how many of them are free. */
    readonly frames: number;
    readonly free: number;
  };
}

export interface DomainData {
  readonly id: number;
  readonly name: string;
  /** `backends` stands in domain 0’s place: it has ports and grants, but executes nothing. */
  readonly role: 'guest' | 'backends';
  readonly state: 'running' | 'ended';
  /** How it ended; absent while it has not. */
  readonly shutdown?: ShutdownData | undefined;
  /** The hypervisor that the guest meets: `xen-3.0` or `xen-4.17`. */
  readonly profile: string;
  /** Whether the guest knows machine frames (direct) or pseudo-physical ones (translated). */
  readonly model: 'direct' | 'translated';
  readonly tableFormat: 'two-level' | 'pae';
  /** Of memory, pages of 4 KiB: what it has, and what it may have at most. */
  readonly pages: number;
  readonly maxPages: number;
  /** Names of `VMASST_TYPE` that the guest has enabled. */
  readonly assists: readonly string[];
  /** Ports by which the guest reaches the two services that each has. Absent: the backends. */
  readonly services?: ServicePorts | undefined;
  readonly vcpus: readonly VcpuData[];
}

export interface ShutdownData {
  /** `SHUTDOWN_*`. */
  readonly reason: number;
  /** The reason’s name without prefix, such as `crash`. */
  readonly name: string;
  /** What happened, for a reader. */
  readonly sentence: string;
}

/** As start_info tells a guest. */
export interface ServicePorts {
  readonly storePort: number;
  readonly consolePort: number;
  /** Machine frames of the two rings. */
  readonly storeFrame: number;
  readonly consoleFrame: number;
}

export type VcpuState =
  /** Has the processor. */
  | 'running'
  /** Could execute if it were its turn. */
  | 'runnable'
  /** Waits for an event. */
  | 'blocked'
  /** Waits in `SCHEDOP_poll` for an event at certain ports, masked or not. */
  | 'polling'
  /** Not brought up, brought down, or of a domain that has ended. */
  | 'offline';

export interface VcpuData {
  readonly id: number;
  readonly state: VcpuState;
  /** Whether it has registers: the first one, and those that `VCPUOP_initialise` made. */
  readonly isInitialised: boolean;
  /** Where it executes next, or would. Absent while it has no registers. */
  readonly eip?: CodePlace | undefined;
  /** Privilege level: 1 is the kernel, 3 its user mode. */
  readonly ring?: number | undefined;
  /** Linear or, of a translated guest, as the guest numbers frames: its CR3 as frame number. */
  readonly baseFrame?: number | undefined;
  /** vcpu_info.evtchn_upcall_mask: other than 0 holds upcalls off, as a cleared IF does. */
  readonly upcallMask: number;
  /** vcpu_info.evtchn_upcall_pending: other than 0 says that there is something to look at. */
  readonly upcallPending: number;
  /** Of `polling`: the ports, and when it ends by itself, in ns of system time. */
  readonly polledPorts?: readonly number[] | undefined;
  readonly pollEnds?: number | undefined;
  readonly nmi: { readonly isPending: boolean; readonly isMasked: boolean };
}
