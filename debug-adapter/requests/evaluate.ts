/** Expressions and words of the debug console, what sets them, and what completes them. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { ConsolePlace } from '../console/verbs.ts';
import { VERBS, verbOf } from '../console/verbs.ts';
import { completionsAt } from '../expressions/completions.ts';
import { evaluate } from '../expressions/evaluate.ts';
import { parseExpression } from '../expressions/parser.ts';
import { type ExpressionScope, type Result, typeNamesOf } from '../expressions/scope.ts';
import type { Debugging } from '../session/debugging.ts';
import { UserError } from '../user-error.ts';
import { nodeOf, told } from '../values/expression-nodes.ts';
import { textTable } from '../values/text-table.ts';
import { scopeOf, shownWith } from './scopes.ts';
import { variableOf } from './variables.ts';

export class EvaluateRequests {
  readonly #debugging: Debugging;

  constructor(debugging: Debugging) {
    this.#debugging = debugging;
  }

  readonly evaluate = (args: DAP.EvaluateArguments): DAP.EvaluateResponse['body'] => {
    const { expression: text, frameId, context, format } = args;
    if (context === 'repl') {
      const found = verbOf(text);
      if (found !== undefined) {
        const { verb, argument } = found;
        return { result: verb.run(this.#placeOf(frameId), argument), variablesReference: 0 };
      }
    }
    const { scope, vcpu } = this.#scopeOf(frameId);
    const isRepl = context === 'repl';
    const { result, options } = evaluated(text, scope, isRepl);
    const { hex = false } = format ?? {};
    const shown = shownWith(scope, vcpu, { ...options, hex });
    if (isRepl && changes(text)) {
      this.#debugging.memoryChanged();
    }
    const {
      name: _,
      value,
      ...rest
    } = variableOf(this.#debugging, nodeOf(text, result, text, shown));
    return { result: value, ...rest };
  };

  readonly setExpression = (
    args: DAP.SetExpressionArguments,
  ): DAP.SetExpressionResponse['body'] => {
    const { expression: text, value, frameId } = args;
    this.#debugging.run.requireStop();
    this.#debugging.run.requireGuest();
    const { scope, vcpu } = this.#scopeOf(frameId);
    const target = evaluated(text, scope, false).result;
    const node = nodeOf(text, target, text, shownWith(scope, vcpu));
    if (node.set === undefined) {
      throw new UserError(`${text} cannot be set.`);
    }
    node.set(value);
    this.#debugging.memoryChanged();
    const now = evaluated(text, scope, false).result;
    const { name: _, ...shown } = variableOf(
      this.#debugging,
      nodeOf(text, now, text, shownWith(scope, vcpu)),
    );
    return shown;
  };

  readonly completions = (args: DAP.CompletionsArguments): DAP.CompletionsResponse['body'] => {
    const { text, column, frameId } = args;
    const end = Math.max(0, this.#debugging.columnFromClient(column) - 1);
    const before = text.slice(0, end);
    const { scope } = this.#scopeOf(frameId);
    const isFirstWord = /^\s*[a-z]*$/.test(before);
    const verbs = isFirstWord ? VERBS.filter(({ name }) => name.startsWith(before.trim())) : [];
    return {
      targets: [
        ...verbs.map(({ name, usage, summary }) => ({
          label: name,
          detail: `${usage}: ${summary}`,
          type: 'keyword' as const,
        })),
        ...completionsAt(text, end, scope).map(({ label, kind, detail, start, length }) => ({
          label,
          type: COMPLETION_KINDS[kind],
          start: this.#debugging.columnToClient(start + 1),
          length,
          ...(detail !== undefined && { detail }),
        })),
      ],
    };
  };

  #scopeOf(frameId: number | undefined) {
    const { frames } = this.#debugging;
    const frame = frameId === undefined ? undefined : frames.at(frameId);
    const vcpu = this.#debugging.vcpuOf(frameId);
    return { scope: scopeOf(this.#debugging, frame, vcpu), vcpu };
  }

  #placeOf(frameId: number | undefined): ConsolePlace {
    const { scope, vcpu } = this.#scopeOf(frameId);
    const { debuggee } = this.#debugging.run;
    return {
      debuggee,
      machine: debuggee.machine,
      vcpu,
      number: (text) => numberOf(text, scope),
      trace: (count) => traceText(this.#debugging, count),
    };
  }
}

const COMPLETION_KINDS = {
  variable: 'variable',
  register: 'variable',
  function: 'function',
  type: 'class',
  member: 'field',
} as const;

/** Whether a line of the console may have set something. */
const changes = (text: string): boolean => /(?:[^=!<>]=[^=])|\+\+|--/.test(text);

function evaluated(
  text: string,
  scope: ExpressionScope,
  allowsSideEffects: boolean,
): { result: Result; options: { format?: ReturnType<typeof parseExpression>['format'] } } {
  return told(() => {
    const expression = parseExpression(text, typeNamesOf(scope));
    const result = evaluate(expression, scope, { allowsSideEffects });
    return { result, options: { format: expression.format } };
  });
}

/** An expression as an unsigned number, such as an address. */
export function numberOf(text: string, scope: ExpressionScope): number {
  if (text.trim() === '') {
    throw new UserError('A number or an expression is needed here.');
  }
  const { result } = evaluated(`(unsigned long long)(${text})`, scope, false);
  const bytes = result.kind === 'value' ? result.bytes : undefined;
  if (bytes?.length !== 8) {
    throw new UserError(`${text} is no number.`);
  }
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
  // An address in an int, such as a register's, is one with its sign.
  const isAddress = value < 0n && value >= -0x8000_0000n;
  return Number(isAddress ? BigInt.asUintN(32, value) : BigInt.asUintN(64, value));
}

/** The last calls that were traced. The first time it is asked for, the trace begins. */
function traceText({ run }: Debugging, count: number): string {
  const { trace } = run.inspector;
  const { isTracing, rows } = trace.rows({}, { count }, true);
  if (!isTracing) {
    trace.begin();
    return 'The trace of hypercalls begins here.';
  }
  const lines = rows.map(({ instructions, domain, name, operation, result, errno, caller }) => [
    ...[
      String(instructions),
      `d${domain}`,
      operation === undefined ? name : `${name} ${operation}`,
    ],
    ...[
      errno === undefined ? String(result) : `-${errno}`,
      caller.symbol ?? `0x${caller.address.toString(16)}`,
    ],
  ]);
  return textTable(['instructions', 'by', 'call', 'result', 'from'], lines);
}
