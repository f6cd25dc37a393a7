/** The view _Time_: clocks, timers, and how long each virtual processor has run and waited. */

import type { TimeData } from '../../debug-adapter/custom-requests.ts';
import { duration, grouped } from './figures.ts';
import type { Ask, Detail, Row } from './row.ts';

type DomainTime = TimeData['domains'][number];
type VcpuTime = DomainTime['vcpus'][number];
type Timer = VcpuTime['timers'][number];

export async function timeRows(ask: Ask): Promise<readonly Row[]> {
  return rowsOfTime(await ask('ringside/time', {}));
}

function rowsOfTime(data: TimeData): Row[] {
  const { tsc, tscKhz, systemTime, skipped, wallClock, nextDeadline, domains } = data;
  return [
    {
      id: 'system',
      label: 'System time',
      description: duration(systemTime),
      icon: { name: 'clock' },
      details: [
        ['System time', `${grouped(systemTime)} ns`],
        ['Nobody executed', duration(skipped)],
        ['Time-stamp counter', `${grouped(tsc)}, ${grouped(tscKhz)} kHz`],
      ],
    },
    {
      id: 'wall',
      label: 'Wall clock',
      description: moment(wallClock.seconds, wallClock.nanoseconds),
      icon: { name: 'calendar' },
      details: [['Since 1970', `${grouped(wallClock.seconds)} s`]],
    },
    {
      id: 'next',
      label: 'Next deadline',
      description:
        nextDeadline === undefined ? 'never' : `in ${duration(nextDeadline - systemTime)}`,
      icon: { name: 'watch' },
    },
    ...domains.filter(({ vcpus }) => vcpus.length > 0).map((domain) => domainRow(domain)),
  ];
}

/** Seconds since 1970 as a date of UTC; those that no calendar has, as they are. */
function moment(seconds: number, nanoseconds: number): string {
  const date = new Date(seconds * 1000 + nanoseconds / 1e6);
  return Number.isNaN(date.getTime())
    ? `${grouped(seconds)} s since 1970`
    : date.toISOString().replace('T', ' ').replace('Z', ' UTC');
}

function domainRow({ domain, sharedWallClock, watchdogs, vcpus }: DomainTime): Row {
  const { version, seconds, nanoseconds } = sharedWallClock;
  return {
    id: `d${domain}`,
    label: `Domain ${domain}`,
    icon: { name: 'vm' },
    isOpen: true,
    details: [
      ['Wall clock at system time 0', moment(seconds, nanoseconds)],
      ['Version in shared_info', `${version}${version % 2 === 1 ? ', being written' : ''}`],
    ],
    children: [
      ...vcpus.map((vcpu) => vcpuRow(domain, vcpu)),
      ...watchdogs.map((timer, index) => timerRow(`d${domain}/watchdog ${index}`, timer)),
    ],
  };
}

function vcpuRow(
  domain: number,
  { vcpu, timeInfo, timers, tickPeriod, runstate, counts }: VcpuTime,
): Row {
  const id = `d${domain}v${vcpu}`;
  const ticking = tickPeriod === 0 ? 'no ticks' : `a tick each ${duration(tickPeriod)}`;
  return {
    id,
    label: `vCPU ${vcpu}`,
    description: `${runstate.state}, ${ticking}`,
    icon: { name: 'chip' },
    isOpen: true,
    details: [
      ['vcpu_time_info, version', String(timeInfo.version)],
      ['tsc_timestamp', String(timeInfo.tscTimestamp)],
      ['system_time', String(timeInfo.systemTime)],
      ['tsc_to_system_mul', `${grouped(timeInfo.multiplier)}, shift ${timeInfo.shift}`],
      ...(timeInfo.extrapolated === undefined
        ? []
        : [['The guest works out', `${grouped(timeInfo.extrapolated)} ns`] as const]),
    ],
    children: [
      ...timers.map((timer) => timerRow(`${id}/${timer.timer}`, timer)),
      ...countsRow(id, counts),
      runstateRow(id, runstate),
    ],
  };
}

function timerRow(id: string, { timer, at, remaining, isHeld }: Timer): Row {
  const when = remaining < 0 ? `overdue by ${duration(-remaining)}` : `in ${duration(remaining)}`;
  return {
    id,
    label: timer,
    description: `${when}${isHeld ? ', held while its vCPU sleeps' : ''}`,
    icon: { name: remaining < 0 ? 'bell-dot' : 'history' },
    details: [['At', `${grouped(at)} ns of system time`]],
  };
}

function countsRow(id: string, counts: VcpuTime['counts']): Row[] {
  if (counts === undefined) {
    return [];
  }
  const { ticks, ticksSkipped, singleShots, pollTimeouts } = counts;
  return [
    {
      id: `${id}/counts`,
      label: 'Fired',
      description: `${grouped(ticks)} ticks (${grouped(ticksSkipped)} skipped), ${grouped(singleShots)} single-shot, ${grouped(pollTimeouts)} poll`,
      icon: { name: 'graph' },
      note: 'A tick that falls into a sleep is skipped: it is never delivered.',
    },
  ];
}

function runstateRow(id: string, runstate: VcpuTime['runstate']): Row {
  const { since, running, runnable, blocked, offline } = runstate;
  return {
    id: `${id}/runstate`,
    label: 'Run states',
    description: `ran ${duration(running)}, blocked ${duration(blocked)}, stolen ${duration(runnable)}`,
    icon: { name: 'pie-chart' },
    details: [
      ['Now', `${runstate.state} since ${duration(since)}`],
      ['Running', `${grouped(running)} ns`],
      ['Runnable (stolen)', `${grouped(runnable)} ns`],
      ['Blocked', `${grouped(blocked)} ns`],
      ['Offline', `${grouped(offline)} ns`],
    ] satisfies Detail[],
  };
}
