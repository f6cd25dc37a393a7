/** Time as guests see it: clocks, timers, and what each virtual processor spent its time on. */

import { shared_info, vcpu_info, vcpu_time_info } from '../../emulator/abi/xen.ts';
import { TSC_KHZ } from '../../emulator/hypervisor/clock.ts';
import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import { NEVER, RUN_STATES, type Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import type {
  DomainTimeData,
  RunstateData,
  TimeData,
  TimeInfoData,
  TimerData,
  VcpuTimeData,
} from './data/time.ts';
import type { TimerCounts } from './timer-counts.ts';

const PAGE = 4096;
const SECOND = 1_000_000_000;

/** @param counts absent: nobody counts */
export function timeData(xen: Xen, counts?: TimerCounts): TimeData {
  const { clock, wallClock } = xen;
  const { now, skipped } = clock;
  const guests = [...xen.domains.values()].filter(({ vcpus }) => vcpus.length > 0);
  const domains = guests.map((domain) => domainTime(xen, domain, counts));
  return {
    tsc: now,
    tscKhz: TSC_KHZ,
    systemTime: now,
    skipped,
    wallClock: { seconds: wallClock + Math.floor(now / SECOND), nanoseconds: now % SECOND },
    nextDeadline: earliest(domains),
    domains,
  };
}

/** Ends of turns and updates of the clock are the scheduler's own, and left out. */
function earliest(domains: readonly DomainTimeData[]): number | undefined {
  const timers = domains.flatMap(({ watchdogs, vcpus }) => [
    ...watchdogs,
    ...vcpus.flatMap((vcpu) => vcpu.timers),
  ]);
  const next = Math.min(...timers.filter(({ isHeld }) => !isHeld).map(({ at }) => at));
  return next === NEVER ? undefined : next;
}

function domainTime(xen: Xen, domain: Domain, counts: TimerCounts | undefined): DomainTimeData {
  const { fields, id, shutdown } = domain;
  const word = (offset: number): number => xen.ram.read32(fields.sharedInfo * PAGE + offset);
  const { wc_version, wc_sec, wc_nsec } = shared_info.offsets;
  return {
    domain: id,
    sharedWallClock: {
      version: word(wc_version),
      seconds: word(wc_sec),
      nanoseconds: word(wc_nsec),
    },
    watchdogs: fields.watchdogs
      .filter((at) => at !== 0)
      .map((at) => timer(xen, 'watchdog', at, shutdown !== undefined)),
    vcpus: domain.vcpus.map((vcpu) => vcpuTime(xen, vcpu, counts)),
  };
}

const timer = (xen: Xen, name: TimerData['timer'], at: number, isHeld: boolean): TimerData => ({
  timer: name,
  at,
  remaining: at - xen.clock.now,
  isHeld,
});

function vcpuTime(xen: Xen, vcpu: Vcpu, counts?: TimerCounts): VcpuTimeData {
  return {
    vcpu: vcpu.id,
    timeInfo: timeInfo(xen, vcpu.info + vcpu_info.offsets.time),
    timers: timersOf(xen, vcpu),
    tickPeriod: vcpu.tickPeriod,
    runstate: runstateData(xen, vcpu),
    counts: counts?.of(vcpu.domain.id, vcpu.id),
  };
}

function timersOf(xen: Xen, vcpu: Vcpu): TimerData[] {
  const { timerAt, tickAt, pollUntil, isBlocked } = vcpu;
  const isOff = !vcpu.isUp || vcpu.domain.shutdown !== undefined;
  return [
    timer(xen, 'single-shot', timerAt, isOff),
    timer(xen, 'tick', vcpu.tickPeriod > 0 ? tickAt : NEVER, isOff || isBlocked),
    timer(xen, 'poll', pollUntil, isOff),
  ].filter(({ at }) => at !== NEVER);
}

/** @param address machine address of a vcpu_time_info */
function timeInfo({ ram, clock }: Xen, address: number): TimeInfoData {
  const bytes = ram.bytes(address, vcpu_time_info.size);
  const info = vcpu_time_info.at(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { tsc_timestamp, system_time, tsc_to_system_mul: multiplier, tsc_shift: shift } = info;
  const ticks = BigInt(clock.now) - tsc_timestamp;
  const scaled = shift >= 0 ? ticks << BigInt(shift) : ticks >> BigInt(-shift);
  const now = Number(system_time + ((scaled * BigInt(multiplier)) >> 32n));
  return {
    address,
    version: info.version,
    tscTimestamp: numberOrHex(tsc_timestamp),
    systemTime: numberOrHex(system_time),
    multiplier,
    shift,
    extrapolated: Number.isSafeInteger(now) ? now : undefined,
  };
}

function numberOrHex(value: bigint): number | string {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : `0x${value.toString(16)}`;
}

function runstateData({ clock }: Xen, { runstate }: Vcpu): RunstateData {
  const { state, since, spent } = runstate;
  const [running = 0, runnable = 0, blocked = 0, offline = 0] = RUN_STATES.map(
    (each, i) => (spent[i] ?? 0) + (each === state ? clock.now - since : 0),
  );
  return { state, since, running, runnable, blocked, offline };
}
