/** Data transfer (SDM 1 §5.1.1). */

import { VECTOR } from '../exceptions.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Size } from '../semantics.ts';
import { CS, DS, EAX, EDX, ES, FS, GS, SS, segmentAddress } from '../state.ts';
import { holdEvents } from '../system/interrupts.ts';
import { loadSegment } from '../system/segmentation.ts';

/** Loads a segment register; one that is SS holds off interrupts for an instruction. */
export const loadSegmentRegister = native('loadSegment', (cpu, index: number, selector: number) => {
  loadSegment(cpu, index, selector & 0xffff);
  if (index === SS) {
    holdEvents(cpu);
  }
});

const readSegmentRegister = native('readSegment', (cpu, index: number) => {
  if (index > GS) {
    cpu.fault(VECTOR.undefined);
  }
  return cpu.state.words[segmentAddress(index, 'selector') >>> 2];
});

function extendTo(mnemonic: string, opcode: string, from: 'b' | 'w', signed: boolean): Instruction {
  return {
    mnemonic,
    encodings: [`0F ${opcode} Gv,E${from} :v`],
    execute(cpu, target: Operand, source: Operand) {
      cpu.write(target, signed ? cpu.readSigned(source) : cpu.read(source));
    },
  };
}

/** lds and its like: offset and selector from memory, which are two accesses. */
function loadFar(mnemonic: string, encoding: string, segment: number): Instruction {
  return {
    mnemonic,
    encodings: [encoding],
    ends: true,
    execute(cpu, target: Operand, source: Operand) {
      const offset = cpu.read({ ...source, size: cpu.size });
      const selector = cpu.read({ ...source, size: 2 }, cpu.constant(cpu.size));
      cpu.call(loadFarSegment, cpu.constant(segment), selector);
      cpu.write(target, offset);
      cpu.jump(cpu.nextEip());
    },
  };
}

const loadFarSegment = native('loadFarSegment', (cpu, index: number, selector: number) => {
  loadSegment(cpu, index, selector & 0xffff);
});

const halfOf = (size: Size): Size => (size === 4 ? 2 : 1);

export const moves: readonly Instruction[] = [
  {
    mnemonic: 'mov',
    encodings: [
      ...['88 Eb,Gb', '89 Ev,Gv', '8A Gb,Eb', '8B Gv,Ev'],
      ...['A0 AL,Ob', 'A1 eAX,Ov', 'A2 Ob,AL', 'A3 Ov,eAX'],
      ...['B0+r Zb,Ib', 'B8+r Zv,Iz', 'C6 /0 Eb,Ib', 'C7 /0 Ev,Iz'],
    ],
    execute(cpu, target: Operand, source: Operand) {
      cpu.write(target, cpu.read(source));
    },
  },
  {
    mnemonic: 'mov',
    encodings: ['8C mem Ew,Sw :w', '8C reg Ev,Sw'],
    execute(cpu, target: Operand, source: Operand) {
      cpu.write(target, cpu.call(readSegmentRegister, cpu.number(source)));
    },
  },
  {
    mnemonic: 'mov',
    encodings: ['8E mem Sw,Ew :w', '8E reg Sw,Ev'],
    ends: true,
    execute(cpu, target: Operand, source: Operand) {
      const index = cpu.number(target);
      const isNone = cpu.ltu(cpu.constant(GS), index);
      cpu.faultIf(cpu.or(isNone, cpu.eq(index, cpu.constant(CS))), VECTOR.undefined);
      cpu.call(loadSegmentRegister, index, cpu.read(source));
      cpu.jump(cpu.nextEip());
    },
  },
  extendTo('movzx', 'B6', 'b', false),
  extendTo('movzx', 'B7', 'w', false),
  extendTo('movsx', 'BE', 'b', true),
  extendTo('movsx', 'BF', 'w', true),
  {
    mnemonic: 'lea',
    encodings: ['8D Gv,Mn'],
    execute(cpu, target: Operand, source: Operand) {
      cpu.write(target, cpu.address(source));
    },
  },
  {
    mnemonic: 'xchg',
    encodings: ['86 Eb,Gb', '87 Ev,Gv'],
    lockable: true,
    execute(cpu, target: Operand, source: Operand) {
      const b = cpu.read(source);
      const a = cpu.readForUpdate(target);
      cpu.write(target, b);
      cpu.write(source, a);
    },
  },
  {
    mnemonic: 'xchg',
    encodings: ['90+r Zv,eAX'],
    execute(cpu, target: Operand, source: Operand) {
      const b = cpu.read(source);
      const a = cpu.read(target);
      cpu.write(target, b);
      cpu.write(source, a);
    },
  },
  {
    mnemonic: 'cmovcc',
    encodings: ['0F 40+cc Gv,Ev'],
    execute(cpu, target: Operand, source: Operand) {
      const value = cpu.read(source);
      cpu.when(cpu.condition(cpu.cc), () => cpu.write(target, value));
    },
  },
  {
    mnemonic: 'bswap',
    encodings: ['0F C8+r Zv'],
    execute(cpu, target: Operand) {
      // With a 16-bit operand the result is undefined (SDM 2A, BSWAP); silicon stores 0.
      if (cpu.size === 2) {
        cpu.write(target, cpu.constant(0));
        return;
      }
      const value = cpu.read(target);
      const shift = (n: number) => cpu.constant(n);
      const outer = cpu.or(cpu.shl(value, shift(24)), cpu.shr(value, shift(24)));
      const second = cpu.shl(cpu.and(value, cpu.constant(0xff00)), shift(8));
      const third = cpu.and(cpu.shr(value, shift(8)), cpu.constant(0xff00));
      cpu.write(target, cpu.or(outer, cpu.or(second, third)));
    },
  },
  {
    mnemonic: 'cwde',
    encodings: ['98 :v'],
    execute(cpu) {
      const half = halfOf(cpu.size);
      cpu.setRegister(EAX, cpu.signExtend(cpu.register(EAX, half), half), cpu.size);
    },
  },
  {
    mnemonic: 'cdq',
    encodings: ['99 :v'],
    execute(cpu) {
      const value = cpu.signExtend(cpu.register(EAX, cpu.size), cpu.size);
      cpu.setRegister(EDX, cpu.sar(value, cpu.constant(31)), cpu.size);
    },
  },
  {
    mnemonic: 'xlat',
    encodings: ['D7 :b'],
    implicit: 'string',
    execute(cpu) {
      const index = cpu.zeroExtend(cpu.register(EAX, 1), 1);
      const offset = cpu.and(cpu.add(cpu.register(3), index), cpu.addressMask());
      cpu.setRegister(EAX, cpu.load(cpu.sourceSegment(), offset, 1), 1);
    },
  },
  loadFar('les', 'C4 Gv,Mp', ES),
  loadFar('lds', 'C5 Gv,Mp', DS),
  loadFar('lss', '0F B2 Gv,Mp', SS),
  loadFar('lfs', '0F B4 Gv,Mp', FS),
  loadFar('lgs', '0F B5 Gv,Mp', GS),
];
