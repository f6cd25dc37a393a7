/** What all requests of one conversation share. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import type { SyntaxName } from '../../emulator/cpu/disassembler.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { DebugRun } from '../debuggee/debug-run.ts';
import type { DebugThread } from '../debuggee/debuggee.ts';
import type { StageFrame } from '../debuggee/inside.ts';
import type { Program } from '../debuggee/program.ts';
import type { Frame } from '../stack/unwinder.ts';
import { UserError } from '../user-error.ts';
import type { VariableNode } from '../values/variable-node.ts';
import { Handles } from './handles.ts';
import type { SessionHost } from './session-host.ts';

export type Emit = (event: string, body?: object) => void;

/** A frame as the client was shown it. */
export type ShownFrame =
  | { readonly kind: 'stage'; readonly thread: DebugThread; readonly frame: StageFrame }
  | {
      readonly kind: 'guest';
      readonly thread: DebugThread;
      readonly program: Program;
      readonly frame: Frame;
      /** How many inlined functions lie within this one at its place. */
      readonly inlineDepth: number;
      /** Where it is, for names and lines: within the call, of a caller. */
      readonly lookup: number;
    };

/** Text without a file, such as the stages of an operation. */
export interface VirtualSource {
  readonly name: string;
  readonly text: string;
}

export class Debugging {
  readonly host: SessionHost;
  readonly emit: Emit;
  /** What the client said of itself. */
  client: DAP.InitializeRequestArguments = { adapterID: 'ringside' };
  /** How instructions are written. */
  syntax: SyntaxName = 'att';
  /** Whether steps are made as if no event were pending. */
  holdsInterrupts = false;
  readonly frames = new Handles<ShownFrame>(1000);
  readonly variables = new Handles<VariableNode>(1);
  readonly #sources = new Map<string, number>();
  readonly #virtualSources: VirtualSource[] = [];
  #run: DebugRun | undefined;
  #lastBreakpoint = 0;
  readonly #decoders = new Map<number, TextDecoder>();
  readonly #afterwards: (() => void)[] = [];

  constructor(host: SessionHost, emit: Emit) {
    this.host = host;
    this.emit = emit;
  }

  /** Something in memory or a register has been set: what the client shows of it is old. */
  memoryChanged(): void {
    this.afterwards(() => {
      if (this.client.supportsInvalidatedEvent === true) {
        this.emit('invalidated', { areas: ['variables'] });
      }
    });
  }

  /** A number that no breakpoint of this conversation has had. */
  nextBreakpointId(): number {
    return ++this.#lastBreakpoint;
  }

  get run(): DebugRun {
    if (this.#run === undefined) {
      throw new UserError('Nothing has been launched yet.');
    }
    return this.#run;
  }

  get hasRun(): boolean {
    return this.#run !== undefined;
  }

  setRun(run: DebugRun | undefined): void {
    this.#run?.dispose();
    this.#run = run;
    this.forgetStop();
  }

  /** What was shown of a stop is no longer so. */
  forgetStop(): void {
    this.frames.clear();
    this.variables.clear();
  }

  frame(id: number): ShownFrame {
    const frame = this.frames.at(id);
    if (frame === undefined) {
      throw new UserError('This frame is of an earlier stop.');
    }
    return frame;
  }

  /** The virtual processor that a frame or, without one, the user is looking at. */
  vcpuOf(frameId: number | undefined): Vcpu {
    if (frameId !== undefined && this.frames.at(frameId) !== undefined) {
      return this.frame(frameId).thread.vcpu;
    }
    const { debuggee, stop } = this.run;
    return stop === undefined ? debuggee.current.vcpu : debuggee.thread(stop.thread).vcpu;
  }

  /** Has something done when the response to the request that is being answered has been sent. */
  afterwards(act: () => void): void {
    this.#afterwards.push(act);
  }

  afterResponse(): void {
    for (const act of this.#afterwards.splice(0)) {
      act();
    }
  }

  /** Whether a line and column the client names are counted from 1. */
  get #first(): { line: number; column: number } {
    const { linesStartAt1 = true, columnsStartAt1 = true } = this.client;
    return { line: linesStartAt1 ? 0 : 1, column: columnsStartAt1 ? 0 : 1 };
  }

  lineToClient(line: number): number {
    return line - this.#first.line;
  }

  columnToClient(column: number): number {
    return column - this.#first.column;
  }

  lineFromClient(line: number): number {
    return line + this.#first.line;
  }

  columnFromClient(column: number): number {
    return column + this.#first.column;
  }

  /** A number by which the client asks for a text that is no file. */
  virtualSource(source: VirtualSource): number {
    const known = this.#sources.get(source.name);
    if (known !== undefined) {
      this.#virtualSources[known - 1] = source;
      return known;
    }
    const number = this.#virtualSources.push(source);
    this.#sources.set(source.name, number);
    return number;
  }

  textOf(number: number): string {
    const source = this.#virtualSources[number - 1];
    if (source === undefined) {
      throw new UserError(`There is no source ${number}.`);
    }
    return source.text;
  }

  /** What a guest has printed, as text: a character may come in several parts. */
  decode(domain: number, bytes: Uint8Array): string {
    let decoder = this.#decoders.get(domain);
    if (decoder === undefined) {
      decoder = new TextDecoder('utf-8');
      this.#decoders.set(domain, decoder);
    }
    return decoder.decode(bytes, { stream: true });
  }

  output(category: 'console' | 'stdout' | 'stderr' | 'important', text: string): void {
    if (text !== '') {
      this.emit('output', { category, output: text });
    }
  }
}
