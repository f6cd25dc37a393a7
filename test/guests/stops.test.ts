/**
 * A debugger may stop a machine before any call, trap or upcall, look at each stage of what follows, and
 * take it all back: to the guests it makes no difference.
 */

import { describe, expect, test } from 'vitest';
import { coldTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import type { Interceptor } from '../../emulator/hypervisor/interceptor.ts';
import type { StageMoment } from '../../emulator/hypervisor/probes.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import { domainPart, type GuestPart } from './run.ts';

const engine = coldTier();
const END = 1_500_000;
const LEFT = Symbol('left the hypervisor');

const disk = { size: 1 << 20, read: (_offset: number, length: number) => new Uint8Array(length) };

const machines: readonly (readonly GuestPart[])[] = [
  [{ guest: 'upcalls', variant: 'direct' }],
  [{ guest: 'upcalls', variant: 'translated' }],
  [{ guest: 'traps', variant: 'direct' }],
  [{ guest: 'iret', variant: 'two-level' }],
  [{ guest: 'mmu', variant: 'direct' }],
  [{ guest: 'multicall', variant: 'direct' }],
  [{ guest: 'smp', variant: 'direct', vcpus: 2 }],
  [{ guest: 'timers', variant: 'direct' }],
  [{ guest: 'block', variant: 'direct', disk }],
  [{ guest: 'debug', variant: 'direct' }],
];

function machineOf(parts: readonly GuestPart[]): { machine: Machine; output: () => string } {
  let output = '';
  const machine = new Machine(
    { domains: parts.map((part) => domainPart({ ...part, pages: 1024 })), engine },
    {
      consoleOutput: (_domain, bytes) => {
        output += Buffer.from(bytes).toString('latin1');
      },
      emergencyOutput: (_domain, bytes) => {
        output += Buffer.from(bytes).toString('latin1');
      },
    },
  );
  return { machine, output: () => output };
}

/** Stops before everything once, and lets it pass when the machine goes on from there. */
class StopsAtAll implements Interceptor {
  readonly #machine: Machine;
  #passes = '';
  readonly stops = { hypercall: 0, trap: 0, upcall: 0 };

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  #isNew(kind: keyof StopsAtAll['stops']): boolean {
    const moment = `${kind} ${this.#machine.instructions} ${this.#machine.xen.cpu.instructionCount}`;
    const isNew = moment !== this.#passes;
    this.#passes = moment;
    this.stops[kind] += isNew ? 1 : 0;
    return isNew;
  }

  stopsBeforeHypercall(): boolean {
    return this.#isNew('hypercall');
  }

  stopsBeforeTrap(): boolean {
    return this.#isNew('trap');
  }

  beforeUpcall(): 'enter' | 'stop' {
    return this.#isNew('upcall') ? 'stop' : 'enter';
  }
}

function runTo(machine: Machine, end: number, whenAsked: () => void): string[] {
  const seen: string[] = [];
  while (machine.instructions < end) {
    const stop = machine.run(end - machine.instructions);
    if (stop.kind === 'asked') {
      whenAsked();
    } else if (stop.kind !== 'budget') {
      seen.push(`${stop.kind} at ${machine.instructions}`);
      if (stop.kind === 'idle') {
        break;
      }
    }
  }
  return seen;
}

/** Tries the next instruction, and leaves the hypervisor before the stage of that number. */
function leaveAt(machine: Machine, ordinal: number): StageMoment[] {
  const operations: StageMoment[] = [];
  let passed = 0;
  machine.xen.probes.gate = {
    enter: (moment) => operations.push(moment),
    pass(moment) {
      operations[operations.length - 1] = moment;
      moment.facts();
      if (passed++ === ordinal) {
        throw LEFT;
      }
    },
    leave: () => operations.pop(),
  };
  try {
    machine.run(1);
  } catch (error) {
    if (error !== LEFT) {
      throw error;
    }
  } finally {
    machine.xen.probes.gate = undefined;
  }
  return operations;
}

const nameOf = (parts: readonly GuestPart[]): string =>
  parts.map(({ guest, variant }) => `${guest}/${variant}`).join(', ');

describe.each(machines.map((parts) => ({ name: nameOf(parts), parts })))('$name', ({ parts }) => {
  test('comes to the same state past all stops, and with all stages watched', () => {
    const plain = machineOf(parts);
    const seen = runTo(plain.machine, END, () => {});
    const expected = { seen, hash: plain.machine.hash(), output: plain.output() };

    const stopped = machineOf(parts);
    const interceptor = new StopsAtAll(stopped.machine);
    stopped.machine.xen.interceptor = interceptor;
    let asked = 0;
    const seenStopped = runTo(stopped.machine, END, () => asked++);
    expect({
      seen: seenStopped,
      hash: stopped.machine.hash(),
      output: stopped.output(),
    }).toEqual(expected);
    expect(interceptor.stops.hypercall).toBeGreaterThan(10);
    expect(asked).toBeGreaterThan(10);

    const watched = machineOf(parts);
    watched.machine.xen.probes.gate = { enter: () => {}, pass: ({ facts }) => facts(), leave() {} };
    const seenWatched = runTo(watched.machine, END, () => {});
    expect({
      seen: seenWatched,
      hash: watched.machine.hash(),
      output: watched.output(),
    }).toEqual(expected);
  });

  test('takes back what was tried, from before any stage', () => {
    const plain = machineOf(parts);
    runTo(plain.machine, END, () => {});

    const { machine, output } = machineOf(parts);
    machine.xen.interceptor = new StopsAtAll(machine);
    let tried = 0;
    let left = 0;
    runTo(machine, END, () => {
      if (tried++ % 37 !== 0) {
        return;
      }
      const { interceptor } = machine.xen;
      machine.xen.interceptor = undefined;
      const before = machine.hash();
      const attempt = machine.attempt();
      for (const ordinal of [0, 1, 2, 5, 9]) {
        left += leaveAt(machine, ordinal).length > 0 ? 1 : 0;
        attempt.takeBack();
        expect(machine.hash()).toBe(before);
      }
      attempt.end();
      expect(machine.hash()).toBe(before);
      machine.xen.interceptor = interceptor;
    });
    expect(left).toBeGreaterThan(0);
    expect(machine.hash()).toBe(plain.machine.hash());
    expect(output()).toBe(plain.output());
  });
});
