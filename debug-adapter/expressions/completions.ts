/**
 * What could stand at the cursor: members behind `.` and `->`, names, registers behind `$`.
 *
 * What is left of a member is found backwards, from word to word, since all before it may be half
 * written. It is compiled to learn its type and reads no memory for that; only functions of the
 * host run, since nothing else knows what they give.
 */

import { bare, type CType } from '../symbols/c-type.ts';
import { settled } from './code.ts';
import { compile, signatureOf } from './compile.ts';
import { ExpressionError } from './expression-error.ts';
import { type FoundMember, membersOf } from './members.ts';
import { parseExpression } from './parser.ts';
import { type ExpressionScope, typeNamesOf } from './scope.ts';
import { type Token, tokensOf } from './tokens.ts';
import { typeText } from './type-text.ts';

export interface Completion {
  readonly label: string;
  readonly kind: 'member' | 'variable' | 'register' | 'function' | 'type';
  /** Its type or signature, in one line. */
  readonly detail: string | undefined;
  /** What of the text it takes the place of: from 0, and how many characters. */
  readonly start: number;
  readonly length: number;
}

/** More are not given: the user types on. */
const MOST_COMPLETIONS = 500;

/** `column` is how many characters stand before the cursor. Never throws. */
export function completionsAt(
  text: string,
  column: number,
  scope: ExpressionScope,
): readonly Completion[] {
  try {
    return completions(text.slice(0, Math.max(0, column)), scope);
  } catch (error) {
    if (error instanceof ExpressionError) {
      return [];
    }
    throw error;
  }
}

const word = /\$?[A-Za-z0-9_]*$/;

function completions(before: string, scope: ExpressionScope): readonly Completion[] {
  // From the last 256 characters: a pattern that ends in $ is tried from each one.
  const typed = word.exec(before.slice(-256))?.[0] ?? '';
  const start = before.length - typed.length;
  const at = { start, length: typed.length };
  const tokens = tokensOf(before.slice(0, start)).slice(0, -1);
  const last = tokens.at(-1);
  if (last?.kind === 'sign' && (last.text === '.' || last.text === '->')) {
    const object = objectBefore(before, tokens.slice(0, -1));
    return object === undefined ? [] : membersOfObject(object, typed, at, scope);
  }
  if (/^[0-9]/.test(typed)) {
    return [];
  }
  return typed.startsWith('$') ? registers(typed, at, scope) : names(typed, at, scope);
}

type Place = Pick<Completion, 'start' | 'length'>;

function membersOfObject(
  object: string,
  prefix: string,
  at: Place,
  scope: ExpressionScope,
): readonly Completion[] {
  const expression = parseExpression(object, typeNamesOf(scope));
  const code = settled(compile(expression.root, { scope, allowsSideEffects: false }), 0);
  if (code.kind === 'tree') {
    return code.tree
      .children()
      .filter(({ name }) => name.startsWith(prefix) && /^[A-Za-z_]\w*$/.test(name))
      .slice(0, MOST_COMPLETIONS)
      .map(({ name }) => ({ label: name, kind: 'member', detail: undefined, ...at }));
  }
  return membersBehind(code.type)
    .filter(({ name }) => name.startsWith(prefix))
    .slice(0, MOST_COMPLETIONS)
    .map(({ name, type }) => ({ label: name, kind: 'member', detail: typeText(type), ...at }));
}

/** Of a struct, or of the struct that a pointer leads to. */
function membersBehind(type: CType): readonly FoundMember[] {
  const inner = bare(type);
  const target = inner.kind === 'pointer' ? bare(inner.target) : inner;
  return target.kind === 'struct' || target.kind === 'union' ? membersOf(target) : [];
}

function registers(typed: string, at: Place, scope: ExpressionScope): readonly Completion[] {
  const prefix = typed.slice(1);
  return offered(prefix, scope)
    .filter(({ kind }) => kind === 'register')
    .map(({ name }) => {
      const value = scope.register(name);
      const detail = value === undefined ? undefined : typeText(value.type);
      return { label: `$${name}`, kind: 'register', detail, ...at };
    });
}

function names(prefix: string, at: Place, scope: ExpressionScope): readonly Completion[] {
  return offered(prefix, scope)
    .filter(({ kind }) => kind !== 'register')
    .map(({ name, kind }) => ({ label: name, kind, detail: detailOf(name, kind, scope), ...at }));
}

function detailOf(
  name: string,
  kind: Completion['kind'],
  scope: ExpressionScope,
): string | undefined {
  if (kind === 'variable') {
    const value = scope.variable(name);
    return value === undefined ? undefined : typeText(value.type);
  }
  const host = kind === 'function' ? scope.function(name) : undefined;
  return host === undefined ? undefined : signatureOf(host);
}

function offered(prefix: string, scope: ExpressionScope) {
  const found = [];
  for (const each of scope.names?.(prefix) ?? []) {
    if (each.name.startsWith(prefix)) {
      found.push(each);
    }
    if (found.length === MOST_COMPLETIONS) {
      break;
    }
  }
  return found;
}

/** The text of the operand that ends with the last token: `p->list`, `(x + 1)`, `a[f(3)]`. */
function objectBefore(text: string, tokens: readonly Token[]): string | undefined {
  let at = tokens.length - 1;
  for (;;) {
    const closed = beforeBrackets(tokens, at);
    if (closed === undefined) {
      return undefined;
    }
    at = closed;
    const token = tokens[at];
    const isOperand = token !== undefined && token.kind !== 'sign';
    at -= isOperand ? 1 : 0;
    const link = tokens[at];
    if (!isOperand || link?.kind !== 'sign' || (link.text !== '.' && link.text !== '->')) {
      break;
    }
    at -= 1;
  }
  const first = tokens[at + 1];
  const last = tokens.at(-1);
  return first === undefined || last === undefined
    ? undefined
    : text.slice(first.position, last.end);
}

/** The index left of all bracketed groups that end at `at`; `undefined`: one of them is open. */
function beforeBrackets(tokens: readonly Token[], at: number): number | undefined {
  let index = at;
  let depth = 0;
  while (index >= 0) {
    const { kind, text } = tokens[index]!;
    const isSign = kind === 'sign';
    if (isSign && (text === ')' || text === ']')) {
      depth += 1;
    } else if (isSign && (text === '(' || text === '[')) {
      depth -= 1;
    } else if (depth === 0) {
      return index;
    }
    if (depth < 0) {
      return undefined;
    }
    index -= 1;
  }
  return depth === 0 ? index : undefined;
}
