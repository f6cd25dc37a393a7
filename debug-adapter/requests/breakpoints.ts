/** Breakpoints in code, by line, function and address, and on events of the machine by name. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { CodeBreakpoint } from '../debuggee/breakpoint-table.ts';
import { hitTest } from '../debuggee/condition.ts';
import type { EventStop } from '../debuggee/event-stops.ts';
import { MACHINE_EVENTS, type MachineEventId, namedEvent } from '../debuggee/machine-events.ts';
import type { Program } from '../debuggee/program.ts';
import type { BreakpointMode } from '../session/capabilities.ts';
import type { Debugging } from '../session/debugging.ts';
import { parseMemoryReference } from '../session/memory-reference.ts';
import { UserError } from '../user-error.ts';
import { conditionsOf } from '../values/conditions.ts';
import { sourceOf } from './stack.ts';

interface Asked {
  readonly condition?: string;
  readonly hitCondition?: string;
  readonly logMessage?: string;
  readonly mode?: string;
}

/** Where a breakpoint has come to lie in one program. */
interface Found {
  readonly program: Program;
  readonly addresses: readonly number[];
  readonly line?: number;
  readonly column?: number;
}

export class BreakpointRequests {
  readonly #debugging: Debugging;

  constructor(debugging: Debugging) {
    this.#debugging = debugging;
  }

  /** What the user asked for beside the place; throws a sentence that the breakpoint then shows. */
  #testsOf({ condition, hitCondition, logMessage }: Asked) {
    const compiler = conditionsOf(this.#debugging.run.debuggee);
    return {
      condition: isGiven(condition) ? compiler.condition(condition) : undefined,
      hits: isGiven(hitCondition) ? hitTest(hitCondition) : undefined,
      message: isGiven(logMessage) ? compiler.message(logMessage) : undefined,
    };
  }

  #eventTestsOf({ condition, ...asked }: Asked) {
    const compiler = conditionsOf(this.#debugging.run.debuggee);
    return {
      ...this.#testsOf(asked),
      condition: isGiven(condition) ? compiler.eventCondition(condition) : undefined,
    };
  }

  /** One breakpoint for each program that has the place, all with the number that the client knows. */
  #made(
    id: number,
    origin: CodeBreakpoint['origin'],
    asked: Asked,
    found: readonly Found[],
  ): CodeBreakpoint[] {
    const tests = this.#testsOf(asked);
    const mode = (asked.mode ?? 'virtual') as BreakpointMode;
    return found.map(({ program, addresses }) => {
      if (mode !== 'machine') {
        const domain = mode === 'virtual-any' ? undefined : program.domain;
        return { id, origin, space: 'linear', addresses, domain, ...tests };
      }
      const { vcpus } = this.#debugging.run.debuggee.machine.xen.domains.get(program.domain) ?? {};
      const view = vcpus?.[0] && this.#debugging.run.debuggee.viewOf(vcpus[0]);
      const machine = addresses.map((address) => view?.physicalOf(address));
      if (machine.some((address) => address === undefined)) {
        throw new UserError(
          'This code is not mapped yet, so it has no machine address: use a virtual address.',
        );
      }
      return {
        ...{ id, origin, space: 'machine', domain: undefined, ...tests },
        addresses: machine as number[],
      };
    });
  }

  get #programs(): Program[] {
    return [...this.#debugging.run.debuggee.programs.values()];
  }

  /** What the client is told of a breakpoint that was asked for. */
  #answerOf(id: number, make: () => Partial<DAP.Breakpoint>): DAP.Breakpoint {
    try {
      return { id, verified: true, ...make() };
    } catch (error) {
      if (!(error instanceof UserError)) {
        throw error;
      }
      return { id, verified: false, message: error.message, reason: 'failed' };
    }
  }

  #findLine(path: string, line: number): Found[] {
    return this.#programs.flatMap((program): Found[] => {
      const file = program.sources.programPath(path);
      const at = file === undefined ? undefined : program.symbols.addressesOfLine(file, line);
      return at === undefined ? [] : [{ program, addresses: at.addresses, line: at.line }];
    });
  }

  #findFunction(name: string): Found[] {
    const pattern = patternOf(name);
    return this.#programs.flatMap((program): Found[] => {
      const functions = program.symbols.functionsMatching(pattern);
      // A label of assembly is no function to its symbol table.
      const label = typeof pattern === 'string' ? program.symbols.addressOf(pattern) : undefined;
      const addresses =
        functions.length === 0 && label !== undefined
          ? [label]
          : functions.map(({ address }) => address);
      const [first] = addresses;
      const at = first === undefined ? undefined : program.symbols.locationAt(first);
      return first === undefined
        ? []
        : [{ program, addresses, ...(at === undefined ? {} : { line: at.line }) }];
    });
  }

  readonly setBreakpoints = ({
    source,
    breakpoints = [],
  }: DAP.SetBreakpointsArguments): DAP.SetBreakpointsResponse['body'] => {
    const path = source.path ?? '';
    const all: CodeBreakpoint[] = [];
    const answers = breakpoints.map((asked) => {
      const id = this.#debugging.nextBreakpointId();
      return this.#answerOf(id, () => {
        const found = this.#findLine(path, this.#debugging.lineFromClient(asked.line));
        const [first] = found;
        if (first === undefined) {
          throw new UserError(noCode(path, this.#programs));
        }
        all.push(...this.#made(id, 'breakpoint', asked, found));
        const count = found.reduce((sum, { addresses }) => sum + addresses.length, 0);
        return {
          line: this.#debugging.lineToClient(first.line ?? 0),
          ...(first.addresses[0] === undefined
            ? {}
            : { instructionReference: hex(first.addresses[0]) }),
          ...(count > 1 ? { message: `${count} locations` } : {}),
        };
      });
    });
    this.#debugging.run.control.breakpoints.set(`source ${path}`, all);
    this.#debugging.run.control.arm();
    return { breakpoints: answers };
  };

  readonly setFunctionBreakpoints = ({
    breakpoints,
  }: DAP.SetFunctionBreakpointsArguments): DAP.SetFunctionBreakpointsResponse['body'] => {
    const functions: CodeBreakpoint[] = [];
    const events: EventStop[] = [];
    const answers = breakpoints.map((asked) => {
      const id = this.#debugging.nextBreakpointId();
      return this.#answerOf(id, () => {
        const event = namedEvent(asked.name);
        if (event !== undefined) {
          const { id: name, subject } = event;
          events.push({ breakpoint: id, event: name, subject, ...this.#eventTestsOf(asked) });
          return {};
        }
        const found = this.#findFunction(asked.name);
        const [first] = found;
        if (first === undefined) {
          throw new UserError(
            `No function is called ${asked.name}. A regular expression stands between slashes, an event is named as hypercall:mmu_update.`,
          );
        }
        functions.push(...this.#made(id, 'function breakpoint', asked, found));
        const [address = 0] = first.addresses;
        const at = first.program.symbols.locationAt(address);
        const count = found.reduce((sum, { addresses }) => sum + addresses.length, 0);
        return {
          instructionReference: hex(address),
          ...(at === undefined
            ? {}
            : {
                line: this.#debugging.lineToClient(at.line),
                source: sourceOf(first.program, at.file),
              }),
          ...(count > 1 ? { message: `${count} locations` } : {}),
        };
      });
    });
    this.#debugging.run.control.breakpoints.set('functions', functions);
    this.#debugging.run.control.events.set('names', events);
    this.#debugging.run.control.arm();
    return { breakpoints: answers };
  };

  readonly setInstructionBreakpoints = ({
    breakpoints,
  }: DAP.SetInstructionBreakpointsArguments): DAP.SetInstructionBreakpointsResponse['body'] => {
    const all: CodeBreakpoint[] = [];
    const answers = breakpoints.map((asked) => {
      const id = this.#debugging.nextBreakpointId();
      return this.#answerOf(id, () => {
        const reference = parseMemoryReference(asked.instructionReference);
        const address = reference.address + (asked.offset ?? 0);
        const isMachine = reference.space !== 'va';
        const named = reference.space === 'va' ? reference.domain : undefined;
        const domain = named ?? this.#debugging.vcpuOf(undefined).domain.id;
        const program = this.#debugging.run.debuggee.programs.get(domain);
        if (program === undefined) {
          throw new UserError(`There is no domain ${domain}.`);
        }
        if (isMachine) {
          const space = 'machine' as const;
          const origin = 'instruction breakpoint' as const;
          all.push({
            id,
            origin,
            space,
            addresses: [address],
            domain: undefined,
            ...this.#testsOf(asked),
          });
        } else {
          const found = [{ program, addresses: [address >>> 0] }];
          all.push(...this.#made(id, 'instruction breakpoint', asked, found));
        }
        return { instructionReference: asked.instructionReference };
      });
    });
    this.#debugging.run.control.breakpoints.set('instructions', all);
    this.#debugging.run.control.arm();
    return { breakpoints: answers };
  };

  readonly setExceptionBreakpoints = ({
    filters,
    filterOptions = [],
  }: DAP.SetExceptionBreakpointsArguments): DAP.SetExceptionBreakpointsResponse['body'] => {
    const asked: (Asked & { readonly filterId: string })[] = [
      ...filters.map((filterId) => ({ filterId })),
      ...filterOptions,
    ];
    const stops: EventStop[] = [];
    const answers = asked.map((filter) => {
      const id = this.#debugging.nextBreakpointId();
      return this.#answerOf(id, () => {
        const event = MACHINE_EVENTS.find(({ id: name }) => name === filter.filterId);
        if (event === undefined) {
          throw new UserError(`There is no event ${JSON.stringify(filter.filterId)}.`);
        }
        const name: MachineEventId = event.id;
        const { condition } = this.#eventTestsOf({ condition: filter.condition ?? '' });
        stops.push({ breakpoint: undefined, event: name, subject: undefined, condition });
        return {};
      });
    });
    this.#debugging.run.control.events.set('filters', stops);
    this.#debugging.run.control.arm();
    return { breakpoints: answers };
  };

  readonly breakpointLocations = ({
    source,
    line,
    endLine = line,
  }: DAP.BreakpointLocationsArguments): DAP.BreakpointLocationsResponse['body'] => {
    const from = this.#debugging.lineFromClient(line);
    const to = Math.min(this.#debugging.lineFromClient(endLine), from + MOST_LINES);
    const lines = new Set<number>();
    for (const { sources, symbols } of this.#programs) {
      const file = source.path === undefined ? undefined : sources.programPath(source.path);
      for (const at of file === undefined ? [] : symbols.linesWithCode(file)) {
        if (at >= from && at <= to) {
          lines.add(at);
        }
      }
    }
    return {
      breakpoints: [...lines]
        .sort((a, b) => a - b)
        .map((at) => ({ line: this.#debugging.lineToClient(at) })),
    };
  };
}
const MOST_LINES = 10_000;

const isGiven = (text: string | undefined): text is string =>
  text !== undefined && text.trim() !== '';

const hex = (address: number): string => `0x${address.toString(16).padStart(8, '0')}`;

/** A regular expression between slashes, or a name. */
function patternOf(name: string): string | RegExp {
  const [, source, flags] = /^\/(.*)\/(i?)$/.exec(name.trim()) ?? [];
  if (source === undefined) {
    return name.trim();
  }
  try {
    return new RegExp(source, flags);
  } catch (error) {
    throw new UserError(
      `${name} is no regular expression: ${error instanceof Error ? error.message : error}.`,
    );
  }
}

function noCode(path: string, programs: readonly Program[]): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (programs.every(({ symbols }) => !symbols.hasDebugInformation)) {
    return `The kernel has no debug information: build it with -g, or name a file that has some in "symbols".`;
  }
  const isKnown = programs.some(({ sources }) => sources.programPath(path) !== undefined);
  return isKnown
    ? `No code of ${name} is at this line or below it.`
    : `No file of the kernel is called ${name}. If it was compiled elsewhere, set "sourceMap".`;
}
