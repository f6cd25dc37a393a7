/** What a frame shows: its variables, the registers, the machine around it, or a stage's facts. */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { StageFrame } from '../debuggee/inside.ts';
import type { Debugging, ShownFrame } from '../session/debugging.ts';
import { virtualReference } from '../session/memory-reference.ts';
import { nodeOf, type ShownWith } from '../values/expression-nodes.ts';
import { frameMachine, presentFrame } from '../values/frame-machine.ts';
import { GuestScope } from '../values/guest-scope.ts';
import { hypervisorNodes } from '../values/hypervisor-nodes.ts';
import { machineFunctions } from '../values/machine-functions.ts';
import { registerNodes, vectorNodes } from '../values/register-nodes.ts';
import { factText, type VariableNode } from '../values/variable-node.ts';

export interface ScopeNode {
  readonly name: string;
  readonly hint: 'locals' | 'registers' | undefined;
  readonly isExpensive: boolean;
  children(): readonly VariableNode[];
}

/** Names as they are in a frame, or where a virtual processor stands. */
export function scopeOf(
  debugging: Debugging,
  frame: ShownFrame | undefined,
  vcpu: Vcpu,
): GuestScope {
  const { run } = debugging;
  const view = run.debuggee.viewOf(vcpu);
  const program = run.debuggee.programOf(vcpu);
  // The innermost frame is read anew: its registers may have been set since it was shown.
  const isGuest = frame?.kind === 'guest' && frame.frame.foundBy !== 'registers';
  return new GuestScope({
    xen: run.debuggee.machine.xen,
    view,
    program,
    frame: isGuest
      ? frameMachine(program, view, frame.lookup, frame.frame.registers)
      : presentFrame(program, view),
    functions: machineFunctions(run.debuggee.machine, vcpu),
    checkChange: () => run.requireGuest(),
    isInnermost: !isGuest,
  });
}

export function shownWith(
  scope: GuestScope,
  vcpu: Vcpu,
  options: ShownWith['options'] = {},
): ShownWith {
  return { scope, options, reference: (address) => virtualReference(vcpu, address) };
}

export function scopesOf(debugging: Debugging, frame: ShownFrame): readonly ScopeNode[] {
  return frame.kind === 'stage'
    ? [stageScope(frame.frame), ...machineScopes(debugging, frame)]
    : [...variableScopes(debugging, frame), ...machineScopes(debugging, frame)];
}

/** What the operation knows before and behind the stage. */
function stageScope({ before, after, operation, index }: StageFrame): ScopeNode {
  return {
    name: `Stage: ${operation.stages[index]?.name ?? ''}`,
    hint: 'locals',
    isExpensive: false,
    children: () =>
      Object.entries({ ...after, ...before }).map(([name, value]): VariableNode => {
        const now = factValue(value);
        const then = after[name] === undefined ? 'gone' : factValue(after[name]);
        return {
          name,
          value: now === then ? now : `${now} → ${then}`,
          type: now === then ? undefined : 'changes',
        };
      }),
  };
}

const factValue = (value: string | number | bigint): string =>
  typeof value === 'string' ? value : factText(value);

/** A scope for each block and inlined function at the place, the innermost first. */
function variableScopes(
  debugging: Debugging,
  frame: Extract<ShownFrame, { kind: 'guest' }>,
): ScopeNode[] {
  const { program, lookup, inlineDepth, thread } = frame;
  const scope = scopeOf(debugging, frame, thread.vcpu);
  const shown = shownWith(scope, thread.vcpu);
  const blocks = program.symbols.variablesAt(lookup);
  const total = blocks.filter(({ isInlined }) => isInlined).length;
  // Blocks belong to the inlined function around them; the outermost to the function itself.
  let depth = total;
  const own = blocks.filter(({ isInlined }) => {
    const isOwn = depth === inlineDepth;
    depth -= isInlined ? 1 : 0;
    return isOwn;
  });
  const variables = own.flatMap(({ variables: all }) => all);
  const seen = new Set<string>();
  const locals = variables.filter(({ name }) => !seen.has(name) && seen.add(name));
  return [
    {
      name: 'Locals',
      hint: 'locals',
      isExpensive: false,
      children: () =>
        locals.map((variable): VariableNode => {
          const why = scope.whyUnavailable(variable);
          return why === undefined
            ? nodeOf(variable.name, scope.valueOf(variable), variable.name, shown)
            : { name: variable.name, value: `<optimized out: ${why}>` };
        }),
    },
    {
      name: 'Globals of this file',
      hint: undefined,
      isExpensive: true,
      children: () => {
        const file = program.symbols.locationAt(lookup)?.file;
        return [...program.symbols.globals()]
          .filter(({ unitFile }) => unitFile === file)
          .slice(0, MOST_GLOBALS)
          .map((variable) => nodeOf(variable.name, scope.valueOf(variable), variable.name, shown));
      },
    },
  ];
}
const MOST_GLOBALS = 2000;

function machineScopes(debugging: Debugging, frame: ShownFrame): ScopeNode[] {
  const { vcpu } = frame.thread;
  const { debuggee } = debugging.run;
  const view = debuggee.viewOf(vcpu);
  const scope = scopeOf(debugging, frame, vcpu);
  const { xen } = debuggee.machine;
  const reference = (address: number): string => virtualReference(vcpu, address);
  return [
    {
      name: 'Registers',
      hint: 'registers',
      isExpensive: false,
      children: () => registerNodes(view, scope, reference),
    },
    ...(view.isLoaded
      ? [
          {
            name: 'x87 and SSE',
            hint: 'registers' as const,
            isExpensive: true,
            children: () => vectorNodes(view, scope, xen.cpu.memory.u8),
          },
        ]
      : []),
    {
      name: 'Xen',
      hint: undefined,
      isExpensive: true,
      children: () => hypervisorNodes(debuggee, vcpu),
    },
  ];
}
