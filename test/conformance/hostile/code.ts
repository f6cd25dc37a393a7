/**
 * Any bytes as the code of a guest, in its kernel and in its user mode: privileged instructions that
 * the hypervisor carries out, stores to page tables, interrupts without handlers or stacks.
 */

import type { EngineMaker } from '../../../emulator/cpu/engine.ts';
import { executeJunk } from '../hypercalls/acts.ts';
import { discrepancies } from '../hypercalls/books.ts';
import { draftCall } from '../hypercalls/calls.ts';
import { Values } from '../hypercalls/values.ts';
import { nameOf, SETTINGS, STACK, World } from '../hypercalls/world.ts';
import { Dice } from '../silicon/values.ts';
import { type Failures, guarded } from './failures.ts';

/** Bursts of an episode. */
const BURSTS = 200;
/** Between two looks at the books. */
const BATCH = 20;

/** Answers how many bursts were executed. */
export function fuzzCode(
  episodes: number,
  seed: number,
  engine: EngineMaker,
  failures: Failures,
): number {
  let bursts = 0;
  for (const [index, setting] of SETTINGS.entries()) {
    const world = new World(setting, engine);
    for (let i = index; i < episodes && !failures.isEnough; i += SETTINGS.length) {
      const what = `code ${i} (${setting.map(nameOf).join(' and ')})`;
      guarded(failures, what, () => {
        bursts += episode(world, new Dice(seed + 104_729 * i));
      });
    }
  }
  return bursts;
}

function episode(world: World, dice: Dice): number {
  world.reset();
  world.rotate();
  const { scheduler, cpu } = world.xen;
  let bursts = 0;
  for (; bursts < BURSTS; bursts++) {
    const vcpu = scheduler.current;
    if (!vcpu?.isRunnable) {
      if (world.machine.run(100).kind !== 'budget') {
        check(world);
        world.reset();
        world.rotate();
      }
      continue;
    }
    const values = new Values(world, dice, vcpu);
    if (dice.oneIn(3)) {
      world.enterKernel(vcpu);
      const { number, registers, esp } = draftCall(values);
      cpu.state.esp = esp ?? STACK.end;
      world.call(vcpu, number, registers);
    }
    if (vcpu.isRunnable && vcpu === scheduler.current) {
      executeJunk(values);
    }
    if (bursts % BATCH === 0) {
      check(world);
    }
  }
  check(world);
  return bursts;
}

function check({ xen }: World): void {
  const wrong = discrepancies(xen);
  if (wrong.length > 0) {
    throw new Error(`The books are wrong: ${wrong.slice(0, 5).join(' ')}`);
  }
}
