/** Guests may call what they like; and what looks for mistakes finds them. */

import { describe, expect, test } from 'vitest';
import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { discrepancies } from './books.ts';
import { Outcomes } from './outcomes.ts';
import { Episode, fuzzHypercalls } from './run.ts';
import { GRANTS, SETTINGS, World } from './world.ts';

const engine = coldTier(compileColdTier());
/** Two direct guests. */
const SETTING = SETTINGS[0];

test('5,000 random hypercalls end in an answer or in the end of the domain', {
  timeout: 120_000,
}, () => {
  const lines: string[] = [];
  const options = { calls: 5000, seed: 2006, engine, print: (line: string) => lines.push(line) };
  const { calls, crashes, failures } = fuzzHypercalls(options);
  expect(lines).toEqual([]);
  expect([calls, failures]).toEqual([5000, 0]);
  expect(crashes).toBeGreaterThan(0);
});

test.each(SETTINGS)('whoever listens changes nothing', { timeout: 120_000 }, (...setting) => {
  const world = new World(setting, engine);
  const hashOf = (listens: boolean) => {
    const stop = listens ? world.listen() : () => {};
    const moment = { index: 0, doing: '' };
    new Episode(world, 4, new Outcomes(), moment).run(400, false);
    stop();
    return [moment.index, world.machine.hash()];
  };
  expect(hashOf(true)).toEqual(hashOf(false));
  expect(world.traced).toBeGreaterThan(1000);
});

test.each(SETTINGS)(
  'a machine taken up where it was put away goes on',
  { timeout: 120_000 },
  (...setting) => {
    const world = new World(setting, engine);
    const hashOf = (seed: number, isInterrupted: boolean) => {
      const { machine } = world;
      const interrupt = () => machine.restore(machine.capture());
      const episode = new Episode(world, seed, new Outcomes(), { index: 0, doing: '' });
      episode.run(600, false, isInterrupted ? interrupt : undefined);
      return machine.hash();
    };
    for (const seed of [11, 12]) {
      expect(hashOf(seed, true)).toBe(hashOf(seed, false));
    }
  },
);

describe('the books of a machine', () => {
  const world = new World(SETTING, engine);
  const [domain] = world.guests;
  const { xen } = world;

  test('add up at the start, and after it was reset', () => {
    expect(discrepancies(xen)).toEqual([]);
    xen.ram.write32(0x10_0000, 1);
    world.machine.run(1000);
    world.reset();
    expect(discrepancies(xen)).toEqual([]);
  });

  test('tell of a reference that nobody holds', () => {
    world.reset();
    const [frame = 0] = domain === undefined ? [] : world.spareFrames(domain);
    xen.frames.getPage(frame, domain?.id ?? 0);
    expect(discrepancies(xen).join()).toContain('has 2 references, of which 1 are found');
  });

  test('tell of a port that is connected to none', () => {
    world.reset();
    domain?.events.connect(9, { state: 'interdomain', remoteDomain: 2, remotePort: 9 });
    expect(discrepancies(xen)).toEqual(['Port 9 of domain 1 is connected to one that is not.']);
  });

  test('tell of a grant that nobody uses', () => {
    world.reset();
    const pins = { hostRead: 1, hostWrite: 0, deviceRead: 0, deviceWrite: 0 };
    const grant = { domain: 2, frame: 0x900, start: 0, length: 4096, pins };
    domain?.grants.active.set(GRANTS.first, grant);
    expect(discrepancies(xen).join()).toContain('more mappings than uses');
  });

  test('tell of a guest in ring 0', () => {
    world.reset();
    world.rotate();
    xen.cpu.state.cpl = 0;
    expect(discrepancies(xen).join()).toContain('A guest is in ring 0');
  });
});
