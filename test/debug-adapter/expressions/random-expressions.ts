/** Expressions at random: well-formed ones, mutated ones, and any text. */

import fc from 'fast-check';
import { childCountOf, childrenOf } from '../../../debug-adapter/expressions/children.ts';
import { completionsAt } from '../../../debug-adapter/expressions/completions.ts';
import { assign, compileCondition, evaluate } from '../../../debug-adapter/expressions/evaluate.ts';
import { ExpressionError } from '../../../debug-adapter/expressions/expression-error.ts';
import { formatValue } from '../../../debug-adapter/expressions/format.ts';
import {
  parseLogMessage,
  renderLogMessage,
} from '../../../debug-adapter/expressions/log-message.ts';
import { formatLetters } from '../../../debug-adapter/expressions/node.ts';
import { parseExpression } from '../../../debug-adapter/expressions/parser.ts';
import { type Result, typeNamesOf } from '../../../debug-adapter/expressions/scope.ts';
import { Guest } from './a-guest.ts';

const words = [
  ...'task other p count words letter wide ratio single extended flag anything bad text matrix'.split(
    ' ',
  ),
  ...'address mode hidden open argv bytes list lost handler DEAD nothing pid comm next low name'.split(
    ' ',
  ),
  ...'total nice lazy $eax $esp $foo twice( evtchn( xenstore( sizeof( sizeof offsetof('.split(' '),
  ...'container_of( struct union enum task state list u8 u32 int unsigned long char void'.split(
    ' ',
  ),
  ...'const float double 0 1 3 7 31 0x1f 0b1 1u 1ull 1.5 .5f 1e300 2147483648 0xffffffff'.split(
    ' ',
  ),
  ...'\'a\' \'\\n\' "init" "" , ,x ,s ,[3] ,! ,f ,a'.split(' '),
  ...'+ - * / % << >> & | ^ ~ ! && || == != < > <= >= = += -= *= <<= ++ -- ? : ( ) [ ] . -> @ ..'.split(
    ' ',
  ),
];

const soup = fc.array(fc.constantFrom(...words), { maxLength: 24 }).map((each) => each.join(' '));

const atoms = [
  'task',
  'p',
  'count',
  'words',
  'letter',
  'wide',
  'ratio',
  'flag',
  'bad',
  'text',
  'matrix',
  'mode',
  '$eax',
  '5',
  '0',
  '-1',
  '2.5',
  '1ull',
  'lost',
  'hidden',
  'bytes',
  '"init"',
  'handler',
  'anything',
  'extended',
];

/** Mostly well-formed. */
const formed = fc.letrec<{ readonly whole: string }>((tie) => ({
  whole: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.constantFrom(...atoms),
    fc
      .tuple(
        tie('whole'),
        fc.constantFrom(
          '+',
          '-',
          '*',
          '/',
          '%',
          '<<',
          '>>',
          '&',
          '|',
          '^',
          '&&',
          '||',
          '==',
          '<',
          '>=',
          ',',
          '@',
          '=',
          '+=',
          '>>=',
        ),
        tie('whole'),
      )
      .map(([a, o, b]) => `(${a}) ${o} (${b})`),
    fc
      .tuple(fc.constantFrom('-', '~', '!', '*', '&', '++', 'sizeof '), tie('whole'))
      .map(([o, a]) => `${o}(${a})`),
    fc
      .tuple(
        tie('whole'),
        fc.constantFrom('.', '->'),
        fc.constantFrom(
          'pid',
          'comm',
          'next',
          'nice',
          'lazy',
          'word',
          'low',
          'list',
          'total',
          'wide',
          'name',
        ),
      )
      .map(([a, o, m]) => `(${a})${o}${m}`),
    fc
      .tuple(
        fc.constantFrom(
          'int',
          'u8',
          'u32',
          'struct task *',
          'char *',
          'long long',
          'double',
          'float',
          '_Bool',
          'void *',
          'enum state',
          'int (*)(int)',
          'unsigned short',
        ),
        tie('whole'),
      )
      .map(([t, a]) => `(${t})(${a})`),
    fc.tuple(tie('whole'), tie('whole')).map(([a, i]) => `(${a})[${i}]`),
    fc
      .tuple(tie('whole'), tie('whole'), tie('whole'))
      .map(([a, b, c]) => `(${a}) ? (${b}) : (${c})`),
    fc.tuple(tie('whole'), tie('whole'), tie('whole')).map(([a, b, c]) => `(${a})[(${b})..(${c})]`),
    fc
      .tuple(fc.constantFrom('twice', 'evtchn', 'xenstore'), tie('whole'))
      .map(([f, a]) => `${f}(${a})`),
    tie('whole').map((a) => `container_of(${a}, struct task, list)`),
  ),
})).whole;

const suffix = fc.constantFrom(
  '',
  '',
  ...formatLetters.map((letter) => `,${letter}`),
  ',!',
  ',[3]',
  ',[count]',
  ',[2],x',
);

export const anExpression = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(formed, suffix).map(([text, shown]) => text + shown) },
  { weight: 3, arbitrary: soup },
  { weight: 1, arbitrary: fc.string({ maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          '(',
          '-',
          '*',
          '!',
          '[',
          'p->',
          'sizeof',
          '(int)',
          '1+',
          '1?',
          'a,',
          '"',
          '{',
          '&',
        ),
        fc.nat({ max: 700 }),
      )
      .map(([part, times]) => part.repeat(times)),
  },
);

/** Does with a text all that a debugger would. Throws for any error but an `ExpressionError`. */
export function tryExpression(text: string): void {
  const guest = new Guest();
  orRefuse(() => {
    const expression = parseExpression(text, typeNamesOf(guest));
    const { format } = expression;
    const holds = orRefuse(() => compileCondition(expression, guest));
    orRefuse(() => holds?.());
    orRefuse(() => evaluate(expression, guest, { allowsSideEffects: false }));
    const value = orRefuse(() => evaluate(expression, guest, { allowsSideEffects: true }));
    if (value !== undefined) {
      show(value, expression.body, guest, format);
    }
  });
  completionsAt(text, text.length, guest);
  completionsAt(text, text.length >> 1, guest);
  orRefuse(() => renderLogMessage(parseLogMessage(`a {${text}} b`, typeNamesOf(guest)), guest));
  orRefuse(() => renderLogMessage(parseLogMessage(text, typeNamesOf(guest)), guest));
}

function show(value: Result, body: string, guest: Guest, format: object): void {
  const line = formatValue(value, guest, { format });
  if (line.length > 2000) {
    throw new Error(`${body} shows ${line.length} characters`);
  }
  orRefuse(() => {
    childCountOf(value);
    for (const child of childrenOf(value, body, guest, { start: 1, count: 20 })) {
      formatValue(child.value, guest, { format });
    }
  });
  if (value.kind === 'value') {
    orRefuse(() => assign(value, 'count + 1', guest));
  }
}

function orRefuse<Answer>(attempt: () => Answer): Answer | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof ExpressionError) {
      return undefined;
    }
    throw error;
  }
}

/** Tries `count` random texts; throws what fast-check reports of the first that fails. */
export function tryExpressions(count: number, seed: number): void {
  fc.assert(fc.property(anExpression, tryExpression), { numRuns: count, seed });
}
