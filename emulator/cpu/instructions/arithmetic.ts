/** Addition, subtraction and comparison (SDM 1 §5.1.2). */

import { EFLAGS, setFlagBits } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Semantics } from '../semantics.ts';
import { EAX } from '../state.ts';

/** The six encodings that each of the eight classic operations has. */
export function classicEncodings(opcode: number, digit: number): readonly string[] {
  const at = (offset: number): string =>
    (opcode + offset).toString(16).toUpperCase().padStart(2, '0');
  return [
    `${at(0)} Eb,Gb`,
    `${at(1)} Ev,Gv`,
    `${at(2)} Gb,Eb`,
    `${at(3)} Gv,Ev`,
    `${at(4)} AL,Ib`,
    `${at(5)} eAX,Iz`,
    `80 /${digit} Eb,Ib`,
    `81 /${digit} Ev,Iz`,
    `82 /${digit} Eb,Ib`,
    `83 /${digit} Ev,Ibs`,
  ];
}

function addition(
  mnemonic: string,
  opcode: number,
  digit: number,
  origin: 'add' | 'sub' | 'adc' | 'sbb',
): Instruction {
  const operation = origin === 'add' || origin === 'adc' ? 'add' : 'sub';
  return {
    mnemonic,
    encodings: classicEncodings(opcode, digit),
    lockable: true,
    execute(cpu, target: Operand, source: Operand) {
      const b = cpu.read(source);
      const a = cpu.readForUpdate(target);
      const plain = cpu[operation](a, b);
      const result =
        origin === 'add' || origin === 'sub' ? plain : cpu[operation](plain, cpu.carry());
      cpu.write(target, result);
      cpu.setFlags(origin, a, b, result);
    },
  };
}

function counting(
  mnemonic: string,
  encodings: readonly string[],
  operation: 'add' | 'sub',
): Instruction {
  return {
    mnemonic,
    encodings,
    lockable: true,
    execute(cpu, target: Operand) {
      const a = cpu.readForUpdate(target);
      const one = cpu.constant(1);
      const result = cpu[operation](a, one);
      cpu.write(target, result);
      cpu.setFlagsKeepingCarry(operation, a, one, result);
    },
  };
}

function compareExchange<V>(cpu: Semantics<V>, target: Operand, source: Operand): void {
  const value = cpu.read(source);
  const old = cpu.readForUpdate(target);
  const expected = cpu.register(EAX, cpu.size);
  const isSame = cpu.eq(old, expected);
  cpu.when(
    isSame,
    () => cpu.write(target, value),
    () => {
      cpu.write(target, old); // The bus always sees a write (SDM 2A, CMPXCHG).
      cpu.setRegister(EAX, old, cpu.size);
    },
  );
  cpu.setFlags('sub', expected, old, cpu.sub(expected, old));
}

const compareExchange8 = native('compareExchange8', (cpu, pointer: number) => {
  const { state } = cpu;
  const at = pointer >>> 0;
  const low = cpu.access.valueAt(at, 4);
  const high = cpu.access.valueAt(at + 4, 4);
  const isSame = low === state.eax && high === state.edx;
  if (isSame) {
    cpu.access.setValueAt(at, 4, state.ebx);
    cpu.access.setValueAt(at + 4, 4, state.ecx);
  } else {
    state.eax = low;
    state.edx = high;
  }
  setFlagBits(state, EFLAGS.zero, isSame ? EFLAGS.zero : 0);
});

export const arithmetic: readonly Instruction[] = [
  addition('add', 0x00, 0, 'add'),
  addition('adc', 0x10, 2, 'adc'),
  addition('sbb', 0x18, 3, 'sbb'),
  addition('sub', 0x28, 5, 'sub'),
  {
    mnemonic: 'cmp',
    encodings: classicEncodings(0x38, 7),
    execute(cpu, left: Operand, right: Operand) {
      const b = cpu.read(right);
      const a = cpu.read(left);
      cpu.setFlags('sub', a, b, cpu.sub(a, b));
    },
  },
  counting('inc', ['40+r Zv', 'FE /0 Eb', 'FF /0 Ev'], 'add'),
  counting('dec', ['48+r Zv', 'FE /1 Eb', 'FF /1 Ev'], 'sub'),
  {
    mnemonic: 'neg',
    encodings: ['F6 /3 Eb', 'F7 /3 Ev'],
    lockable: true,
    execute(cpu, target: Operand) {
      const b = cpu.readForUpdate(target);
      const zero = cpu.constant(0);
      const result = cpu.sub(zero, b);
      cpu.write(target, result);
      cpu.setFlags('sub', zero, b, result);
    },
  },
  {
    mnemonic: 'xadd',
    encodings: ['0F C0 Eb,Gb', '0F C1 Ev,Gv'],
    lockable: true,
    execute(cpu, target: Operand, source: Operand) {
      const b = cpu.read(source);
      const a = cpu.readForUpdate(target);
      const sum = cpu.add(a, b);
      if (target.kind === 'register') {
        cpu.write(source, a); // With one register as both the sum wins.
        cpu.write(target, sum);
      } else {
        cpu.write(target, sum);
        cpu.write(source, a);
      }
      cpu.setFlags('add', a, b, sum);
    },
  },
  {
    mnemonic: 'cmpxchg',
    encodings: ['0F B0 Eb,Gb', '0F B1 Ev,Gv'],
    lockable: true,
    execute: compareExchange,
  },
  {
    mnemonic: 'cmpxchg8b',
    encodings: ['0F C7 /1 Mq'],
    lockable: true,
    execute(cpu, target: Operand) {
      const pointer = cpu.pointer(target, 'update');
      cpu.call(compareExchange8, pointer);
      cpu.commit(target);
    },
  },
];
