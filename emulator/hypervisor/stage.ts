/**
 * What the hypervisor does between two guest instructions, as named stages.
 *
 * A stage is a small function over one context record; an operation is a list of stages run in
 * a loop. Stopping between two is keeping an index, and what a stage does can be read from its
 * name and rule: the debugger shows both, and probes see each stage that ran.
 */

import type { Probes, StageFacts, StageGate } from './probes.ts';

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
  /** What a user who looks on between two stages wants to see. Changes nothing. */
  facts(context: Context): StageFacts;
}

/** Where an operation takes place. */
interface Place {
  readonly domain: number;
  readonly vcpu: number;
}

/** Runs the stages in order. Answers the name of the stage that ended the operation early. */
export function runStages<Context extends Place>(
  operation: Operation<Context>,
  context: Context,
  probes: Probes,
): string | undefined {
  const { gate } = probes;
  if (gate !== undefined) {
    return runWatched(operation, context, probes, gate);
  }
  const { stages } = operation;
  for (let i = 0; i < stages.length; i++) {
    const stage = stages[i] as Stage<Context>;
    const verdict = stage.run(context);
    if (probes.wants.stage) {
      tell(operation, stage, context, probes, verdict);
    }
    if (verdict === 'done') {
      return stage.name;
    }
  }
  return undefined;
}

/** As above, past a gate that may keep the operation from going on. */
function runWatched<Context extends Place>(
  operation: Operation<Context>,
  context: Context,
  probes: Probes,
  gate: StageGate,
): string | undefined {
  const { stages } = operation;
  const { domain, vcpu } = context;
  const facts = () => operation.facts(context);
  const moment = (index: number) => ({ operation, index, domain, vcpu, facts });
  gate.enter(moment(0));
  let ended: string | undefined;
  for (let i = 0; i < stages.length && ended === undefined; i++) {
    gate.pass(moment(i));
    const stage = stages[i] as Stage<Context>;
    const verdict = stage.run(context);
    if (probes.wants.stage) {
      tell(operation, stage, context, probes, verdict);
    }
    ended = verdict === 'done' ? stage.name : undefined;
  }
  gate.pass(moment(stages.length));
  gate.leave();
  return ended;
}

function tell<Context extends Place>(
  { name }: Operation<Context>,
  stage: Stage<Context>,
  { domain, vcpu }: Context,
  probes: Probes,
  verdict: Verdict,
): void {
  const ends = verdict === 'done';
  probes.emit({ kind: 'stage', domain, vcpu, operation: name, stage: stage.name, ends });
}
