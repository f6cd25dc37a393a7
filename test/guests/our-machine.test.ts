/** The test guests on our own machine. What real Xen makes of them is in `probe/facts.json`. */

import { describe, expect, test } from 'vitest';
import { SHUTDOWN } from '../../emulator/abi/sched.ts';
import type { BlockHost } from '../../emulator/devices/block/block-host.ts';
import { wrongFacts } from './facts.ts';
import { type GuestEnd, type GuestPart, runGuests } from './run.ts';
import { type GuestName, guests, type VariantName } from './variants.ts';

const TIMEOUT = 60_000;

/** The last line of a guest that found nothing wrong. */
const SUCCESS = 'Test result: SUCCESS';

/** What a guest says of its end, with the checks that failed. */
function verdict({ output, sentence }: GuestEnd): string[] {
  const lines = output.split(/\r?\n/).filter((line) => /^(?:FAIL|Test result)/.test(line));
  return sentence === undefined ? lines : [...lines, sentence];
}

function alone(part: GuestPart): GuestEnd {
  const [end] = runGuests([part]);
  return end as GuestEnd;
}

function variantsOf(...names: readonly GuestName[]): { guest: GuestName; variant: VariantName }[] {
  return names.flatMap((guest) => guests[guest].map((variant) => ({ guest, variant })));
}

function emptyDisk(size: number): BlockHost {
  return { size, read: (_offset, length) => new Uint8Array(length) };
}

test('the probe finds what real Xen says, in every fact', { timeout: TIMEOUT }, () => {
  const end = alone({ guest: 'probe', variant: 'low' });
  expect(wrongFacts(end.output)).toEqual([]);
  expect(verdict(end)).toEqual([SUCCESS]);
});

describe('a guest that checks for itself finds nothing wrong', () => {
  const names = [
    'traps',
    'upcalls',
    'iret',
    'descriptors',
    'failsafe',
    'nmi',
    'debug',
    'timers',
    'scheduling',
    'mmu',
    'multicall',
  ] as const;
  const all = variantsOf(...names, 'translated', 'xenstore', 'bench');
  test.each(all)('$guest/$variant', { timeout: TIMEOUT }, (part) => {
    expect(verdict(alone(part))).toEqual([SUCCESS]);
  });

  test('smp with two vCPUs', { timeout: TIMEOUT }, () => {
    const end = alone({ guest: 'smp', variant: 'direct', vcpus: 2 });
    expect(verdict(end)).toEqual([SUCCESS]);
  });

  test.each(['direct', 'legacy'] as const)(
    'failsafe/%s with three vCPUs',
    {
      timeout: TIMEOUT,
    },
    (variant) => {
      const end = alone({ guest: 'failsafe', variant, vcpus: 3 });
      expect(end.output).toContain('ok   CS beyond the table');
      expect(verdict(end)).toEqual([SUCCESS]);
    },
  );

  test('smp with one says that there is nothing to test', { timeout: TIMEOUT }, () => {
    expect(verdict(alone({ guest: 'smp', variant: 'direct' }))).toEqual([
      'Test result: SKIP: the domain has one vCPU',
    ]);
  });

  test.each(variantsOf('block'))('$guest/$variant', { timeout: TIMEOUT }, (part) => {
    expect(verdict(alone({ ...part, disk: emptyDisk(1 << 20) }))).toEqual([SUCCESS]);
  });

  test('two domains that share memory', { timeout: TIMEOUT }, () => {
    const ends = runGuests([
      { guest: 'grants-server', variant: 'direct' },
      { guest: 'grants-client', variant: 'direct' },
    ]);
    expect(ends.map(verdict)).toEqual([[SUCCESS], [SUCCESS]]);
  });
});

test.each(variantsOf('console'))('the console of $variant goes both ways', (part) => {
  const end = alone({ ...part, input: 'hello\nquit\n' });
  const counts = end.output.match(/^count \d+/gm) ?? [];
  expect(counts).toEqual(Array.from({ length: 300 }, (_, count) => `count ${count}`));
  expect(end.output).toContain('echo: hello');
  expect(verdict(end)).toEqual([SUCCESS]);
});

describe('a domain that dies', () => {
  const ways = [
    ['shutdown', SHUTDOWN.crash],
    ['no-handler', SHUTDOWN.crash],
    ['stack', SHUTDOWN.crash],
    ['stack-in-hypervisor', SHUTDOWN.crash],
    ['kernel-stack', SHUTDOWN.crash],
    ['callback', SHUTDOWN.crash],
    ['iret', SHUTDOWN.crash],
    ['endless-faults', SHUTDOWN.crash],
    ['watchdog', SHUTDOWN.watchdog],
  ] as const;
  test.each(ways)('by %s', { timeout: TIMEOUT }, (way, reason) => {
    const end = alone({ guest: 'crash', variant: 'direct', commandLine: way });
    expect(end.output).toContain(`dying by ${way}`);
    expect(end.output).not.toContain('Test result');
    expect(end.reason).toBe(reason);
    expect(end.sentence).toMatch(/\.$|^it asked/);
  });
});

test('a domain that suspends says so and stops', { timeout: TIMEOUT }, () => {
  const end = alone({ guest: 'suspend', variant: 'direct' });
  expect(end.output).toContain('suspending');
  expect(end.reason).toBe(SHUTDOWN.suspend);
});
