/**
 * Transactions against a model that knows no generations.
 *
 * The model keeps the whole store as a plain object and, for each transaction, a list of what was
 * asked in it with the answers. At the end it asks all of that again, of the store as it is then:
 * a transaction that took effect must have had answers that are still true.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client } from '../../../emulator/xenstore/client.ts';
import { Store } from '../../../emulator/xenstore/store.ts';

type Step =
  | { readonly does: 'write'; readonly path: string; readonly value: string }
  | { readonly does: 'read' | 'list' | 'rm'; readonly path: string };

type Action =
  | { readonly does: 'begin' }
  | { readonly does: 'end'; readonly slot: number; readonly takesEffect: boolean }
  | { readonly does: 'step'; readonly slot: number; readonly step: Step };

/** Values by path: there is a node for each ancestor too. */
type Model = Map<string, string>;

function ancestors(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function perform(model: Model, step: Step): string {
  const isThere = model.has(step.path);
  const below = [...model.keys()].filter((path) => path.startsWith(`${step.path}/`));
  switch (step.does) {
    case 'write':
      for (const path of ancestors(step.path)) {
        model.set(path, model.get(path) ?? '');
      }
      model.set(step.path, step.value);
      return 'done';
    case 'read':
      return `value ${model.get(step.path)}`;
    case 'list': {
      const leaves = below.map((path) => path.slice(step.path.length + 1));
      return isThere ? `${leaves.filter((leaf) => !leaf.includes('/')).sort()}` : 'none';
    }
    case 'rm': {
      const parent = ancestors(step.path).at(-1);
      for (const path of [step.path, ...below]) {
        model.delete(path);
      }
      return parent === undefined || model.has(parent) ? 'done' : 'ENOENT';
    }
  }
}

function ask(client: Client, step: Step, id: number): string {
  switch (step.does) {
    case 'write':
      return client.write(step.path, step.value, id) ?? 'done';
    case 'read':
      return `value ${client.read(step.path, id)}`;
    case 'list': {
      const names = client.directory(step.path, id);
      return names ? `${[...names].sort()}` : 'none';
    }
    case 'rm':
      return client.rm(step.path, id) ?? 'done';
  }
}

const aPath = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/a/x/deep', '/b/x');

const aStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ does: fc.constant('write' as const), path: aPath, value: fc.constantFrom('1', '2') }),
  fc.record({
    does: fc.constantFrom('read' as const, 'list' as const, 'rm' as const),
    path: aPath,
  }),
);

const anAction: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Action>({ does: 'begin' }) },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('end' as const),
      slot: fc.nat({ max: 3 }),
      takesEffect: fc.boolean(),
    }),
  },
  // In slot 0 nothing is open: what is asked there happens at once.
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constant('step' as const),
      slot: fc.nat({ max: 3 }),
      step: aStep,
    }),
  },
);

test('what took effect is as if it had been done at its end, all at once', () => {
  const outcomes = { effect: 0, again: 0 };
  fc.assert(
    fc.property(fc.array(anAction, { minLength: 20, maxLength: 100 }), (actions) => {
      const client = new Store().connect('tools', () => {});
      const model: Model = new Map([
        ['/tool', ''],
        ['/tool/xenstored', ''],
      ]);
      const open: { id: number; log: [Step, string][] }[] = [];
      for (const action of actions) {
        if (action.does === 'begin') {
          open.push({ id: client.startTransaction(), log: [] });
        } else if (action.does === 'step') {
          const transaction = action.slot === 0 ? undefined : open[action.slot - 1];
          const answer = ask(client, action.step, transaction?.id ?? 0);
          if (transaction) {
            transaction.log.push([action.step, answer]);
          } else {
            expect(answer).toBe(perform(model, action.step));
          }
        } else {
          const [transaction] = open.splice(action.slot, 1);
          const error = transaction && client.endTransaction(transaction.id, action.takesEffect);
          expect([undefined, 'EAGAIN']).toContain(error);
          if (error) {
            outcomes.again += 1;
          } else if (transaction && action.takesEffect) {
            outcomes.effect += transaction.log.length > 0 ? 1 : 0;
            const again = transaction.log.map(([step]) => perform(model, step));
            expect(again).toEqual(transaction.log.map(([, answer]) => answer));
          }
        }
        const paths = ['/a', '/b', '/a/x', '/a/y', '/a/x/deep', '/b/x'];
        expect(paths.map((path) => client.read(path))).toEqual(
          paths.map((path) => model.get(path)),
        );
      }
    }),
    { numRuns: 300, unbiased: true },
  );
  expect(Math.min(outcomes.effect, outcomes.again)).toBeGreaterThan(20);
});
