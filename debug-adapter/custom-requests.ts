/**
 * Our additions to the Debug Adapter Protocol: what views show that no standard request carries.
 *
 * Types alone, for both ends. A client that knows the version in `RingsideCapabilities` may send
 * them at any time; between two stops they are answered between two slices of the run. Errors are
 * error responses with a sentence, as those of any request. Looking changes nothing in the machine.
 */

import type {
  DescriptorTableData,
  EntryPointsData,
  SegmentData,
  TrapTableData,
} from './inspection/data/descriptors.ts';
import type { DevicesData, JournalRows } from './inspection/data/devices.ts';
import type { MachineData } from './inspection/data/domains.ts';
import type { EventChannelsData, PortExplanation } from './inspection/data/event-channels.ts';
import type { GrantMappingsData, GrantTableData } from './inspection/data/grants.ts';
import type { HypercallFilter, HypercallTraceData } from './inspection/data/hypercalls.ts';
import type {
  AccessWanted,
  AddressMapData,
  FrameData,
  FrameMappingsData,
  TableData,
  TableLevel,
  WalkData,
} from './inspection/data/pages.ts';
import type { RowsWanted } from './inspection/data/rows.ts';
import type { SharedStructData, SharedStructName } from './inspection/data/structs.ts';
import type { TimeData } from './inspection/data/time.ts';
import type {
  StoreChangeData,
  StoreConnectionData,
  StoreNodeData,
} from './inspection/data/xenstore.ts';

/** Changes whenever a request, an argument or a field changes its meaning. */
export type CustomRequestsVersion = 1;

/** What the response to `initialize` has beside the standard capabilities. */
export interface RingsideCapabilities {
  readonly ringsideRequests: CustomRequestsVersion;
}

/** The domain that is meant, by its number. */
interface OfDomain {
  readonly domain: number;
}

interface OfVcpu extends OfDomain {
  /** 0 when absent. */
  readonly vcpu?: number;
}

/** Each request by its command: what it takes, and the body of its response. */
export interface CustomRequests {
  'ringside/machine': { arguments: Record<string, never>; body: MachineData };
  'ringside/eventChannels': { arguments: OfDomain & RowsWanted; body: EventChannelsData };
  'ringside/explainPort': {
    arguments: OfDomain & { readonly port: number };
    body: PortExplanation;
  };
  'ringside/grants': {
    /** @see usedOnly leaves out entries that grant nothing */
    arguments: OfDomain & RowsWanted & { readonly usedOnly?: boolean };
    body: GrantTableData;
  };
  'ringside/grantMappings': { arguments: OfDomain & RowsWanted; body: GrantMappingsData };
  'ringside/devices': { arguments: OfDomain; body: DevicesData };
  'ringside/journal': { arguments: RowsWanted; body: JournalRows };
  'ringside/xenstore': { arguments: { readonly path: string } & RowsWanted; body: StoreNodeData };
  'ringside/xenstoreConnections': {
    arguments: Record<string, never>;
    body: { readonly connections: readonly StoreConnectionData[] };
  };
  /** Writes as the toolstack: an input to the machine, which may act on it when it runs. */
  'ringside/xenstoreWrite': {
    /** @see value may have `\xNN` for any byte, and `\\` for the character */
    arguments: { readonly path: string; readonly value: string };
    body: StoreChangeData;
  };
  /** Removes a node with all below it, as the toolstack. */
  'ringside/xenstoreRemove': { arguments: { readonly path: string }; body: StoreChangeData };
  'ringside/time': { arguments: Record<string, never>; body: TimeData };
  /** Begins, ends or clears the trace; nothing is traced, and nothing slowed, until it is asked for. */
  'ringside/traceHypercalls': {
    arguments: {
      readonly isTracing: boolean;
      /** How many calls to keep: 10,000 when absent, at most 100,000. */
      readonly capacity?: number;
      readonly clear?: boolean;
    };
    body: HypercallTraceData;
  };
  'ringside/hypercalls': {
    /** @see last counts from the end in place of `first` */
    arguments: RowsWanted & { readonly filter?: HypercallFilter; readonly last?: boolean };
    body: HypercallTraceData;
  };
  'ringside/walk': {
    arguments: OfVcpu & AccessWanted & { readonly address: number };
    body: WalkData;
  };
  'ringside/addressMap': {
    /** Ranges that touch `start` to `end`, both included; all when absent. */
    arguments: OfVcpu & RowsWanted & { readonly start?: number; readonly end?: number };
    body: AddressMapData;
  };
  'ringside/tableEntries': {
    /** @see presentOnly leaves out entries that are not present */
    arguments: OfDomain &
      RowsWanted & {
        readonly frame: number;
        readonly level: TableLevel;
        /** First linear address that the table translates, if it is known. */
        readonly linear?: number;
        readonly presentOnly?: boolean;
      };
    body: TableData;
  };
  'ringside/frame': { arguments: { readonly frame: number }; body: FrameData };
  'ringside/whoMaps': {
    arguments: { readonly frame: number } & RowsWanted;
    body: FrameMappingsData;
  };
  'ringside/traps': { arguments: OfVcpu & RowsWanted; body: TrapTableData };
  'ringside/entryPoints': { arguments: OfVcpu; body: EntryPointsData };
  'ringside/descriptors': {
    arguments: OfVcpu & RowsWanted & { readonly table: 'gdt' | 'ldt' };
    body: DescriptorTableData;
  };
  'ringside/segments': {
    arguments: OfVcpu;
    body: { readonly segments: readonly SegmentData[] };
  };
  'ringside/struct': {
    arguments: OfVcpu & { readonly name: SharedStructName };
    body: SharedStructData;
  };
  /** Types on the console of a domain: a character for each byte, as UTF-8 has them. */
  'ringside/consoleInput': { arguments: OfDomain & { readonly text: string }; body: undefined };
}

export type CustomRequestName = keyof CustomRequests;
export type ArgumentsOf<Name extends CustomRequestName> = CustomRequests[Name]['arguments'];
export type BodyOf<Name extends CustomRequestName> = CustomRequests[Name]['body'];

/** Each event by its name, with its body. */
export interface CustomEvents {
  /** A guest wrote to its console, or to the hypervisor’s own. */
  'ringside/consoleOutput': OfDomain & {
    readonly console: 'guest' | 'hypervisor';
    /** A character for each byte. */
    readonly text: string;
  };
}

export type {
  AccessWanted,
  AddressMapData,
  DescriptorTableData,
  DevicesData,
  EntryPointsData,
  EventChannelsData,
  FrameData,
  FrameMappingsData,
  GrantMappingsData,
  GrantTableData,
  HypercallFilter,
  HypercallTraceData,
  JournalRows,
  MachineData,
  PortExplanation,
  RowsWanted,
  SegmentData,
  SharedStructData,
  SharedStructName,
  StoreChangeData,
  StoreConnectionData,
  StoreNodeData,
  TableData,
  TableLevel,
  TimeData,
  TrapTableData,
  WalkData,
};
