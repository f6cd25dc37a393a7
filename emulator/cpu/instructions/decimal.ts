/** Decimal adjustment (SDM 1 §5.1.3), from the operation sections of SDM 2. */

import { VECTOR } from '../exceptions.ts';
import { byteFlags, EFLAGS, setArithmeticFlags } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Processor } from '../processor.ts';

/** SF, ZF and PF of a byte, with CF and AF. OF, where undefined, is cleared. */
function setFlags(cpu: Processor, result: number, carry: boolean, adjust: boolean): void {
  const extra = (carry ? EFLAGS.carry : 0) | (adjust ? EFLAGS.adjust : 0);
  setArithmeticFlags(cpu.state, byteFlags(result) | extra);
}

const setAl = (cpu: Processor, value: number): void => {
  cpu.state.eax = ((cpu.state.eax & ~0xff) | (value & 0xff)) >>> 0;
};
const setAx = (cpu: Processor, value: number): void => {
  cpu.state.eax = ((cpu.state.eax & ~0xffff) | (value & 0xffff)) >>> 0;
};

const daa = native('daa', (cpu) => {
  const al = cpu.state.eax & 0xff;
  const { eflags } = cpu;
  const isLow = (al & 15) > 9 || (eflags & EFLAGS.adjust) !== 0;
  const isHigh = al > 0x99 || (eflags & EFLAGS.carry) !== 0;
  const result = al + (isLow ? 6 : 0) + (isHigh ? 0x60 : 0);
  setAl(cpu, result);
  setFlags(cpu, result, isHigh, isLow);
});

const das = native('das', (cpu) => {
  const al = cpu.state.eax & 0xff;
  const { eflags } = cpu;
  const isLow = (al & 15) > 9 || (eflags & EFLAGS.adjust) !== 0;
  const isHigh = al > 0x99 || (eflags & EFLAGS.carry) !== 0;
  const result = al - (isLow ? 6 : 0) - (isHigh ? 0x60 : 0);
  const borrows = isHigh || (isLow && al < 6);
  setAl(cpu, result);
  setFlags(cpu, result, borrows, isLow);
});

function adjustAscii(cpu: Processor, sign: 1 | -1): void {
  const ax = cpu.state.eax & 0xffff;
  const adjusts = (ax & 15) > 9 || (cpu.eflags & EFLAGS.adjust) !== 0;
  const result = adjusts ? ax + sign * 0x106 : ax;
  setAx(cpu, result & 0xff0f);
  setFlags(cpu, result & 0x0f, adjusts, adjusts);
}

const aaa = native('aaa', (cpu) => adjustAscii(cpu, 1));
const aas = native('aas', (cpu) => adjustAscii(cpu, -1));

const aam = native('aam', (cpu, base: number) => {
  if (base === 0) {
    cpu.fault(VECTOR.divide);
  }
  const al = cpu.state.eax & 0xff;
  setAx(cpu, (Math.floor(al / base) << 8) | (al % base));
  setFlags(cpu, al % base, false, false);
});

const aad = native('aad', (cpu, base: number) => {
  const ax = cpu.state.eax & 0xffff;
  const result = ((ax & 0xff) + (ax >>> 8) * base) & 0xff;
  setAx(cpu, result);
  setFlags(cpu, result, false, false);
});

const plain = (mnemonic: string, opcode: string, run: typeof daa): Instruction => ({
  mnemonic,
  encodings: [opcode],
  execute(cpu) {
    cpu.call(run);
  },
});

const withBase = (mnemonic: string, opcode: string, run: typeof daa): Instruction => ({
  mnemonic,
  encodings: [`${opcode} Ib`],
  execute(cpu, base: Operand) {
    cpu.call(run, cpu.read(base));
  },
});

export const decimal: readonly Instruction[] = [
  plain('daa', '27', daa),
  plain('das', '2F', das),
  plain('aaa', '37', aaa),
  plain('aas', '3F', aas),
  withBase('aam', 'D4', aam),
  withBase('aad', 'D5', aad),
];
