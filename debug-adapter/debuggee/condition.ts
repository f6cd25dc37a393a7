/** Conditions, counts and log messages of breakpoints, made ready to be asked at each hit. */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { UserError } from '../user-error.ts';
import type { FieldValue } from './occurrence.ts';

/** Where something is asked. */
export interface Moment {
  readonly vcpu: Vcpu;
  /** Names that come before those of the program. */
  readonly fields?: Readonly<Record<string, FieldValue>>;
}

/** Throws a sentence when what it asks cannot be worked out there. */
export type Predicate = (moment: Moment) => boolean;
export type Message = (moment: Moment) => string;

/** What makes them from text; both throw a `UserError` when the text is none. */
export interface ConditionCompiler {
  condition(text: string): Predicate;
  /** Of events: one that has no field of a name that the condition asks for does not meet it. */
  eventCondition(text: string): Predicate;
  message(text: string): Message;
}

/** Whether to stop at a hit of that number, counted from 1. */
export type HitTest = (count: number) => boolean;

/**
 * From what users write: `5` or `== 5` the fifth hit, `>= 5`, `> 5`, `< 5`, `<= 5`, `% 5` each fifth.
 */
export function hitTest(text: string): HitTest {
  const [, operator = '==', digits] = /^\s*(==?|>=|<=|>|<|%)?\s*(\d{1,9})\s*$/.exec(text) ?? [];
  const limit = Number(digits);
  if (digits === undefined || (operator === '%' && limit === 0)) {
    throw new UserError(
      `The hit count ${JSON.stringify(text)} is none: write a number, perhaps with >=, >, <, <= or % before it.`,
    );
  }
  switch (operator) {
    case '>=':
      return (count) => count >= limit;
    case '>':
      return (count) => count > limit;
    case '<=':
      return (count) => count <= limit;
    case '<':
      return (count) => count < limit;
    case '%':
      return (count) => count % limit === 0;
    default:
      return (count) => count === limit;
  }
}
