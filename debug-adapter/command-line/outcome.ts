/** How a run ended, for the shell: one line of JSON and an exit code. */

import { nameOf } from '../../emulator/abi/names.ts';
import { SHUTDOWN } from '../../emulator/abi/sched.ts';

/** Exit codes of `run`. */
export const EXIT_CODE = {
  poweroff: 0,
  userError: 2,
  reboot: 10,
  suspend: 11,
  crash: 12,
  watchdog: 13,
  /** Every virtual processor sleeps, and nothing can wake one any more. */
  idle: 14,
  soft_reset: 15,
  /** `--instructions` ran out. */
  instructions: 124,
} as const;

export type EndReason = Exclude<keyof typeof EXIT_CODE, 'userError'>;

export interface Outcome {
  readonly reason: EndReason;
  /** What the guest did, if it crashed. */
  readonly sentence: string | undefined;
  readonly instructions: number;
  /** Of the host's time. */
  readonly seconds: number;
  readonly hash: string;
}

/** The reason of a SHUTDOWN_* code. */
export function endReason(code: number): EndReason {
  return nameOf(SHUTDOWN, code) ?? 'crash';
}

export const outcomeLine = ({ reason, sentence, instructions, seconds, hash }: Outcome): string =>
  JSON.stringify({
    reason,
    ...(sentence === undefined ? {} : { sentence }),
    instructions,
    seconds: Math.round(seconds * 1000) / 1000,
    hash,
  });
