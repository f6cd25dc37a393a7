/** Conditions and log messages of breakpoints in the language of expressions. */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { ConditionCompiler, Message, Moment, Predicate } from '../debuggee/condition.ts';
import type { Debuggee } from '../debuggee/debuggee.ts';
import type { FieldValue } from '../debuggee/occurrence.ts';
import { compileCondition } from '../expressions/evaluate.ts';
import { ExpressionError } from '../expressions/expression-error.ts';
import { parseLogMessage, renderLogMessage } from '../expressions/log-message.ts';
import { parseExpression } from '../expressions/parser.ts';
import { UserError } from '../user-error.ts';
import { isMachineFunction, isNameOfEvent } from './event-names.ts';
import { liveFrame } from './frame-machine.ts';
import { GuestScope } from './guest-scope.ts';
import { machineFunctions } from './machine-functions.ts';

type Fields = Readonly<Record<string, FieldValue>>;

const NO_FIELDS: Fields = {};

/** Remembered work of one place: a scope whose registers and fields are those of the moment. */
interface Place {
  fields: Fields;
  readonly scope: GuestScope;
  readonly holds: () => boolean;
}

export function conditionsOf(debuggee: Debuggee): ConditionCompiler {
  const scopeFor = (vcpu: Vcpu, fields: () => Fields): GuestScope => {
    const view = debuggee.viewOf(vcpu);
    const program = debuggee.programOf(vcpu);
    return new GuestScope({
      xen: debuggee.machine.xen,
      view,
      program,
      frame: liveFrame(program, view, view.linearEip),
      functions: machineFunctions(debuggee.machine, vcpu),
      checkChange: () => {
        throw new UserError('A condition changes nothing.');
      },
      fields,
      isInnermost: true,
    });
  };
  return {
    condition: (text) => conditionOf(text, debuggee, scopeFor),
    eventCondition: (text) => eventConditionOf(text, debuggee, scopeFor),
    message: (text) => messageOf(text, debuggee, scopeFor),
  };
}

type ScopeMaker = (vcpu: Vcpu, fields: () => Fields) => GuestScope;

/** Parsed at once, so that the user hears of a mistake when the breakpoint is set. */
function conditionOf(text: string, debuggee: Debuggee, scopeFor: ScopeMaker): Predicate {
  const expression = told(text, () => parseExpression(text, typeNamesIn(debuggee)));
  const places = new Map<string, Place>();
  return ({ vcpu, fields = NO_FIELDS }: Moment) => {
    const key = `${vcpu.domain.id}.${vcpu.id} ${debuggee.viewOf(vcpu).linearEip} ${shapeOf(fields)}`;
    let place = places.get(key);
    if (place === undefined) {
      place = told(text, () => {
        const made: { fields: Fields } = { fields };
        const scope = scopeFor(vcpu, () => made.fields);
        return Object.assign(made, { scope, holds: compileCondition(expression, scope) });
      });
      places.set(key, place);
    }
    place.fields = fields;
    const { holds } = place;
    return told(text, holds);
  };
}

/** Refuses names that no event has and the program has not either. */
function eventConditionOf(text: string, debuggee: Debuggee, scopeFor: ScopeMaker): Predicate {
  const names = namesIn(text).filter((name) => !isNameOfProgram(debuggee, name));
  const unknown = names.find((name) => !isNameOfEvent(name));
  if (unknown !== undefined) {
    throw new UserError(
      `${text}: no event has a field ${unknown}, and the program has no such name.`,
    );
  }
  const fields = names.filter((name) => !isMachineFunction(name));
  const meets = conditionOf(text, debuggee, scopeFor);
  return (moment) =>
    fields.every((name) => Object.hasOwn(moment.fields ?? NO_FIELDS, name)) && meets(moment);
}

/** Identifiers that stand for something, so neither in quotes nor behind `$`, `.` or `->`. */
function namesIn(text: string): string[] {
  const code = text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, '0');
  const names = code.matchAll(/(?<![\w$.]|->)[A-Za-z_]\w*/g);
  return [...names].map(([name]) => name);
}

const C_WORDS: readonly string[] = [
  ...['struct', 'union', 'enum', 'sizeof', 'unsigned', 'signed'],
  ...['int', 'char', 'long', 'short'],
];

const isNameOfProgram = (debuggee: Debuggee, name: string): boolean =>
  C_WORDS.includes(name) ||
  [...debuggee.programs.values()].some(
    ({ symbols }) =>
      symbols.addressOf(name) !== undefined ||
      symbols.typeNamed(name) !== undefined ||
      symbols.enumeratorNamed(name) !== undefined,
  );

/** Fields of the same names and types need no other work. */
function shapeOf(fields: Fields): string {
  let shape = '';
  for (const name in fields) {
    const value = fields[name];
    shape += typeof value === 'string' ? `${name}:${value.length},` : `${name},`;
  }
  return shape;
}

function messageOf(text: string, debuggee: Debuggee, scopeFor: ScopeMaker): Message {
  const parts = told(text, () => parseLogMessage(text, typeNamesIn(debuggee)));
  return ({ vcpu, fields = NO_FIELDS }) =>
    renderLogMessage(
      parts,
      scopeFor(vcpu, () => fields),
    );
}

const typeNamesIn = (debuggee: Debuggee) => (name: string) =>
  [...debuggee.programs.values()].some(({ symbols }) => symbols.typeNamed(name) !== undefined);

/** A mistake in an expression, as a sentence that says which expression. */
function told<T>(text: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof ExpressionError) {
      throw new UserError(`${text}: ${error.message}`);
    }
    throw error;
  }
}
