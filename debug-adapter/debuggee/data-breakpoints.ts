/**
 * Breakpoints on data: memory by linear or machine address, bits of event ports, page-table entries,
 * registers, nodes of xenstore. As many and as long as anybody wants.
 *
 * A write is noted when it happens, by the guest or by the hypervisor; whether it changed anything and
 * whether the user wants to stop is worked out when its instruction has ended.
 */

import type { WatchHit, Watchpoint } from '../../emulator/cpu/watchpoints.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { type GeneralRegister, VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import type { HitTest, Message, Predicate } from './condition.ts';
import type { EventListener } from './event-stops.ts';
import type { StopCause } from './stop-control.ts';

/** Bytes that are watched. */
export interface WatchedRange {
  readonly space: 'linear' | 'machine';
  readonly address: number;
  /** In bytes. */
  readonly length: number;
  /** Only these bits count, of each byte; undefined: all. */
  readonly bits?: number;
}

export type DataTarget =
  | { readonly kind: 'memory'; readonly ranges: readonly WatchedRange[] }
  | { readonly kind: 'register'; readonly vcpu: Vcpu; readonly register: GeneralRegister | 'eip' }
  | { readonly kind: 'node'; readonly path: string };

export type DataAccess = 'read' | 'write' | 'readWrite' | 'change';

export interface DataBreakpoint {
  readonly id: number;
  /** As the user knows it: `evtchn 5`, `count`. */
  readonly name: string;
  readonly target: DataTarget;
  readonly access: DataAccess;
  /** In which domain; undefined: any. */
  readonly domain: number | undefined;
  readonly condition?: Predicate | undefined;
  readonly hits?: HitTest | undefined;
  readonly message?: Message | undefined;
}

interface Armed {
  readonly breakpoint: DataBreakpoint;
  /** What it was when last looked at. */
  before: string;
  count: number;
}

type Access = 'read' | 'write';

export class DataBreakpoints {
  readonly #machine: Machine;
  readonly #listener: EventListener;
  #armed: readonly Armed[] = [];
  #watchpoints = new Map<Watchpoint, Armed>();
  /** What has been accessed since the last look, and how. */
  #noted = new Map<Armed, Access>();

  constructor(machine: Machine, listener: EventListener) {
    this.#machine = machine;
    this.#listener = listener;
    machine.xen.ram.onWatchedWrite = (address, length) => this.#hypervisorWrites(address, length);
    machine.store.onChange = (path) => this.#nodeChanges(path);
  }

  /** Whether each instruction has to be looked at by itself. */
  get needsSteps(): boolean {
    return this.#armed.some(({ breakpoint }) => breakpoint.target.kind === 'register');
  }

  get all(): readonly DataBreakpoint[] {
    return this.#armed.map(({ breakpoint }) => breakpoint);
  }

  /** Replaces them all. */
  set(breakpoints: readonly DataBreakpoint[]): void {
    const { watchpoints } = this.#machine.xen.cpu;
    for (const watchpoint of this.#watchpoints.keys()) {
      watchpoints.remove(watchpoint);
    }
    this.#watchpoints = new Map();
    this.#noted = new Map();
    this.#armed = breakpoints.map((breakpoint) => ({
      breakpoint,
      before: this.#valueOf(breakpoint),
      count: 0,
    }));
    for (const armed of this.#armed) {
      for (const watchpoint of this.#watchpointsOf(armed.breakpoint)) {
        this.#watchpoints.set(watchpoint, armed);
        watchpoints.add(watchpoint);
      }
    }
  }

  /** A variable that lies where the hypervisor writes is watched there too. */
  #watchpointsOf({ target, access }: DataBreakpoint): Watchpoint[] {
    if (target.kind !== 'memory') {
      return [];
    }
    const on = { read: 'read', write: 'write', readWrite: 'access', change: 'write' } as const;
    return target.ranges.flatMap(({ space, address, length }): Watchpoint[] => {
      const asked = { address, length, on: on[access] } as const;
      if (space === 'machine') {
        return [{ space: 'physical', ...asked }];
      }
      const physical = this.#machine.xen.cpu.access.physicalOf(address);
      const isWithinPage = (address & 0xfff) + length <= 4096;
      return [
        { space: 'linear', ...asked },
        ...(physical !== undefined && isWithinPage
          ? [{ ...asked, space: 'physical', address: physical } as const]
          : []),
      ];
    });
  }

  // ---- what happens

  /** The processor has stopped because of these. */
  noteHits(hits: readonly WatchHit[]): void {
    for (const { watchpoint, access } of hits) {
      const armed = this.#watchpoints.get(watchpoint);
      if (armed !== undefined) {
        this.#note(armed, access);
      }
    }
  }

  #hypervisorWrites(address: number, length: number): void {
    if (this.#machine.xen.probes.isMuted) {
      return;
    }
    for (const [{ space, address: start, length: size, on }, armed] of this.#watchpoints) {
      const isTouched = address < start + size && start < address + length;
      if (space === 'physical' && on !== 'read' && isTouched) {
        this.#note(armed, 'write');
        this.#machine.xen.stopSoon();
      }
    }
  }

  #nodeChanges(path: string): void {
    if (this.#machine.xen.probes.isMuted) {
      return;
    }
    for (const armed of this.#armed) {
      const { target } = armed.breakpoint;
      const isMeant =
        target.kind === 'node' && (path === target.path || path.startsWith(`${target.path}/`));
      if (isMeant) {
        this.#note(armed, 'write');
        this.#machine.xen.stopSoon();
      }
    }
  }

  #note(armed: Armed, access: Access): void {
    if (this.#noted.get(armed) !== 'write') {
      this.#noted.set(armed, access);
    }
  }

  // ---- whether to stop

  /** To be called after each instruction while `needsSteps`. */
  lookAtRegisters(): void {
    for (const armed of this.#armed) {
      const { breakpoint } = armed;
      if (breakpoint.target.kind === 'register' && this.#valueOf(breakpoint) !== armed.before) {
        this.#note(armed, 'write');
      }
    }
  }

  /** Why to stop for what has been accessed since the last time. */
  take(): readonly StopCause[] {
    if (this.#noted.size === 0) {
      return [];
    }
    const noted = [...this.#noted];
    this.#noted = new Map();
    return noted.flatMap(([armed, access]) => this.#causeOf(armed, access) ?? []);
  }

  #causeOf(armed: Armed, access: Access): StopCause | undefined {
    const { breakpoint, before } = armed;
    const after = this.#valueOf(breakpoint);
    armed.before = after;
    const { scheduler } = this.#machine.xen;
    const vcpu =
      breakpoint.target.kind === 'register'
        ? breakpoint.target.vcpu
        : (scheduler.current ?? scheduler.loaded);
    if (vcpu === undefined || !this.#isMeant(breakpoint, access, before !== after, vcpu)) {
      return undefined;
    }
    armed.count += 1;
    try {
      if (breakpoint.condition?.({ vcpu }) === false) {
        armed.count -= 1;
        return undefined;
      }
      if (breakpoint.hits?.(armed.count) === false) {
        return undefined;
      }
      if (breakpoint.message !== undefined) {
        this.#listener.log(breakpoint.message({ vcpu }), vcpu);
        return undefined;
      }
    } catch (error) {
      if (!(error instanceof Error)) {
        throw error;
      }
      this.#listener.problem(error.message);
    }
    const text = storyOf(breakpoint.name, access, before, after);
    return { kind: 'data', breakpoints: [breakpoint.id], text, vcpu };
  }

  #isMeant(
    { access: wanted, domain, target }: DataBreakpoint,
    access: Access,
    hasChanged: boolean,
    vcpu: Vcpu,
  ): boolean {
    if (domain !== undefined && target.kind === 'memory' && vcpu.domain.id !== domain) {
      return false;
    }
    const countsBits =
      target.kind === 'memory' && target.ranges.some(({ bits }) => bits !== undefined);
    switch (wanted) {
      case 'change':
        return hasChanged;
      case 'read':
        return access === 'read';
      case 'write':
      case 'readWrite':
        return !(countsBits && !hasChanged);
    }
  }

  /** What it holds, as text that two looks can compare and a user read. */
  #valueOf({ target }: DataBreakpoint): string {
    switch (target.kind) {
      case 'memory':
        return target.ranges.map((range) => this.#bytesOf(range)).join(', ');
      case 'register': {
        const view = new VcpuView(this.#machine.xen, target.vcpu);
        return `0x${view.word(target.register).toString(16)}`;
      }
      case 'node':
        return '';
    }
  }

  #bytesOf({ space, address, length, bits = 0xff }: WatchedRange): string {
    const { ram, cpu } = this.#machine.xen;
    const shown = Math.min(length, MOST_COMPARED);
    const bytes =
      space === 'machine'
        ? Uint8Array.from({ length: shown }, (_, i) => ram.read8(address + i))
        : cpu.access.peek(address, shown);
    if (bits !== 0xff) {
      return bytes.some((byte) => (byte & bits) !== 0) ? '1' : '0';
    }
    if (bytes.length === 4 || bytes.length === 2 || bytes.length === 1 || bytes.length === 8) {
      const digits = [...bytes].reverse().map((byte) => byte.toString(16).padStart(2, '0'));
      return `0x${digits.join('')}`;
    }
    return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  }
}
/** Of a longer range, only the first bytes tell whether it has changed. */
const MOST_COMPARED = 1 << 16;
const MOST_SHOWN = 64;

function storyOf(name: string, access: Access, before: string, after: string): string {
  const shown = (text: string) =>
    text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
  if (access === 'read') {
    return `${name} was read: ${shown(after)}`;
  }
  return before === after
    ? `${name} was written${after === '' ? '' : `: still ${shown(after)}`}`
    : `${name} was ${shown(before)}, is ${shown(after)}`;
}
