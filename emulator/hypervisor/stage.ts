/**
 * What the hypervisor does between two guest instructions, as named stages.
 *
 * A stage is a small function over one context record; an operation is a list of stages run in
 * a loop. Stopping between two is keeping an index, and what a stage does can be read from its
 * name and rule: the debugger shows both, and probes see each stage that ran.
 */

import type { Probes } from './probes.ts';

/** What follows a stage: the next one, or the end of the operation. */
export type Verdict = 'next' | 'done';

export interface Stage<Context> {
  /** In the words of the field: `test mask bit`. */
  readonly name: string;
  /** What it does and on which rule, in a sentence or two. */
  readonly rule: string;
  run(context: Context): Verdict;
}

export interface Operation<Context> {
  readonly name: string;
  readonly stages: readonly Stage<Context>[];
}

/** Runs the stages in order. Answers the name of the stage that ended the operation early. */
export function runStages<Context extends { readonly domain: number; readonly vcpu: number }>(
  operation: Operation<Context>,
  context: Context,
  probes: Probes,
): string | undefined {
  const { stages } = operation;
  for (let i = 0; i < stages.length; i++) {
    const stage = stages[i] as Stage<Context>;
    const verdict = stage.run(context);
    if (probes.wants.stage) {
      probes.emit({
        kind: 'stage',
        domain: context.domain,
        vcpu: context.vcpu,
        operation: operation.name,
        stage: stage.name,
        ends: verdict === 'done',
      });
    }
    if (verdict === 'done') {
      return stage.name;
    }
  }
  return undefined;
}
