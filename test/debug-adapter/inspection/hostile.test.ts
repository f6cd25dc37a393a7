/** Whatever a guest or a client does, an answer comes, it is of bounded length, and nothing throws. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Inspector } from '../../../debug-adapter/inspection/inspector.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';
import { coldTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import type { Machine } from '../../../emulator/machine/machine.ts';
import { Outcomes } from '../../conformance/hypercalls/outcomes.ts';
import { Episode } from '../../conformance/hypercalls/run.ts';
import { SETTINGS, World } from '../../conformance/hypercalls/world.ts';
import { Dice } from '../../conformance/silicon/values.ts';
import {
  domainOf,
  emptyDisk,
  inspectorOf,
  lookAtEverything,
  looks,
  machineOf,
  noSymbols,
  runFor,
  vcpuOf,
} from './machines.ts';

const PAGE = 4096;
/** Characters of one answer: rows are at most 4096. */
const LONGEST = 8_000_000;

function lookHard(machine: Machine): void {
  const inspector = inspectorOf(machine);
  const before = machine.hash();
  for (const [what, body] of lookAtEverything(inspector)) {
    expect([what, body.length < LONGEST]).toEqual([what, true]);
  }
  expect(machine.hash()).toBe(before);
  inspector.end();
}

test.each(SETTINGS)(
  'machines after random hypercalls can be looked at',
  { timeout: 60_000 },
  (...setting) => {
    const world = new World(setting, coldTier());
    const episode = new Episode(world, 31, new Outcomes(), { index: 0, doing: '' });
    episode.run(1200, false, () => lookHard(world.machine));
    lookHard(world.machine);
  },
);

describe.each(['translated', 'translated-pae'] as const)(
  'page tables of garbage, %s',
  (variant) => {
    test.each([1, 2, 3, 4])('seed %i', { timeout: 60_000 }, (seed) => {
      const machine = machineOf({ guest: 'translated', variant });
      runFor(machine, 50_000);
      const { ram } = machine.xen;
      const { firstFrame } = domainOf(machine);
      const dice = new Dice(seed);
      const vcpu = vcpuOf(machine);
      for (let frame = 0; frame < 1024; frame++) {
        for (let at = 0; at < PAGE; at += 4) {
          // Mostly entries that lead to frames of the guest, so that walks go deep.
          const low = (dice.below(1100) * PAGE + dice.below(PAGE)) >>> 0;
          const isHigh = variant === 'translated-pae' && at & 4;
          const high = dice.below(8) === 0 ? dice.below(2 ** 31) : 0;
          ram.write32((firstFrame + frame) * PAGE + at, isHigh ? high : low);
        }
      }
      machine.xen.flushAll();
      expect(vcpu.baseFrame).toBeGreaterThan(0);
      lookHard(machine);
    });
  },
);

test('devices whose pages hold garbage can be looked at', () => {
  const machine = machineOf({ guest: 'block', variant: 'direct', disk: emptyDisk });
  runFor(machine, 400_000);
  const dice = new Dice(5);
  for (const frame of [
    machine.servicesOf(1)?.built.storeFrame,
    machine.servicesOf(1)?.built.consoleFrame,
    domainOf(machine).fields.sharedInfo,
    ...domainOf(machine).grants.frames,
  ]) {
    for (let at = 0; at < PAGE; at += 4) {
      machine.xen.ram.write32((frame ?? 0) * PAGE + at, dice.below(2 ** 32));
    }
  }
  lookHard(machine);
});

test('domains that have ended and been destroyed can be looked at', () => {
  const machine = machineOf(
    { guest: 'crash', variant: 'direct', commandLine: 'stack' },
    { guest: 'console', variant: 'direct' },
  );
  runFor(machine, 500_000);
  lookHard(machine);
  machine.destroyDomain(1);
  lookHard(machine);
  expect(() => inspectorOf(machine).answer('ringside/devices', { domain: 1 })).toThrow(UserError);
});

test('arguments of any kind are answered or refused with a sentence', { timeout: 60_000 }, () => {
  const machine = machineOf({ guest: 'console', variant: 'direct' });
  runFor(machine, 20_000);
  const inspector = new Inspector(machine, noSymbols);
  const commands = [
    ...new Set(looks(machine).map(([command]) => command)),
    'ringside/xenstoreWrite',
    'ringside/xenstoreRemove',
    'ringside/traceHypercalls',
  ] as const;
  const odd = fc.oneof(fc.anything(), fc.integer({ min: -2, max: 5 }), fc.double());
  const names = ['domain', 'vcpu', 'port', 'frame', 'level', 'address', 'first', 'count', 'path'];
  const record = fc.dictionary(
    fc.constantFrom(
      ...names,
      'value',
      'name',
      'filter',
      'table',
      'start',
      'end',
      'capacity',
      'isTracing',
      '__proto__',
    ),
    odd,
  );
  const property = fc.property(
    fc.constantFrom(...commands),
    fc.oneof(
      record,
      fc.anything(),
      record.map((given) => ({ ...given, domain: 1, vcpu: 0 })),
    ),
    (command, given) => {
      expect(Inspector.knows(command)).toBe(true);
      try {
        inspector.answer(command, given);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        expect((error as Error).message).toMatch(/\.$/);
      }
    },
  );
  fc.assert(property, { seed: 3, numRuns: 1500 });
  expect(Inspector.knows('constructor')).toBe(false);
});
