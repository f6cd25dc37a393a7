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
import { EBP, ESP, SEGMENTS, SS, segmentAddress } from '../state.ts';
import {
  changeableFlags,
  changeFlags,
  presentStack,
  pushAll,
  readStack,
  setPointer,
} from '../system/interrupts.ts';
import { linearOf, updateAlignmentCheck } from '../system/segmentation.ts';
import { loadSegmentRegister } from './move.ts';

const stackSegment = <V>(cpu: Semantics<V>): V => cpu.constant(segmentAddress(SS, 'selector'));

/** The stack pointer as an offset into the stack segment. */
const pointerOf = <V>(cpu: Semantics<V>): V =>
  cpu.isFlat ? cpu.register(ESP) : cpu.and(cpu.register(ESP), cpu.state('stackMask'));

const offsetFrom = <V>(cpu: Semantics<V>, pointer: V, by: V): V =>
  cpu.isFlat ? cpu.add(pointer, by) : cpu.and(cpu.add(pointer, by), cpu.state('stackMask'));

/** Sets the stack pointer to an offset: ESP, or SP only. */
function setPointerTo<V>(cpu: Semantics<V>, offset: V): void {
  if (cpu.isFlat) {
    cpu.setRegister(ESP, offset);
    return;
  }
  const mask = cpu.state('stackMask');
  const kept = cpu.and(cpu.register(ESP), cpu.xor(mask, cpu.constant(-1)));
  cpu.setRegister(ESP, cpu.or(kept, offset));
}

export function push<V>(cpu: Semantics<V>, value: V, size: Size, written: Size = size): void {
  const offset = offsetFrom(cpu, pointerOf(cpu), cpu.constant(-size));
  cpu.store(stackSegment(cpu), offset, value, written);
  setPointerTo(cpu, offset);
}

/** Reads the top of the stack; `release` then takes it (and `more` bytes) off. */
export function pop<V>(
  cpu: Semantics<V>,
  size: Size,
  read: Size = size,
): { value: V; release: (more?: V) => void } {
  const pointer = pointerOf(cpu);
  const value = cpu.load(stackSegment(cpu), pointer, read);
  const release = (more?: V): void => {
    const by = more === undefined ? cpu.constant(size) : cpu.add(more, cpu.constant(size));
    setPointerTo(cpu, offsetFrom(cpu, pointer, by));
  };
  return { value, release };
}

const wide = (size: Size): 2 | 4 => (size === 2 ? 2 : 4);

const pushAllRegisters = native('pushAllRegisters', (cpu, size: number) => {
  const { state } = cpu;
  const { eax, ecx, edx, ebx, esp, ebp, esi, edi } = state;
  const stack = presentStack(cpu);
  pushAll(cpu, stack, size, [eax, ecx, edx, ebx, esp, ebp, esi, edi], cpu.isUser, 0);
  state.esp = stack.pointer;
});

const popAllRegisters = native('popAllRegisters', (cpu, size: number) => {
  const { state } = cpu;
  const values = Array.from({ length: 8 }, (_, i) =>
    readStack(cpu, (state.esp + i * size) & state.stackMask, size),
  );
  const keep = size === 2 ? 0xffff_0000 : 0;
  const set = (
    register: 'edi' | 'esi' | 'ebp' | 'ebx' | 'edx' | 'ecx' | 'eax',
    i: number,
  ): void => {
    state[register] = ((state[register] & keep) | (values[i] as number)) >>> 0;
  };
  set('edi', 0);
  set('esi', 1);
  set('ebp', 2);
  set('ebx', 4);
  set('edx', 5);
  set('ecx', 6);
  set('eax', 7);
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
  const stack = presentStack(cpu);
  const first = (state.esp - size) & mask;
  const values = [state.ebp];
  for (let i = 1; i < level; i++) {
    values.push(readStack(cpu, (state.ebp - i * size) & mask, size));
  }
  if (level > 0) {
    values.push((state.esp & ~mask) | first);
  }
  pushAll(cpu, stack, size, values, cpu.isUser, 0);
  const end = (stack.pointer - bytes) & mask;
  touchStack(cpu, end >>> 0, size);
  setPointer(cpu, end);
  const keep = size === 2 ? 0xffff_0000 : 0;
  const frame = size === 2 ? first & 0xffff : ((state.ebp & ~mask) | first) >>> 0;
  state.ebp = ((state.ebp & keep) | frame) >>> 0;
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
      push(cpu, selector, wide(cpu.size), 2);
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
