/** Values and explanations in the sources of a guest: hovers, inline values, what a hover evaluates. */

import * as vscode from 'vscode';
import { loadLibrary } from './adapter/library.ts';
import { SETTINGS } from './contributions.ts';
import { isOurs } from './session-requests.ts';
import { SOURCE_LANGUAGES } from './source-languages.ts';

const EXPRESSION = /\$?[A-Za-z_]\w*(?:(?:\.|->)[A-Za-z_]\w*|\[[\w$]+\])*/g;
const ADDRESS = /\b0x[0-9a-fA-F]{5,8}\b/;
const WORDS = new Set(
  [
    'if',
    'else',
    'for',
    'while',
    'do',
    'return',
    'switch',
    'case',
    'break',
    'static',
    'struct',
  ].concat([
    ...['union', 'enum', 'const', 'volatile', 'void', 'int', 'char', 'long', 'short', 'unsigned'],
    ...['signed', 'sizeof', 'goto', 'extern', 'inline', 'typedef', 'continue', 'default'],
  ]),
);
const MOST_LINES = 60;

export function registerSourceHelp(extension: vscode.Uri): vscode.Disposable[] {
  const languages = [...SOURCE_LANGUAGES];
  return [
    vscode.languages.registerHoverProvider(languages, {
      provideHover: (document, position) => hover(extension, document, position),
    }),
    vscode.languages.registerEvaluatableExpressionProvider(languages, {
      provideEvaluatableExpression: expressionAt,
    }),
    vscode.languages.registerInlineValuesProvider(['c', 'cpp', 'rust'], {
      provideInlineValues: inlineValues,
    }),
  ];
}

async function hover(
  extension: vscode.Uri,
  document: vscode.TextDocument,
  position: vscode.Position,
): Promise<vscode.Hover | undefined> {
  const address = document.getWordRangeAtPosition(position, ADDRESS);
  const session = vscode.debug.activeDebugSession;
  if (address !== undefined && isOurs(session)) {
    return await addressHover(session, document.getText(address), address);
  }
  const range = document.getWordRangeAtPosition(position, /[A-Za-z_]\w*/);
  const word = range && document.getText(range);
  // Most words are no hypercalls, and nothing is loaded for their sake.
  if (word === undefined || !/^(?:__)?(?:HYPERVISOR_|[A-Z]{4,}OP_|XENMEM_|XENVER_)/.test(word)) {
    return undefined;
  }
  const text = (await loadLibrary(extension)).describeWord(word);
  return text === undefined ? undefined : new vscode.Hover(new vscode.MarkdownString(text), range);
}

async function addressHover(
  session: vscode.DebugSession,
  address: string,
  range: vscode.Range,
): Promise<vscode.Hover | undefined> {
  const expression = `(void *)${address}`;
  try {
    const { result } = await session.customRequest('evaluate', { expression, context: 'hover' });
    const walk = await session.customRequest('evaluate', {
      expression: `walk(${address})`,
      context: 'hover',
    });
    return new vscode.Hover(`\`${result}\`, ${walk.result}`, range);
  } catch {
    // While the guest runs, or has ended, there is nothing to say of it.
    return undefined;
  }
}

function expressionAt(
  document: vscode.TextDocument,
  position: vscode.Position,
): vscode.EvaluatableExpression | undefined {
  const { text } = document.lineAt(position);
  for (const { 0: found, index } of text.matchAll(EXPRESSION)) {
    const end = index + found.length;
    if (position.character >= index && position.character <= end && !WORDS.has(found)) {
      // Up to the member that the user points at.
      const rest = found.slice(position.character - index).search(/[^\w$]/);
      const length = rest < 0 ? found.length : position.character - index + rest;
      const range = new vscode.Range(position.line, index, position.line, index + length);
      return new vscode.EvaluatableExpression(range, found.slice(0, length));
    }
  }
  return undefined;
}

/** Variables of the lines around the one where the guest stands. */
function inlineValues(
  document: vscode.TextDocument,
  viewPort: vscode.Range,
  { stoppedLocation }: vscode.InlineValueContext,
): vscode.InlineValue[] {
  if (vscode.workspace.getConfiguration().get(SETTINGS.inlineValues) === false) {
    return [];
  }
  const last = stoppedLocation.end.line;
  const first = Math.max(viewPort.start.line, last - MOST_LINES);
  const values: vscode.InlineValue[] = [];
  for (let line = first; line <= last; line++) {
    const { text } = document.lineAt(line);
    const code = text.replace(/\/\/.*|\/\*.*?\*\/|"(?:\\.|[^"\\])*"/g, (part) =>
      ' '.repeat(part.length),
    );
    for (const { 0: name, index } of code.matchAll(/(?<![\w.>])[A-Za-z_]\w*(?![\w(])/g)) {
      if (!WORDS.has(name)) {
        const range = new vscode.Range(line, index, line, index + name.length);
        values.push(new vscode.InlineValueVariableLookup(range, name, true));
      }
    }
  }
  return values;
}
