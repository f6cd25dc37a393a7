/**
 * The stack (SDM 1 §6.2).
 *
 * The flat forms know that SS begins at 0 and that the stack pointer is ESP; the general ones
 * wrap SP in a 16-bit stack segment and check its limit.
 */

import { EFLAGS, eflagsOf } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Processor } from '../processor.ts';
import type { Semantics, Size } from '../semantics.ts';
import { EBP, ESP, SEGMENTS, SS, STATE, segmentAddress } from '../state.ts';
import { changeableFlags, changeFlags } from '../system/interrupts.ts';
import { linearOf, updateAlignmentCheck, writeSegmented } from '../system/segmentation.ts';
import { readStack, setPointer, stackWord } from '../system/stack-frame.ts';
import { loadSegmentRegister } from './move.ts';

const stackSegment = <V>(cpu: Semantics<V>): V => cpu.constant(segmentAddress(SS, 'selector'));

const stackMaskOf = <V>(cpu: Semantics<V>): V =>
  cpu.isFlat ? cpu.constant(-1) : cpu.state('stackMask');

/** The stack pointer as an offset into the stack segment. */
const pointerOf = <V>(cpu: Semantics<V>): V =>
  cpu.isFlat ? cpu.register(ESP) : cpu.and(cpu.register(ESP), cpu.state('stackMask'));

const offsetFrom = <V>(cpu: Semantics<V>, pointer: V, by: V, mask = stackMaskOf(cpu)): V =>
  cpu.isFlat ? cpu.add(pointer, by) : cpu.and(cpu.add(pointer, by), mask);

/** Sets the stack pointer to an offset: ESP, or SP only. */
function setPointerTo<V>(cpu: Semantics<V>, offset: V, mask = stackMaskOf(cpu)): void {
  if (cpu.isFlat) {
    cpu.setRegister(ESP, offset);
    return;
  }
  const kept = cpu.and(cpu.register(ESP), cpu.xor(mask, cpu.constant(-1)));
  cpu.setRegister(ESP, cpu.or(kept, offset));
}

/** @param check comes after the value has been stored and before the pointer moves */
export function push<V>(cpu: Semantics<V>, value: V, size: Size, check?: () => void): void {
  pushPart(cpu, value, size, size, check);
}

/** Pushes a word of which only the low bytes are written. */
function pushPart<V>(
  cpu: Semantics<V>,
  value: V,
  size: Size,
  written: Size,
  check?: () => void,
): void {
  const offset = offsetFrom(cpu, pointerOf(cpu), cpu.constant(-size));
  cpu.store(stackSegment(cpu), offset, value, written);
  check?.();
  setPointerTo(cpu, offset);
}

/** Reads the top of the stack; `release` then takes it (and `more` bytes) off. */
export function pop<V>(
  cpu: Semantics<V>,
  size: Size,
  read: Size = size,
): { value: V; release: (more?: V) => void } {
  const pointer = pointerOf(cpu);
  // Of the stack that is popped from: pop ss makes another one the stack.
  const mask = stackMaskOf(cpu);
  const value = cpu.load(stackSegment(cpu), pointer, read);
  const release = (more?: V): void => {
    const by = more === undefined ? cpu.constant(size) : cpu.add(more, cpu.constant(size));
    setPointerTo(cpu, offsetFrom(cpu, pointer, by, mask), mask);
  };
  return { value, release };
}

const wide = (size: Size): 2 | 4 => (size === 2 ? 2 : 4);

/** A fault leaves ESP as it was, but what has been stored by then stays. */
const pushAllRegisters = native('pushAllRegisters', (cpu, size: number) => {
  const { eax, ecx, edx, ebx, esp, ebp, esi, edi, stackMask } = cpu.state;
  let offset = esp;
  for (const value of [eax, ecx, edx, ebx, esp, ebp, esi, edi]) {
    offset = ((offset - size) & stackMask) >>> 0;
    writeSegmented(cpu, STATE.ssSelector, offset, size, value);
  }
  setPointer(cpu, offset);
});

/** The image of ESP is read, not loaded. */
const POPPED = ['edi', 'esi', 'ebp', undefined, 'ebx', 'edx', 'ecx', 'eax'] as const;

/** Silicon keeps the registers that it popped before a fault; ESP is loaded last. */
const popAllRegisters = native('popAllRegisters', (cpu, size: number) => {
  const { state } = cpu;
  const keep = size === 2 ? 0xffff_0000 : 0;
  POPPED.forEach((register, i) => {
    const value = stackWord(cpu, i, size);
    if (register !== undefined) {
      state[register] = ((state[register] & keep) | value) >>> 0;
    }
  });
  setPointer(cpu, state.esp + 8 * size);
});

/** VM and RF are not in the image (SDM 2B, PUSHF). */
const flagsImage = native(
  'flagsImage',
  (cpu) => eflagsOf(cpu.state) & ~(EFLAGS.resume | EFLAGS.virtual8086),
);

const setFlagsImage = native('setFlagsImage', (cpu, value: number, size: number) => {
  changeFlags(cpu, value, changeableFlags(cpu, size) | (size === 4 ? EFLAGS.resume : 0));
  if (size === 4) {
    cpu.state.systemFlags = (cpu.state.systemFlags & ~EFLAGS.resume) >>> 0;
  }
  updateAlignmentCheck(cpu);
});

/** ENTER (SDM 2A): pushes outer frame pointers for nested procedures. */
const enterFrame = native('enterFrame', (cpu, bytes: number, nesting: number, size: number) => {
  const { state } = cpu;
  const level = nesting & 31;
  const mask = state.stackMask;
  let pointer = state.esp;
  // As with pusha, what has been stored before a fault stays.
  const pushWord = (value: number): void => {
    pointer = ((pointer & ~mask) | ((pointer - size) & mask)) >>> 0;
    writeSegmented(cpu, STATE.ssSelector, pointer & mask, size, value);
  };
  pushWord(state.ebp);
  const frame = pointer;
  for (let i = 1; i < level; i++) {
    pushWord(readStack(cpu, (state.ebp - i * size) & mask, size));
  }
  if (level > 0) {
    pushWord(frame);
  }
  const end = (pointer - bytes) & mask;
  touchStack(cpu, end >>> 0, size);
  setPointer(cpu, end);
  const keep = size === 2 ? 0xffff_0000 : 0;
  // With 32-bit operands all of ESP goes to EBP, whatever the size of the stack: so does silicon.
  state.ebp = ((state.ebp & keep) | (size === 2 ? frame & 0xffff : frame)) >>> 0;
});

/** The last stack word must be writable (SDM 2A, ENTER: #SS, #PF). */
function touchStack(cpu: Processor, offset: number, size: number): void {
  const at = linearOf(cpu, segmentAddress(SS, 'selector'), offset, size, true);
  cpu.probeWrite(at, size);
}

function segmentStack(
  name: string,
  index: number,
  pushCode: string,
  popCode: string,
): Instruction[] {
  const pushing: Instruction = {
    mnemonic: 'push',
    encodings: [`${pushCode} ${name} :v`],
    implicit: 'stack',
    execute(cpu) {
      const selector = cpu.state(`${SEGMENTS[index] as (typeof SEGMENTS)[number]}Selector`);
      // Only 16 bits are written, the upper half keeps what it was (SDM 2B, PUSH).
      pushPart(cpu, selector, wide(cpu.size), 2);
    },
  };
  const popping: Instruction = {
    mnemonic: 'pop',
    encodings: [`${popCode} ${name} :v`],
    implicit: 'stack',
    ends: true,
    execute(cpu) {
      const { value, release } = pop(cpu, wide(cpu.size), 2);
      cpu.call(loadSegmentRegister, cpu.constant(index), value);
      release();
      cpu.jump(cpu.nextEip());
    },
  };
  return name === 'CS' ? [pushing] : [pushing, popping];
}

export const stack: readonly Instruction[] = [
  {
    mnemonic: 'push',
    encodings: ['50+r Zv', '68 Iz', '6A Ibs :v', 'FF /6 Ev'],
    implicit: 'stack',
    execute(cpu, source: Operand) {
      push(cpu, cpu.read(source), wide(cpu.size));
    },
  },
  {
    mnemonic: 'pop',
    encodings: ['58+r Zv', '8F /0 Ev'],
    implicit: 'stack',
    execute(cpu, target: Operand) {
      const size = wide(cpu.size);
      const { value, release } = pop(cpu, size);
      if (target.kind === 'register') {
        release();
        cpu.write(target, value);
      } else {
        // An address based on ESP is worked out after the pop (SDM 2B, POP), which the fault must not see.
        const shift = cpu.mul(cpu.usesStackPointer(target), cpu.constant(size));
        cpu.write(target, value, shift);
        release();
      }
    },
  },
  ...segmentStack('ES', 0, '06', '07'),
  ...segmentStack('CS', 1, '0E', ''),
  ...segmentStack('SS', 2, '16', '17'),
  ...segmentStack('DS', 3, '1E', '1F'),
  ...segmentStack('FS', 4, '0F A0', '0F A1'),
  ...segmentStack('GS', 5, '0F A8', '0F A9'),
  {
    mnemonic: 'pusha',
    encodings: ['60 :v'],
    execute(cpu) {
      cpu.call(pushAllRegisters, cpu.constant(cpu.size));
    },
  },
  {
    mnemonic: 'popa',
    encodings: ['61 :v'],
    execute(cpu) {
      cpu.call(popAllRegisters, cpu.constant(cpu.size));
    },
  },
  {
    mnemonic: 'pushf',
    encodings: ['9C :v'],
    implicit: 'stack',
    execute(cpu) {
      push(cpu, cpu.call(flagsImage), wide(cpu.size));
    },
  },
  {
    mnemonic: 'popf',
    encodings: ['9D :v'],
    implicit: 'stack',
    execute(cpu) {
      const { value, release } = pop(cpu, wide(cpu.size));
      cpu.call(setFlagsImage, value, cpu.constant(cpu.size));
      release();
    },
  },
  {
    mnemonic: 'enter',
    encodings: ['C8 Iw,Ib :v'],
    execute(cpu, bytes: Operand, nesting: Operand) {
      cpu.call(enterFrame, cpu.read(bytes), cpu.read(nesting), cpu.constant(cpu.size));
    },
  },
  {
    mnemonic: 'leave',
    encodings: ['C9 :v'],
    implicit: 'stack',
    execute(cpu) {
      const size = wide(cpu.size);
      const frame = cpu.isFlat
        ? cpu.register(EBP)
        : cpu.and(cpu.register(EBP), cpu.state('stackMask'));
      const value = cpu.load(stackSegment(cpu), frame, size);
      setPointerTo(cpu, offsetFrom(cpu, frame, cpu.constant(size)));
      cpu.setRegister(EBP, value, size);
    },
  },
];
