/**
 * What a processor holds of the program that it runs: all registers, but not the count of retired
 * instructions nor the TLB.
 *
 * A hypervisor that runs several virtual processors on this one puts a context away and takes
 * another. Flags are put away in one form, so that equal contexts have equal words.
 */

import { arithmeticFlags, flagWords } from './flags.ts';
import type { Processor } from './processor.ts';
import { CONTEXT_WORDS, STATE, TRANSIENT, type WordName } from './state.ts';
import { updateControl } from './system/control-registers.ts';
import { setPrivilege, updateSegments } from './system/segmentation.ts';

export interface Context {
  readonly words: Uint32Array;
  /** Whether interrupts are held off until the next instruction has ended. */
  inShadow: boolean;
}

const FIRST = STATE.eax >>> 2;

/** Sets a word of a context by its name. */
export function setWord(context: Context, name: WordName, value: number): void {
  context.words[(STATE[name] >>> 2) - FIRST] = value;
}

/** The words of a context by name, to be read and written; what it is changes with it. */
export type ContextWords = Record<WordName, number>;

/** A context's words as if they were those of a processor. */
export function wordsOf({ words }: Context): ContextWords {
  const named = {} as ContextWords;
  for (const name of Object.keys(STATE) as WordName[]) {
    const index = (STATE[name] >>> 2) - FIRST;
    Object.defineProperty(named, name, {
      get: () => words[index] as number,
      set: (value: number) => {
        words[index] = value;
      },
    });
  }
  return named;
}

/** The present context of the processor, as a copy. */
export function saveContext(cpu: Processor): Context {
  const { state } = cpu;
  const words = state.words.slice(FIRST, FIRST + CONTEXT_WORDS);
  const context = { words, inShadow: state.shadow === state.retired };
  for (const [name, value] of Object.entries(canonical(cpu))) {
    setWord(context, name as WordName, value);
  }
  return context;
}

const canonical = ({ state }: Processor): Readonly<Partial<Record<WordName, number>>> => ({
  ...TRANSIENT,
  ...flagWords(arithmeticFlags(state)),
});

/**
 * Room for the present context of one processor, to be noted and perhaps taken up again before anything
 * else runs. Flags stay in the form that they have.
 */
export class ContextNote {
  readonly #cpu: Processor;
  readonly #live: Uint32Array;
  readonly #noted: { readonly words: Uint32Array; inShadow: boolean };

  constructor(cpu: Processor) {
    this.#cpu = cpu;
    this.#live = cpu.state.words.subarray(FIRST, FIRST + CONTEXT_WORDS);
    this.#noted = { words: new Uint32Array(CONTEXT_WORDS), inShadow: false };
  }

  /** Hot. */
  take(): void {
    const { state } = this.#cpu;
    this.#noted.words.set(this.#live);
    this.#noted.inShadow = state.shadow === state.retired;
  }

  /** Goes back to what was noted last. */
  load(): void {
    loadContext(this.#cpu, this.#noted);
  }
}

/** Goes on with a context. The TLB is emptied, since the address space is another. */
export function loadContext(cpu: Processor, context: Context): void {
  const { state } = cpu;
  const hadBreakpoints = state.dr7;
  state.words.set(context.words, FIRST);
  state.shadow = context.inShadow ? state.retired : -1;
  cpu.tlb.flush(false);
  cpu.forgetPlace();
  updateControl(cpu);
  setPrivilege(cpu, state.cpl);
  updateSegments(cpu);
  if ((hadBreakpoints | state.dr7) & 0xff) {
    cpu.debug.refresh();
    cpu.refreshBreakpoints();
  }
}
