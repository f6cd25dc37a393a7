/** Anything as the arguments of a launch request: a configuration, or a `UserError`. */

import {
  domainProperties,
  machineProperties,
  validateLaunch,
} from '../../../debug-adapter/launch/launch-configuration.ts';
import { UserError } from '../../../debug-adapter/user-error.ts';
import type { Dice } from '../silicon/values.ts';

export interface LaunchCounts {
  cases: number;
  accepted: number;
  refused: number;
}

const KEYS = [
  'kernel',
  ...Object.keys({ ...machineProperties, ...domainProperties }),
  ...[
    'name',
    'type',
    '__sessionId',
    'program',
    'Kernel',
    '__proto__',
    'constructor',
    '',
    'toString',
  ],
  ...['file', 'device', 'access', 'address', 'size'],
] as const;

const TEXTS = [
  ...['', 'vmlinux', '/boot/vmlinux', 'C:\\vmlinux', 'direct', 'auto', 'xen-4.17', 'terminal'],
  ...['disk.img,xvda', 'disk.img,xvda,w', ',,,', 'a,hda1,r', 'true', '1e9', '\0', '\ud800', ' '],
] as const;

/** One set of arguments. Throws what is no `UserError`. */
export function anyLaunch(dice: Dice, counts: LaunchCounts): void {
  counts.cases++;
  try {
    validateLaunch(dice.oneIn(8) ? anything(dice, 3) : anObject(dice, 4));
    counts.accepted++;
  } catch (error) {
    if (!(error instanceof UserError)) {
      throw error;
    }
    counts.refused++;
  }
}

function anObject(dice: Dice, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = dice.oneIn(3) ? {} : { kernel: 'vmlinux' };
  for (let count = dice.below(4); count > 0; count--) {
    const [first = 'kernel', ...others] = KEYS;
    Object.defineProperty(object, dice.pick([first, ...others]), {
      value: anything(dice, depth - 1),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

function anything(dice: Dice, depth: number): unknown {
  switch (dice.below(depth > 0 ? 9 : 6)) {
    case 0:
      return dice.pick([null, undefined, true, false]);
    case 1:
      return dice.pick([0, -1, 1, 64, 0.5, 1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]);
    case 2:
      return dice.below(5000);
    case 3:
    case 4:
    case 5:
      return dice.pick(TEXTS);
    case 6:
      return Array.from({ length: dice.below(4) }, () => anything(dice, depth - 1));
    default:
      return anObject(dice, depth);
  }
}
