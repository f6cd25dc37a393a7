/**
 * What may follow where someone is typing an expression: members after `.` and `->`, registers after
 * `$`, names anywhere else. What is typed so far need not be a whole expression.
 */

import { bare, type CType } from '../symbols/c-type.ts';
import { evaluate } from './evaluate.ts';
import { ExpressionError } from './expression-error.ts';
import { membersOf } from './members.ts';
import { parseExpression } from './parser.ts';
import { type ExpressionScope, type ScopeName, typeNamesOf } from './scope.ts';
import { type Token, tokensOf } from './tokens.ts';
import { typeText } from './type-text.ts';

export interface Completion {
  /** What stands in place of the word that is begun; of a register with its `$`. */
  readonly label: string;
  readonly kind: ScopeName['kind'] | 'member';
  /** The type of a member, what a function does. */
  readonly detail?: string;
}

export interface Completions {
  /** Where the word that is begun starts, from 0; it ends where the cursor is. */
  readonly start: number;
  readonly items: readonly Completion[];
}

/** More than anyone reads. */
const MOST_ITEMS = 1000;

/** `column` is where the cursor is, from 0. What has no meaning has no completions. */
export function completionsAt(text: string, column: number, scope: ExpressionScope): Completions {
  const before = text.slice(0, Math.max(0, column));
  const begun = /\$?\w*$/.exec(before)?.[0] ?? '';
  const start = before.length - begun.length;
  const tokens = tokensIn(before.slice(0, start));
  if (tokens === undefined) {
    return { start, items: [] };
  }
  const last = tokens.at(-1);
  if (last !== undefined && last.kind !== 'sign' && last.end === start) {
    // Nothing follows a word without a space: the dot of 1. is none.
    return { start, items: [] };
  }
  const items = isAccess(last)
    ? membersFor(operandBefore(before, tokens), begun, scope)
    : namesFor(begun, scope);
  return { start, items: [...firstOf(items, MOST_ITEMS)] };
}

/** Without the `end`; `undefined` inside of a text or a character. */
function tokensIn(text: string): readonly Token[] | undefined {
  try {
    return tokensOf(text).slice(0, -1);
  } catch (error) {
    if (error instanceof ExpressionError) {
      return undefined;
    }
    throw error;
  }
}

const isAccess = (token: Token | undefined): boolean => token?.text === '.' || token?.text === '->';

function* namesFor(begun: string, scope: ExpressionScope): Generator<Completion> {
  const isRegister = begun.startsWith('$');
  for (const { name, kind } of scope.names?.(isRegister ? begun.slice(1) : begun) ?? []) {
    if ((kind === 'register') !== isRegister) {
      continue;
    }
    const detail = kind === 'function' ? scope.function(name)?.summary : undefined;
    yield { label: isRegister ? `$${name}` : name, kind, ...(detail !== undefined && { detail }) };
  }
}

function* membersFor(
  operand: string,
  begun: string,
  scope: ExpressionScope,
): Generator<Completion> {
  const result = resultOf(operand, scope);
  if (result?.kind === 'tree') {
    for (const { name } of result.children()) {
      if (name.startsWith(begun) && /^[A-Za-z_]\w*$/.test(name)) {
        yield { label: name, kind: 'member' };
      }
    }
    return;
  }
  const composite = result && pointedTo(result.type);
  if (composite?.kind !== 'struct' && composite?.kind !== 'union') {
    return;
  }
  for (const { name, type } of membersOf(composite)) {
    if (name.startsWith(begun)) {
      yield { label: name, kind: 'member', detail: typeText(type) };
    }
  }
}

/** Both accesses go through a pointer, as they do when they are evaluated. */
function pointedTo(type: CType) {
  const inner = bare(type);
  return inner.kind === 'pointer' ? bare(inner.target) : inner;
}

function resultOf(operand: string, scope: ExpressionScope) {
  try {
    const expression = parseExpression(operand, typeNamesOf(scope));
    return evaluate(expression, scope, { allowsSideEffects: false });
  } catch (error) {
    if (error instanceof ExpressionError) {
      return undefined;
    }
    throw error;
  }
}

/** The text of what the last token, an access, takes a member of: a name with all that follows it. */
function operandBefore(text: string, tokens: readonly Token[]): string {
  let at = tokens.length - 2;
  for (;;) {
    const last = tokens[at];
    if (last?.text === ']') {
      at = openingOf(tokens, at) - 1;
      continue;
    }
    if (last?.text === ')') {
      at = openingOf(tokens, at);
      if (tokens[at - 1]?.kind === 'name') {
        at -= 1;
      }
    }
    if (!isAccess(tokens[at - 1]) || at < 2) {
      break;
    }
    at -= 2;
  }
  return text.slice(tokens[Math.max(0, at)]?.position ?? 0, tokens.at(-1)?.position ?? 0);
}

/** Where what closes at a token has opened; 0 where that is missing. */
function openingOf(tokens: readonly Token[], closing: number): number {
  let depth = 0;
  for (let at = closing; at > 0; at--) {
    const { text, kind } = tokens[at]!;
    const isSign = kind === 'sign';
    depth += isSign && (text === ')' || text === ']') ? 1 : 0;
    depth -= isSign && (text === '(' || text === '[') ? 1 : 0;
    if (depth === 0) {
      return at;
    }
  }
  return 0;
}

function* firstOf<T>(items: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (count++ === most) {
      return;
    }
    yield item;
  }
}
