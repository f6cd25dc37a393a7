/** Any text as an expression: it has a value, or an `ExpressionError` says why it has none. */

import { childrenOf } from '../../../debug-adapter/expressions/children.ts';
import { evaluate } from '../../../debug-adapter/expressions/evaluate.ts';
import { ExpressionError } from '../../../debug-adapter/expressions/expression-error.ts';
import { formatValue } from '../../../debug-adapter/expressions/format.ts';
import { parseExpression } from '../../../debug-adapter/expressions/parser.ts';
import { type ExpressionScope, typeNamesOf } from '../../../debug-adapter/expressions/scope.ts';
import type { Dice } from '../silicon/values.ts';

const SAMPLES = [
  'p->next->comm[3] + (u32)words[2]',
  'sizeof(struct task[4]) / sizeof p',
  '*(unsigned long long *)($esp - 0x20 + 4)',
  'container_of(&p->list, struct task, list)->pid',
  'words[1]@3',
  'words[2..4]',
  'p && p->pid == 3 ? task.nice : ~0u << 31',
  '(int (*)(int))handler',
  "'\\n' + 0x7fffffff * -1ll % 3",
  '1.5e300 * 1e300 - .5f',
  'twice(count) + "abc"[1]',
  'mode |= 1, count++, --words[0]',
  'matrix[1][2] = *argv@2',
  'offsetof(struct task, comm[3])',
] as const;

const WORDS = [
  ...['(', ')', '[', ']', '->', '.', '..', '@', '*', '&', '-', '+', '/', '%', '<<', '>>', '?', ':'],
  ...['==', '=', '+=', '++', '!', '~', ',', 'sizeof', 'struct task', 'u32', 'unsigned', 'long'],
  ...['0', '1', '0x7fffffff', '0xffffffffffffffff', '99999999999999999999', '1e999', '0.0', 'p'],
  ...['words', 'task', 'count', 'matrix', 'handler', '$eax', '$nothing', '"text"', "'a'", ',x'],
  ...['_Bool', 'double', 'enum state', 'void', '(char)', 'ratio', 'extended', 'flag', 'argv'],
] as const;

export interface ExpressionCounts {
  cases: number;
  values: number;
  refusals: number;
}

/** One text, random or like an expression. Throws what is no `ExpressionError`. */
export function anyExpression(scope: ExpressionScope, dice: Dice, counts: ExpressionCounts): void {
  counts.cases++;
  try {
    const expression = parseExpression(draft(dice), typeNamesOf(scope));
    const result = evaluate(expression, scope, { allowsSideEffects: dice.oneIn(2) });
    formatValue(result, scope, { format: expression.format });
    childrenOf(result, expression.body, scope, { start: 0, count: 20 });
    counts.values++;
  } catch (error) {
    if (!(error instanceof ExpressionError)) {
      throw error;
    }
    counts.refusals++;
  }
}

function draft(dice: Dice): string {
  switch (dice.below(4)) {
    case 0:
      return Array.from({ length: 1 + dice.below(30) }, () =>
        String.fromCharCode(dice.oneIn(20) ? dice.below(0x1_0000) : 32 + dice.below(95)),
      ).join('');
    case 1:
      return Array.from({ length: 1 + dice.below(14) }, () => dice.pick(WORDS)).join(' ');
    case 2:
      return dice
        .pick(['(', '-', '*', '!', '[', 'p->', '1+', '~', '1?', '(u32)', '&'])
        .repeat(dice.below(3000));
    default:
      return changed(dice.pick(SAMPLES), dice);
  }
}

const OPERANDS = [
  '1',
  '-1',
  '0x7fffffff',
  'p',
  'words',
  'task',
  'count',
  '$eax',
  'ratio',
  'wide',
] as const;

/** One word for another of its kind, or a few characters for a word of any kind. */
function changed(sample: string, dice: Dice): string {
  if (dice.oneIn(2)) {
    const words = sample.split(/\b/);
    const at = dice.below(words.length);
    const isOperand = /\w/.test(words[at]!);
    words[at] = isOperand
      ? dice.pick(OPERANDS)
      : dice.pick([' + ', ' - ', ' * ', '[', ' == ', '->']);
    return words.join('');
  }
  const at = dice.below(sample.length + 1);
  const rest = sample.slice(at + dice.below(4));
  return `${sample.slice(0, at)}${dice.oneIn(3) ? '' : dice.pick(WORDS)}${rest}`;
}
