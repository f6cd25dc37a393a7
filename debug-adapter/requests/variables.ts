/** Scopes and variables, and setting them. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { Debugging } from '../session/debugging.ts';
import { UserError } from '../user-error.ts';
import type { VariableNode } from '../values/variable-node.ts';
import { scopesOf } from './scopes.ts';

export function variableRequests(debugging: Debugging) {
  return {
    scopes({ frameId }: DAP.ScopesArguments): DAP.ScopesResponse['body'] {
      debugging.run.requireStop();
      const scopes = scopesOf(debugging, debugging.frame(frameId));
      return {
        scopes: scopes.map(({ name, hint, isExpensive, children }) => ({
          name,
          ...(hint === undefined ? {} : { presentationHint: hint }),
          expensive: isExpensive,
          variablesReference: debugging.variables.add({ name, value: '', children }),
        })),
      };
    },

    variables(args: DAP.VariablesArguments): DAP.VariablesResponse['body'] {
      const { variablesReference, filter, start, count } = args;
      const node = debugging.variables.at(variablesReference);
      if (node === undefined) {
        throw new UserError('These variables are of an earlier stop.');
      }
      const isPart =
        filter === 'indexed' || (start !== undefined && count !== undefined && count > 0);
      const range = isPart ? { start: start ?? 0, count: count || MOST_CHILDREN } : undefined;
      const children = node.children?.(range) ?? [];
      return { variables: children.map((child) => variableOf(debugging, child)) };
    },

    setVariable(args: DAP.SetVariableArguments): DAP.SetVariableResponse['body'] {
      const { variablesReference, name, value } = args;
      debugging.run.requireStop();
      debugging.run.requireGuest();
      const parent = debugging.variables.at(variablesReference);
      const find = () => parent?.children?.().find((child) => child.name === name);
      const child = find();
      if (child?.set === undefined) {
        throw new UserError(`${name} cannot be set.`);
      }
      child.set(value);
      debugging.memoryChanged();
      const now = find() ?? child;
      const { variablesReference: reference, ...shown } = variableOf(debugging, now);
      return { ...shown, variablesReference: reference };
    },
  };
}
const MOST_CHILDREN = 10_000;

/** A node as the protocol shows it. */
export function variableOf(debugging: Debugging, node: VariableNode): DAP.Variable {
  const { name, value, type, evaluateName, memoryReference, children, indexedChildren, set } = node;
  return {
    name,
    value,
    ...(type === undefined ? {} : { type }),
    ...(evaluateName === undefined ? {} : { evaluateName }),
    ...(memoryReference === undefined ? {} : { memoryReference }),
    ...(indexedChildren === undefined ? {} : { indexedVariables: indexedChildren }),
    ...(set === undefined ? { presentationHint: { attributes: ['readOnly'] } } : {}),
    variablesReference: children === undefined ? 0 : debugging.variables.add(node),
  };
}
