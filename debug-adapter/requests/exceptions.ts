/** The whole story of the event that the machine has stopped at. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { Description } from '../../emulator/abi/description.ts';
import { nameOfAddress } from '../debuggee/program.ts';
import type { Debugging } from '../session/debugging.ts';
import { UserError } from '../user-error.ts';

export function exceptionRequests(debugging: Debugging) {
  return {
    exceptionInfo(_args: DAP.ExceptionInfoArguments): DAP.ExceptionInfoResponse['body'] {
      const { stop, debuggee } = debugging.run;
      const cause = stop?.causes.find(({ occurrence }) => occurrence !== undefined);
      if (cause?.occurrence === undefined) {
        throw new UserError('The machine has not stopped at an event.');
      }
      const { occurrence, vcpu } = cause;
      const program = debuggee.programOf(vcpu);
      const at = debuggee.viewOf(vcpu).linearEip;
      const name = nameOfAddress(program, at);
      const caller = `0x${at.toString(16).padStart(8, '0')}${name === undefined ? '' : ` <${name}>`}`;
      const story = { ...occurrence.story, at: caller };
      return {
        exceptionId: occurrence.id,
        description: occurrence.title,
        breakMode: 'always',
        details: {
          message: occurrence.title,
          typeName: occurrence.id,
          fullTypeName: occurrence.id,
          evaluateName: '$event',
          stackTrace: storyLines(story).join('\n'),
        },
      };
    },
  };
}

/** Names and values, a line each, what is within indented. */
function storyLines(story: Readonly<Record<string, Description>>, indent = ''): string[] {
  return Object.entries(story).flatMap(([name, value]) => {
    if (typeof value === 'object' && !Array.isArray(value)) {
      const inner = value as Readonly<Record<string, Description>>;
      return [`${indent}${name}:`, ...storyLines(inner, `${indent}  `)];
    }
    return [`${indent}${name}: ${Array.isArray(value) ? value.join(' ') : value}`];
  });
}
