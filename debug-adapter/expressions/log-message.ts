/**
 * Messages of log points: text with `{expressions}` in it, formats included: `{p->name,s}`.
 *
 * A brace that is text is written twice, or behind a backslash: `{{`, `}}`, `\{`, `\}`.
 */

import { evaluate } from './evaluate.ts';
import { ExpressionError } from './expression-error.ts';
import { formatValue } from './format.ts';
import type { Expression } from './node.ts';
import { parseExpression } from './parser.ts';
import type { ExpressionScope } from './scope.ts';
import { MOST_CHARACTERS } from './tokens.ts';

export type LogPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'expression'; readonly expression: Expression };

/** Throws an `ExpressionError` whose position is one in the message. */
export function parseLogMessage(
  message: string,
  isTypeName: (name: string) => boolean,
): readonly LogPart[] {
  if (message.length > MOST_CHARACTERS) {
    const sentence = `A log message may have ${MOST_CHARACTERS} characters; this one has ${message.length}.`;
    throw new ExpressionError(MOST_CHARACTERS, sentence);
  }
  const parts: LogPart[] = [];
  let text = '';
  for (let at = 0; at < message.length; ) {
    const pair = message.slice(at, at + 2);
    const character = message.charAt(at);
    if (pair === '{{' || pair === '}}' || pair === '\\{' || pair === '\\}') {
      text += pair.charAt(1);
      at += 2;
    } else if (character === '{') {
      const end = closingBrace(message, at);
      parts.push({ kind: 'text', text });
      text = '';
      parts.push({ kind: 'expression', expression: within(message, at + 1, end, isTypeName) });
      at = end + 1;
    } else if (character === '}') {
      throw new ExpressionError(at, 'This "}" closes nothing; as text it is written "}}".');
    } else {
      text += character;
      at += 1;
    }
  }
  parts.push({ kind: 'text', text });
  return parts.filter((part) => part.kind === 'expression' || part.text !== '');
}

/** Renders each part; what has no value says why in its place. */
export function renderLogMessage(parts: readonly LogPart[], scope: ExpressionScope): string {
  return parts
    .map((part) => (part.kind === 'text' ? part.text : shown(part.expression, scope)))
    .join('');
}

function shown(expression: Expression, scope: ExpressionScope): string {
  try {
    const value = evaluate(expression, scope, { allowsSideEffects: false });
    return formatValue(value, scope, { format: expression.format });
  } catch (error) {
    if (error instanceof ExpressionError) {
      return `<${expression.body}: ${error.message}>`;
    }
    throw error;
  }
}

/** Braces in texts and characters close nothing. */
function closingBrace(message: string, open: number): number {
  let quote = '';
  for (let at = open + 1; at < message.length; at++) {
    const character = message.charAt(at);
    if (quote !== '') {
      at += character === '\\' ? 1 : 0;
      quote = character === quote ? '' : quote;
    } else if (character === '"' || character === "'") {
      quote = character;
    } else if (character === '}') {
      return at;
    }
  }
  throw new ExpressionError(open, 'This "{" has no "}"; as text it is written "{{".');
}

function within(
  message: string,
  start: number,
  end: number,
  isTypeName: (name: string) => boolean,
): Expression {
  try {
    return parseExpression(message.slice(start, end), isTypeName);
  } catch (error) {
    throw error instanceof ExpressionError
      ? new ExpressionError(start + error.position, error.message)
      : error;
  }
}
