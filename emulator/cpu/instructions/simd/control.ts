/** MXCSR, fences and hints about caches (SDM 1 §10.4.6, §11.4.4). */

import { VECTOR } from '../../exceptions.ts';
import { MXCSR_BITS } from '../../fpu/environment.ts';
import type { Instruction } from '../../instruction.ts';
import { native } from '../../native.ts';
import type { Operand } from '../../operand.ts';

const emptyTags = native('emms', (cpu) => {
  cpu.state.fpuTags = 0;
  cpu.state.fpuStatus &= ~0x3800;
});

/** One machine executes in order and has no caches that could be seen. */
const nothing = (mnemonic: string, ...encodings: string[]): Instruction => ({
  mnemonic,
  encodings,
  execute() {},
});

export const vectorControl: readonly Instruction[] = [
  {
    mnemonic: 'emms',
    encodings: ['NP 0F 77'],
    unit: 'mmx',
    execute: (cpu) => cpu.call(emptyTags),
  },
  {
    mnemonic: 'ldmxcsr',
    encodings: ['NP 0F AE /2 Md'],
    unit: 'sse',
    execute(cpu, source: Operand) {
      const word = cpu.read(source);
      cpu.faultIf(cpu.and(word, cpu.constant(~MXCSR_BITS)), VECTOR.protection, 0);
      cpu.setState('mxcsr', word);
    },
  },
  {
    mnemonic: 'stmxcsr',
    encodings: ['NP 0F AE /3 Md'],
    unit: 'sse',
    execute: (cpu, target: Operand) => cpu.write(target, cpu.state('mxcsr')),
  },
  nothing('lfence', 'NP 0F AE [E8+i]'),
  nothing('mfence', 'NP 0F AE [F0+i]'),
  nothing('sfence', 'NP 0F AE [F8+i]'),
];
