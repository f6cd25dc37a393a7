/** Event channels: the ports of a domain, and why an event at one does not arrive. */

import type { Rows } from './rows.ts';

export interface EventChannelsData extends Rows<EventChannelData> {
  readonly domain: number;
  /** Bits of evtchn_pending that are set at ports which are connected to nothing, at most 64. */
  readonly strayPending: readonly number[];
  readonly vcpus: readonly UpcallData[];
}

/** What vcpu_info says of events. */
export interface UpcallData {
  readonly vcpu: number;
  /** A bit for each word of evtchn_pending that the guest is to look at. */
  readonly selector: number;
  readonly upcallPending: number;
  readonly upcallMask: number;
}

export interface EventChannelData {
  readonly port: number;
  readonly type: 'unbound' | 'interdomain' | 'virq' | 'ipi';
  /** Of `virq`: its number, and its name in `VIRQ` such as `TIMER`. */
  readonly virq?: number | undefined;
  readonly virqName?: string | undefined;
  /** Of `interdomain`: the other end. Of `unbound`: who may bind to it, without a port. */
  readonly peer?: PeerData | undefined;
  /** The virtual processor that it notifies. */
  readonly vcpu: number;
  /** Its bit in shared_info.evtchn_pending. Absent for domain 0, whose back-ends have no bits. */
  readonly isPending?: boolean | undefined;
  /** Its bit in shared_info.evtchn_mask. */
  readonly isMasked?: boolean | undefined;
  /** The bit of its word in the selector of the virtual processor that it notifies. */
  readonly isSelected?: boolean | undefined;
  /** Events sent to it since counting began; absent while nobody counts. */
  readonly sent?: number | undefined;
  /** Of those, how many found it masked. */
  readonly sentMasked?: number | undefined;
  /** What it is for in this domain, such as `xenstore`, `console`, `vbd/51712`; where it is known. */
  readonly purpose?: string | undefined;
}

export interface PeerData {
  readonly domain: number;
  readonly port?: number | undefined;
  /** What stands there: `xenstored`, `console back-end`, `back-end of vbd/51712`, a guest’s name. */
  readonly who: string;
}

/** Which condition of an event’s arrival is looked at, in the order in which they are. */
export type PortConditionName =
  | 'domain runs'
  | 'port connected'
  | 'event pending'
  | 'port unmasked'
  | 'selector set'
  | 'upcall pending'
  | 'callback registered'
  | 'vCPU up'
  | 'vCPU awake'
  | 'no NMI first'
  | 'upcall unmasked'
  | 'vCPU has processor';

export interface PortCondition {
  readonly condition: PortConditionName;
  readonly holds: boolean;
  /** A sentence with the values that were looked at. */
  readonly detail: string;
}

export interface PortExplanation {
  readonly domain: number;
  readonly port: number;
  /** In order; what could not be looked at for want of an earlier one is left out. */
  readonly conditions: readonly PortCondition[];
  /** The first that does not hold; absent: the event is on its way. */
  readonly missing?: PortConditionName | undefined;
  /** The answer in a sentence. */
  readonly conclusion: string;
}
