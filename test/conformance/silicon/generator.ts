/**
 * Random cases over every instruction that user mode has.
 *
 * Everything comes from the opcode map: a new entry is tried without a word here. What a case
 * needs beyond chance, `arrangements.ts` knows.
 */

import type { Instruction } from '../../../emulator/cpu/instruction.ts';
import type { Entry, OpcodeMap } from '../../../emulator/cpu/opcode-map.ts';
import { type Arrangement, arrangementOf } from './arrangements.ts';
import { Draft } from './draft.ts';
import { isForSilicon } from './exclusions.ts';
import { Dice, f32, f64, f80, integer, integer64, packedDecimal } from './values.ts';
import { FXSAVE, FXSAVE_BYTES, type Mode, type SiliconCase } from './wire.ts';

export interface GeneratedCase extends SiliconCase {
  readonly entry: Entry;
}

/** Which instructions are tried, by mnemonic; the condition of jcc and its like is not part of it. */
export interface Selection {
  readonly only?: string;
  readonly skip?: string;
}

const POOL = 2048;

/** Floating-point numbers, made once: their making is slow. */
class Pool {
  readonly #numbers: readonly Uint8Array[];
  readonly #dice: Dice;

  constructor(dice: Dice, make: (dice: Dice) => Uint8Array) {
    this.#dice = dice;
    this.#numbers = Array.from({ length: POOL }, () => make(dice));
  }

  next(): Uint8Array {
    return this.#numbers[this.#dice.below(POOL)] as Uint8Array;
  }
}

interface Subject {
  readonly entry: Entry;
  readonly arrangement: Arrangement;
}

export class CaseGenerator {
  readonly entries: readonly Entry[];
  readonly #subjects: readonly Subject[];
  readonly #dice: Dice;
  readonly #single: Pool;
  readonly #double: Pool;
  readonly #extended: Pool;
  readonly #decimal: Pool;

  constructor(map: OpcodeMap, seed: number, { only, skip }: Selection = {}) {
    this.#dice = new Dice(seed);
    this.entries = map.entries.filter(
      (entry) =>
        isForSilicon(entry) &&
        (only === undefined || names(entry, only)) &&
        !(skip !== undefined && names(entry, skip)),
    );
    this.#subjects = this.entries.map((entry) => ({ entry, arrangement: arrangementOf(entry) }));
    this.#single = new Pool(this.#dice, f32);
    this.#double = new Pool(this.#dice, f64);
    this.#extended = new Pool(this.#dice, f80);
    this.#decimal = new Pool(this.#dice, packedDecimal);
  }

  *cases(count: number): Generator<GeneratedCase> {
    for (let index = 0; index < count; index++) {
      const subject = this.#subjects[this.#dice.below(this.#subjects.length)];
      if (subject === undefined) {
        return;
      }
      yield this.caseOf(subject.entry, subject.arrangement);
    }
  }

  caseOf(entry: Entry, arrangement = arrangementOf(entry)): GeneratedCase {
    const dice = this.#dice;
    const isFar = leavesSegments(entry);
    const isStepped = dice.oneIn(20) && !isFar && !leavesStepping(entry);
    const draft = new Draft(dice, entry, {
      usesLdt: dice.oneIn(isFar ? 2 : 12),
      isAlone: isStepped,
    });
    arrangement.before?.(draft);
    draft.encode((bytes) => this.#contents(entry, bytes));
    arrangement.after?.(draft);
    if (asksAboutHost(draft)) {
      return this.caseOf(entry, arrangement);
    }
    draft.finish();
    const code = draft.code();
    const isSlow = draft.segments !== undefined || isFar || !draft.hasRoomBehind;
    const mode: Mode = isStepped ? 'step' : isSlow ? 'run' : 'fast';
    const extra = mode === 'fast' && dice.oneIn(8) ? dice.uint32() & NT_AND_ID : 0;
    return {
      entry,
      mode,
      code,
      codeAddress: draft.codeAddress,
      eip: draft.eip,
      registers: draft.registers,
      eflags: draft.eflags | extra,
      ...(draft.segments && { segments: draft.segments }),
      memory: draft.memory,
      ...(unitOf(entry) && { fxsave: this.#fxsave(entry) }),
    };
  }

  /** What an operand in memory holds. */
  #contents({ instruction: { unit } }: Entry, bytes: number): ArrayLike<number> {
    const dice = this.#dice;
    if (unit === undefined || unit === 'mmx' || dice.oneIn(4)) {
      return Array.from({ length: Math.min(bytes, 192) }, () => integer(dice, 8));
    }
    const contents = new Uint8Array(Math.min(bytes, 192));
    if (unit === 'x87' && bytes === 10) {
      return dice.oneIn(2) ? this.#extended.next() : this.#decimal.next();
    }
    if (unit === 'x87' && bytes === 8 && dice.oneIn(2)) {
      return integer64(dice);
    }
    if (bytes === 2) {
      const word = integer(dice, 16);
      return [word & 0xff, word >>> 8];
    }
    this.#fill(contents, bytes === 8 && unit === 'x87' ? this.#double : undefined);
    return contents;
  }

  /** Fills with singles or doubles. */
  #fill(target: Uint8Array, pool = this.#dice.oneIn(4) ? this.#double : this.#single): void {
    for (let at = 0; at < target.length; ) {
      const number = pool.next();
      target.set(number.subarray(0, target.length - at), at);
      at += number.length;
    }
  }

  #fxsave(entry: Entry): Uint8Array {
    const dice = this.#dice;
    const unit = unitOf(entry);
    const image = new Uint8Array(FXSAVE_BYTES);
    const view = new DataView(image.buffer);
    const masks = dice.oneIn(2) ? ALL_MASKED : dice.below(64);
    const flags = dice.oneIn(2) ? 0 : dice.below(64);
    const isPending = dice.oneIn(8);
    view.setUint16(FXSAVE.control, masks | 0x40 | ((dice.below(64) << 8) & 0x1f00), true);
    view.setUint16(FXSAVE.status, this.#status(isPending ? flags : flags & masks, masks), true);
    image[FXSAVE.tags] = unit === 'x87' && dice.oneIn(2) ? dice.below(256) : 0xff;
    view.setUint16(FXSAVE.opcode, dice.below(0x800), true);
    view.setUint32(FXSAVE.instruction, dice.uint32(), true);
    view.setUint32(FXSAVE.operand, dice.uint32(), true);
    const sseMasks = dice.oneIn(2) ? ALL_MASKED : dice.below(64);
    const mode = (dice.below(8) << 13) | (dice.oneIn(4) ? 0x40 : 0);
    const sseFlags = dice.oneIn(2) ? 0 : dice.below(64);
    view.setUint32(FXSAVE.mxcsr, mode | (sseMasks << 7) | sseFlags, true);
    for (let number = 0; number < 8; number++) {
      image.set(this.#stackRegister(unit === 'mmx'), FXSAVE.stack + 16 * number);
    }
    if (unit === 'sse') {
      this.#fillVectors(image.subarray(FXSAVE.vectors));
    }
    return image;
  }

  #status(flags: number, masks: number): number {
    const dice = this.#dice;
    const summary = flags & ~masks ? 0x8080 : 0;
    const stackFault = flags & 1 && dice.oneIn(3) ? 0x40 : 0;
    return summary | stackFault | flags | (dice.uint32() & 0x7f00);
  }

  #stackRegister(isMmx: boolean): Uint8Array {
    const dice = this.#dice;
    if (!isMmx || dice.oneIn(4)) {
      return this.#extended.next();
    }
    return Uint8Array.from({ length: 10 }, () => integer(dice, 8));
  }

  #fillVectors(vectors: Uint8Array): void {
    for (let at = 0; at < vectors.length; at += 16) {
      const vector = vectors.subarray(at, at + 16);
      if (this.#dice.oneIn(8)) {
        vector.set(Array.from(vector, () => integer(this.#dice, 8)));
      } else {
        this.#fill(vector);
      }
    }
  }
}

const ALL_MASKED = 0x3f;
const NT_AND_ID = 0x20_4000;

function names({ instruction }: Entry, wanted: string): boolean {
  return wanted.split(',').includes(instruction.mnemonic);
}

const LAR_AND_LSL = [0x02, 0x03];
/** The host's TSS and LDT, and the segment whose limit is the number of the CPU. */
const HOST_SEGMENTS = [0x40, 0x50, 0x78];

/** Whether lar or lsl would tell of a descriptor that only the host has. */
function asksAboutHost(draft: Draft): boolean {
  const { map, opcode } = draft.entry.encoding;
  return (
    map === 1 &&
    LAR_AND_LSL.includes(opcode) &&
    HOST_SEGMENTS.includes(draft.operandValue() & 0xfffc)
  );
}

/**
 * Whether the instruction can change CS, SS or DS: after the first two only a signal ends the
 * case, after the last the harness begins anew with one.
 */
function leavesSegments({ encoding }: Entry): boolean {
  const { map, opcode, reg } = encoding;
  if (map === 1) {
    return opcode === 0xb2; // lss
  }
  const isFarIndirect = opcode === 0xff && (reg === 3 || reg === 5);
  return map === 0 && (FAR.includes(opcode) || isFarIndirect);
}

/** pop ss and ds, mov Sreg, lds, far call, jump and returns, iret; popf may set TF. */
const FAR = [0x17, 0x1f, 0x8e, 0x9a, 0x9d, 0xc5, 0xca, 0xcb, 0xcf, 0xea];

/** int in its forms: TF is cleared on the way to the handler, and no trap follows. */
function leavesStepping({ encoding }: Entry): boolean {
  return encoding.map === 0 && [0xcc, 0xcd, 0xce, 0xf1].includes(encoding.opcode);
}

/** What a case has of the FPU: fwait looks at it without being of its unit. */
function unitOf({ instruction, encoding }: Entry): Instruction['unit'] {
  return encoding.map === 0 && encoding.opcode === 0x9b ? 'x87' : instruction.unit;
}
