/**
 * What instructions need beside random operands, so that more than their faults is tried: pointers
 * that point, counts that end, targets that are code.
 *
 * Each works on the mnemonic and the shape of the encoding. An instruction that has none is still
 * tried, with random registers and contents of memory.
 */

import type { Entry } from '../../../emulator/cpu/opcode-map.ts';
import { codeSelector, type Draft, dataSelector, ES } from './draft.ts';
import { baseOf, wordsOf } from './layout.ts';
import { EAX, EBX, ECX, EDI, EDX, ESI } from './register-numbers.ts';
import { type Dice, integer } from './values.ts';

export interface Arrangement {
  /** Before the instruction is written: pins registers. */
  before?(draft: Draft): void;
  /** When operands have their places: fills them. */
  after?(draft: Draft): void;
}

const little = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => (value >>> (8 * index)) & 0xff);

const wide = (draft: Draft): 2 | 4 => (draft.size === 2 ? 2 : 4);

/** Flags as a program may store them: without TF, whose trap would come after the case. */
function flagsImage(dice: Dice): number {
  return dice.uint32() & ~0x100;
}

function patchStack(draft: Draft, values: readonly number[], bytes: number): void {
  draft.patch(
    draft.stackTop,
    values.flatMap((value) => little(value, bytes)),
  );
}

const pointStack = (draft: Draft): void => draft.pointStack();

const indirect: Arrangement = {
  before: pointStack,
  after: (draft) => draft.setOperand(little(draft.codeTarget(), wide(draft))),
};

const farIndirect: Arrangement = {
  before: pointStack,
  after: (draft) => draft.setOperand(draft.farTarget(wide(draft))),
};

const nearReturn: Arrangement = {
  before: pointStack,
  after: (draft) => patchStack(draft, [draft.codeTarget()], wide(draft)),
};

const farReturn: Arrangement = {
  before: pointStack,
  after(draft) {
    const { dice } = draft;
    const selector = codeSelector(dice) | (dice.oneIn(4) ? 0 : 3);
    const eip = draft.codeTarget(baseOf(wordsOf(selector)));
    patchStack(draft, [eip, selector, flagsImage(dice)], wide(draft));
  },
};

const string: Arrangement = {
  before(draft) {
    const { dice } = draft;
    const bytes = dice.pick([1, 4, 16]);
    const source = draft.point(ESI, bytes, draft.sourceSegment);
    const target = draft.point(EDI, bytes, ES);
    draft.point(EBX, 200, draft.sourceSegment);
    const count = dice.oneIn(12) ? dice.below(400) : dice.below(20);
    const upper = draft.isAddress32 ? 0 : integer(dice, 32) & 0xffff_0000;
    if (draft.isRepeated) {
      draft.pin(ECX, upper | count);
    }
    // Equal elements, for comparisons that go on.
    const isEven = dice.oneIn(2);
    const some = Array.from({ length: 24 }, () => integer(dice, 8));
    const element = integer(dice, 32);
    const elements = Array.from({ length: 6 }, () => little(element, 4)).flat();
    draft.patch(source, isEven ? some : elements);
    draft.patch(target, isEven ? some : elements);
    if (!isEven) {
      draft.pin(EAX, element);
    }
  },
};

const counted: Arrangement = {
  before(draft) {
    const { dice } = draft;
    if (dice.oneIn(2)) {
      const upper = dice.oneIn(2) ? 0 : integer(dice, 32) & 0xffff_0000;
      draft.pin(ECX, upper | dice.below(4));
    }
  },
};

const shifted: Arrangement = {
  before(draft) {
    const { dice } = draft;
    if (dice.oneIn(2)) {
      draft.pin(ECX, (integer(dice, 32) & ~0xff) | dice.below(40));
    }
  },
};

/** A dividend whose quotient fits. */
const divided: Arrangement = {
  after(draft) {
    const { dice, registers } = draft;
    if (dice.oneIn(3)) {
      return;
    }
    const isSigned = draft.reg === 7 && dice.oneIn(2);
    if (draft.size === 1) {
      const low = (registers[EAX] as number) & 0xff;
      const high = isSigned ? (low & 0x80 ? 0xff : 0) : dice.below(8);
      setUnlessOperand(draft, EAX, (registers[EAX] as number & 0xffff_0000) | (high << 8) | low);
    } else {
      const sign = (registers[EAX] as number) >>> (8 * draft.size - 1);
      const high = isSigned ? -(sign & 1) : dice.below(64);
      setUnlessOperand(draft, EDX, high);
    }
  },
};

/** Sets a register that no address depends on. */
function setUnlessOperand(draft: Draft, register: number, value: number): void {
  if (!draft.isPinned(register)) {
    draft.registers[register] = value >>> 0;
  }
}

/** A register as bit offset reaches far beyond memory: mostly it should not. */
const bitTested: Arrangement = {
  before(draft) {
    const { dice } = draft;
    if (dice.oneIn(4)) {
      return;
    }
    draft.pin(draft.reg, dice.below(512) - 256);
  },
};

const compared: Arrangement = {
  after(draft) {
    if (draft.dice.oneIn(2)) {
      setUnlessOperand(draft, EAX, draft.operandValue());
    }
  },
};

const comparedEight: Arrangement = {
  after(draft) {
    if (draft.dice.oneIn(2)) {
      setUnlessOperand(draft, EAX, draft.operandValue());
      setUnlessOperand(draft, EDX, draft.operandValue(4));
    }
  },
};

const segmentLoad: Arrangement = {
  before: pointStack,
  after(draft) {
    const { dice } = draft;
    draft.setOperand(little(dataSelector(dice), draft.place?.kind === 'register' ? 4 : 2));
    patchStack(draft, [dataSelector(dice)], 4);
  },
};

const farLoad: Arrangement = {
  after: (draft) =>
    draft.setOperand([
      ...little(integer(draft.dice, 32), wide(draft)),
      ...little(dataSelector(draft.dice), 2),
    ]),
};

const selected: Arrangement = {
  after(draft) {
    const { dice } = draft;
    const selector = draft.reg < 4 ? dataSelector(dice) : codeSelector(dice);
    draft.setOperand(little(selector, 2));
  },
};

const bounded: Arrangement = {
  after(draft) {
    const { dice } = draft;
    const bytes = wide(draft);
    const bits = bytes === 2 ? 16 : 32;
    const bounds = [0, 1].map(() => (dice.oneIn(2) ? integer(dice, bits) : dice.below(400) - 200));
    draft.setOperand(bounds.sort((a, b) => a - b).flatMap((bound) => little(bound, bytes)));
    setUnlessOperand(draft, draft.reg, dice.oneIn(2) ? dice.below(400) - 200 : integer(dice, 32));
  },
};

const entered: Arrangement = {
  before: pointStack,
  after(draft) {
    const { dice } = draft;
    const bytes = dice.pick([0, 4, 8, 64, 4096, 0xffff, dice.below(0x1_0000)]);
    draft.setTail(bytes, 3);
    draft.setTail(dice.oneIn(2) ? 0 : dice.below(dice.oneIn(4) ? 256 : 4), 1);
  },
};

const interrupted: Arrangement = {
  after(draft) {
    if (draft.bytes.at(-2) === 0xcd && draft.dice.oneIn(4)) {
      draft.setTail(draft.dice.pick([3, 4, 0x80, 1, 8, 14]), 1);
    }
  },
};

const popped: Arrangement = {
  before: pointStack,
  after(draft) {
    if (draft.dice.oneIn(2)) {
      patchStack(draft, [integer(draft.dice, 32)], 4);
    }
  },
};

const flagsPopped: Arrangement = {
  before: pointStack,
  after: (draft) => patchStack(draft, [flagsImage(draft.dice)], 4),
};

const masked: Arrangement = {
  before(draft) {
    draft.point(EDI, 16, draft.sourceSegment);
  },
};

/** Reserved bits of MXCSR raise #GP(0): mostly there are none. */
const controlLoaded = (offset: number): Arrangement => ({
  after(draft) {
    const { dice, place } = draft;
    if (place?.kind === 'memory') {
      const value = dice.uint32() & (dice.oneIn(8) ? 0xffff_ffff : 0xffff);
      draft.patch(place.linear + offset, little(value, 4));
    }
  },
});

const plain: Arrangement = {};

/** By name, for instructions whose operands the encoding does not tell. */
const BY_MNEMONIC: Readonly<Record<string, Arrangement>> = {
  bound: bounded,
  bsf: plain,
  bsr: plain,
  cmpxchg: compared,
  cmpxchg8b: comparedEight,
  div: divided,
  enter: entered,
  fxrstor: controlLoaded(24),
  idiv: divided,
  int: interrupted,
  iret: farReturn,
  ldmxcsr: controlLoaded(0),
  maskmovdqu: masked,
  maskmovq: masked,
  popf: flagsPopped,
};

const JUMP_INDIRECT = [2, 4];
const JUMP_FAR = [3, 5];
const COUNTED = [0xe0, 0xe1, 0xe2, 0xe3];
const SHIFTS = [0xd2, 0xd3];

/** By opcode, for families that share a shape. */
function byOpcode(map: number, opcode: number, reg: number | undefined): Arrangement | undefined {
  if (map === 0) {
    switch (opcode) {
      case 0xff:
        return JUMP_INDIRECT.includes(reg ?? -1)
          ? indirect
          : JUMP_FAR.includes(reg ?? -1)
            ? farIndirect
            : undefined;
      case 0xc2:
      case 0xc3:
        return nearReturn;
      case 0xca:
      case 0xcb:
        return farReturn;
      case 0x8e:
      case 0x07:
      case 0x17:
      case 0x1f:
        return segmentLoad;
      case 0xc4:
      case 0xc5:
        return farLoad;
      default:
        return COUNTED.includes(opcode) ? counted : SHIFTS.includes(opcode) ? shifted : undefined;
    }
  }
  if (map !== 1) {
    return undefined;
  }
  switch (opcode) {
    case 0xa1:
    case 0xa9:
      return segmentLoad;
    case 0xb2:
    case 0xb4:
    case 0xb5:
      return farLoad;
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb:
      return bitTested;
    case 0xa5:
    case 0xad:
      return shifted;
    case 0x00:
    case 0x02:
    case 0x03:
      return selected;
    default:
      return undefined;
  }
}

/** Instructions that use the stack without saying so. */
const STACK_OPCODES = [0x60, 0x61, 0x9a, 0xc8, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xf1];
/** ins and outs. */
const PORT_STRINGS = [0x6c, 0x6d, 0x6e, 0x6f];

/** How to arrange the cases of an entry of the opcode map. */
export function arrangementOf({ instruction, encoding }: Entry): Arrangement {
  const { map, opcode, reg } = encoding;
  const special = BY_MNEMONIC[instruction.mnemonic] ?? byOpcode(map, opcode, reg);
  if (special !== undefined) {
    return special;
  }
  if (instruction.implicit === 'string' || (map === 0 && PORT_STRINGS.includes(opcode))) {
    return string;
  }
  const usesStack =
    instruction.implicit === 'stack' || (map === 0 && STACK_OPCODES.includes(opcode));
  return usesStack ? popped : plain;
}
