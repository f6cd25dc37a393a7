/**
 * What the arguments of each request must look like, declared once and checked before anybody sees them:
 * a client may send anything.
 *
 * Keys that are not named here are left alone; `null` counts as not there, as some clients send it.
 */

import { UserError } from '../user-error.ts';

/** `?` at the end of a key's kind: it may be missing. */
type Kind = 'text' | 'whole' | 'flag';
type OptionalKind = `${Kind}?`;

interface Shape {
  readonly [key: string]: Kind | OptionalKind | Shape | ListShape | TextList;
}

/** A list of objects. */
interface ListShape {
  readonly each: Shape;
  readonly isOptional: boolean;
}

/** A list of texts. */
type TextList = 'texts' | 'texts?';

const list = (each: Shape): ListShape => ({ each, isOptional: false });
const optionalList = (each: Shape): ListShape => ({ each, isOptional: true });

const SOURCE: Shape = { name: 'text?', path: 'text?', sourceReference: 'whole?' };
const TESTS: Shape = {
  condition: 'text?',
  hitCondition: 'text?',
  logMessage: 'text?',
  mode: 'text?',
};
const THREAD: Shape = { threadId: 'whole' };
const STEP: Shape = { ...THREAD, granularity: 'text?', singleThread: 'flag?' };

const ARGUMENT_SHAPES: Readonly<Record<string, Shape>> = {
  initialize: {
    clientID: 'text?',
    pathFormat: 'text?',
    linesStartAt1: 'flag?',
    columnsStartAt1: 'flag?',
    supportsInvalidatedEvent: 'flag?',
  },
  cancel: { requestId: 'whole?', progressId: 'text?' },
  continue: { ...THREAD, singleThread: 'flag?' },
  next: STEP,
  stepIn: { ...STEP, targetId: 'whole?' },
  stepInTargets: { frameId: 'whole' },
  stepOut: STEP,
  gotoTargets: { source: SOURCE, line: 'whole' },
  goto: { ...THREAD, targetId: 'whole' },
  setBreakpoints: { source: SOURCE, breakpoints: optionalList({ line: 'whole', ...TESTS }) },
  setFunctionBreakpoints: { breakpoints: list({ name: 'text', ...TESTS }) },
  setInstructionBreakpoints: {
    breakpoints: list({ instructionReference: 'text', offset: 'whole?', ...TESTS }),
  },
  setExceptionBreakpoints: {
    filters: 'texts',
    filterOptions: optionalList({ filterId: 'text', condition: 'text?' }),
  },
  breakpointLocations: { source: SOURCE, line: 'whole', endLine: 'whole?' },
  dataBreakpointInfo: {
    name: 'text',
    variablesReference: 'whole?',
    frameId: 'whole?',
    bytes: 'whole?',
    asAddress: 'flag?',
  },
  setDataBreakpoints: { breakpoints: list({ dataId: 'text', accessType: 'text?', ...TESTS }) },
  exceptionInfo: THREAD,
  stackTrace: { ...THREAD, startFrame: 'whole?', levels: 'whole?' },
  scopes: { frameId: 'whole' },
  variables: {
    variablesReference: 'whole',
    filter: 'text?',
    start: 'whole?',
    count: 'whole?',
  },
  setVariable: { variablesReference: 'whole', name: 'text', value: 'text' },
  evaluate: { expression: 'text', frameId: 'whole?', context: 'text?' },
  setExpression: { expression: 'text', value: 'text', frameId: 'whole?' },
  completions: { text: 'text', column: 'whole', frameId: 'whole?' },
  readMemory: { memoryReference: 'text', offset: 'whole?', count: 'whole' },
  writeMemory: {
    memoryReference: 'text',
    offset: 'whole?',
    allowPartial: 'flag?',
    data: 'text',
  },
  disassemble: {
    memoryReference: 'text',
    offset: 'whole?',
    instructionOffset: 'whole?',
    instructionCount: 'whole',
    resolveSymbols: 'flag?',
  },
  source: { sourceReference: 'whole?' },
  modules: { startModule: 'whole?', moduleCount: 'whole?' },
};

/** The arguments without what is null. Throws a `UserError` that names what is wrong. */
export function checkedArguments(command: string, given: unknown): object {
  const shape = Object.hasOwn(ARGUMENT_SHAPES, command) ? ARGUMENT_SHAPES[command] : undefined;
  const present = withoutNulls(given ?? {});
  if (shape !== undefined) {
    checkObject(command, '', shape, present);
  }
  return present as object;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutNulls);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}

function checkObject(command: string, path: string, shape: Shape, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(command, path, 'an object');
  }
  for (const [key, kind] of Object.entries(shape)) {
    const inner = (value as Record<string, unknown>)[key];
    checkKey(command, path === '' ? key : `${path}.${key}`, kind, inner);
  }
}

function checkKey(command: string, path: string, kind: Shape[string], value: unknown): void {
  if (typeof kind === 'object') {
    if ('each' in kind && 'isOptional' in kind) {
      checkList(command, path, kind as ListShape, value);
    } else {
      checkObject(command, path, kind as Shape, value);
    }
    return;
  }
  const isOptional = kind.endsWith('?');
  if (value === undefined && isOptional) {
    return;
  }
  const name = kind.replace('?', '') as Kind | 'texts';
  if (!FITS[name](value)) {
    throw wrong(command, path, WORDS[name]);
  }
}

function checkList(
  command: string,
  path: string,
  { each, isOptional }: ListShape,
  value: unknown,
): void {
  if (value === undefined && isOptional) {
    return;
  }
  if (!Array.isArray(value)) {
    throw wrong(command, path, 'a list');
  }
  for (const [i, item] of value.entries()) {
    checkObject(command, `${path}[${i}]`, each, item);
  }
}

const FITS: Readonly<Record<Kind | 'texts', (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  whole: (value) => Number.isSafeInteger(value),
  flag: (value) => typeof value === 'boolean',
  texts: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};

const WORDS: Readonly<Record<Kind | 'texts', string>> = {
  text: 'a text',
  whole: 'a whole number',
  flag: 'true or false',
  texts: 'a list of texts',
};

const wrong = (command: string, path: string, wanted: string): UserError =>
  new UserError(`The request “${command}” needs ${wanted} as “${path}”.`);
