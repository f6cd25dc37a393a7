/** Threads and their stacks: stages of the hypervisor, then the guest's frames with inlined functions. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { type DebugThread, threadName } from '../debuggee/debuggee.ts';
import type { StageFrame } from '../debuggee/inside.ts';
import { nameOfAddress, type Program } from '../debuggee/program.ts';
import type { Debugging, ShownFrame } from '../session/debugging.ts';
import { virtualReference } from '../session/memory-reference.ts';
import { framesOf } from '../stack/frames.ts';
import type { Frame } from '../stack/unwinder.ts';
import { stageSource } from './stage-source.ts';

const MOST_FRAMES = 200;

export function stackRequests(debugging: Debugging) {
  /** Of the present stop, by thread. */
  const shown = new Map<number, DAP.StackFrame[]>();

  return {
    threads(): DAP.ThreadsResponse['body'] {
      if (!debugging.hasRun) {
        return { threads: [] };
      }
      const { threads } = debugging.run.debuggee;
      return { threads: threads.map(({ id, vcpu }) => ({ id, name: threadName(vcpu) })) };
    },

    stackTrace({
      threadId,
      startFrame = 0,
      levels = 0,
    }: DAP.StackTraceArguments): DAP.StackTraceResponse['body'] {
      const { run } = debugging;
      run.requireStop();
      const thread = run.debuggee.thread(threadId);
      if (debugging.frames.isEmpty) {
        shown.clear();
      }
      let frames = shown.get(threadId);
      if (frames === undefined) {
        frames = stackOf(debugging, thread);
        shown.set(threadId, frames);
      }
      const end = levels > 0 ? startFrame + levels : frames.length;
      return { stackFrames: frames.slice(startFrame, end), totalFrames: frames.length };
    },
  };
}

function stackOf(debugging: Debugging, thread: DebugThread): DAP.StackFrame[] {
  const { run } = debugging;
  const isHere = run.stop?.thread === thread.id;
  const stages = isHere ? (run.inside?.frames ?? []) : [];
  const inHypervisor = stages.map((frame) => stageFrame(debugging, thread, frame));
  const program = run.debuggee.programOf(thread.vcpu);
  const frames = framesOf(run.debuggee, thread, MOST_FRAMES);
  return [
    ...inHypervisor,
    ...frames.flatMap((frame, index) => [
      ...borderBefore(frames, index, inHypervisor.length > 0),
      ...guestFrames(debugging, thread, program, frame),
    ]),
  ];
}

/** A line that says what lies between two frames: a trap, or the way into the hypervisor. */
function borderBefore(
  frames: readonly Frame[],
  index: number,
  isInHypervisor: boolean,
): DAP.StackFrame[] {
  const frame = frames[index];
  if (index === 0) {
    return isInHypervisor ? [label(`guest, ring ${frame?.ring ?? 1}`)] : [];
  }
  return frame?.foundBy === 'trap frame'
    ? [label(`interrupted, ring ${frame.ring} (trap or upcall frame)`)]
    : [];
}

const label = (name: string): DAP.StackFrame => ({
  id: 0,
  name: `— ${name} —`,
  line: 0,
  column: 0,
  presentationHint: 'label',
});

function stageFrame(debugging: Debugging, thread: DebugThread, frame: StageFrame): DAP.StackFrame {
  const { operation, index } = frame;
  const { source, lines } = stageSource(operation);
  return {
    id: debugging.frames.add({ kind: 'stage', thread, frame }),
    name: `Xen: ${operation.stages[index]?.name ?? 'end'} (${operation.name})`,
    line: debugging.lineToClient(lines[index] ?? 1),
    column: debugging.columnToClient(1),
    source: { name: source.name, sourceReference: debugging.virtualSource(source) },
  };
}

/** A frame and the functions that were inlined where it is, the innermost first. */
function guestFrames(
  debugging: Debugging,
  thread: DebugThread,
  program: Program,
  frame: Frame,
): DAP.StackFrame[] {
  // What a caller shows is its call, which ends before the address it returns to.
  const lookup = frame.isCaller ? frame.pc - 1 : frame.pc;
  const inlines = program.symbols.inlinesAt(lookup);
  const place = program.symbols.locationAt(lookup);
  const names = [
    ...inlines.map(({ name }) => `${name} [inlined]`),
    nameOfFunction(program, frame.pc, lookup),
  ];
  const places = [
    place,
    ...inlines.map(({ callFile, callLine, callColumn }) => ({
      file: callFile,
      line: callLine,
      column: callColumn,
    })),
  ];
  return names.map((name, i) => {
    const at = places[i];
    const shownFrame: ShownFrame = {
      ...{ kind: 'guest', thread, program, frame, lookup },
      inlineDepth: inlines.length - i,
    };
    const how = FOUND[frame.foundBy];
    return {
      id: debugging.frames.add(shownFrame),
      name: how === undefined ? name : `${name} (${how})`,
      line: at?.file === undefined ? 0 : debugging.lineToClient(at.line),
      column: at?.file === undefined ? 0 : debugging.columnToClient(Math.max(1, at.column)),
      instructionPointerReference: virtualReference(thread.vcpu, frame.pc),
      ...(at?.file === undefined
        ? { presentationHint: 'subtle' as const }
        : { source: sourceOf(program, at.file) }),
    };
  });
}

/** Only what is a guess is said. */
const FOUND: Readonly<Record<Frame['foundBy'], string | undefined>> = {
  registers: undefined,
  'call-frame information': undefined,
  'hypercall stub': undefined,
  'trap frame': undefined,
  'frame pointer': 'by frame pointer',
  'return address on the stack': 'guessed from the stack',
};

export function sourceOf({ sources }: Program, file: string): DAP.Source {
  const path = sources.clientPath(file);
  return { name: path.slice(path.lastIndexOf('/') + 1), path };
}

function nameOfFunction(program: Program, pc: number, lookup: number): string {
  const { symbols } = program;
  const known = symbols.functionAt(lookup)?.name;
  return known ?? nameOfAddress(program, pc) ?? `0x${pc.toString(16).padStart(8, '0')}`;
}
