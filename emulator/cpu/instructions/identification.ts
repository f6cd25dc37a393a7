/** CPUID, hints, and instructions that are there to be undefined (SDM 1 §5.1.13, §5.20). */

import { cpuid } from '../cpuid.ts';
import { VECTOR } from '../exceptions.ts';
import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import { checkReach } from '../system/segmentation.ts';

const identify = native('identify', (cpu) => {
  const { state, environment } = cpu;
  const { eax, ecx } = state;
  Object.assign(state, environment.cpuid(eax, ecx) ?? cpuid(eax, ecx));
});

/** The operand says where, but nothing is accessed. */
const hint = (mnemonic: string, ...encodings: string[]): Instruction => ({
  mnemonic,
  encodings,
  execute() {},
});

const undefinedInstruction = (mnemonic: string, encoding: string): Instruction => ({
  mnemonic,
  encodings: [encoding],
  ends: true,
  execute: (cpu) => cpu.faultIf(cpu.constant(1), VECTOR.undefined),
});

/** Code that may only be executed may be flushed too (SDM 2A, CLFLUSH). */
const reachLine = native('reachLine', (cpu, segment: number, offset: number, linear: number) => {
  checkReach(cpu, segment, offset >>> 0, 1);
  cpu.readLinear(linear >>> 0, 1);
});

export const identification: readonly Instruction[] = [
  {
    mnemonic: 'cpuid',
    encodings: ['0F A2'],
    execute(cpu) {
      cpu.call(identify);
    },
  },
  hint('prefetchnta', '0F 18 /0 Mb'),
  hint('prefetcht0', '0F 18 /1 Mb'),
  hint('prefetcht1', '0F 18 /2 Mb'),
  hint('prefetcht2', '0F 18 /3 Mb'),
  hint('prefetchw', '0F 0D /1 Mb'),
  hint('nop', '0F 0D Ev', ...['18', '19', '1A', '1B', '1C', '1D', '1E'].map((b) => `0F ${b} Ev`)),
  hint('endbr64', 'F3 0F 1E [FA]'),
  hint('endbr32', 'F3 0F 1E [FB]'),
  undefinedInstruction('ud0', '0F FF Gv,Ev'),
  undefinedInstruction('ud1', '0F B9 Gv,Ev'),
  {
    mnemonic: 'movnti',
    encodings: ['NP 0F C3 Md,Gd'],
    execute: (cpu, target: Operand, source: Operand) => cpu.write(target, cpu.read(source)),
  },
  {
    mnemonic: 'clflush',
    encodings: ['NP 0F AE /7 Mb'],
    // Caches cannot be seen, but it faults as a read does (SDM 2A, CLFLUSH).
    execute(cpu, line: Operand) {
      if (line.kind === 'segmented') {
        cpu.call(reachLine, cpu.segmentOf(line), cpu.address(line), cpu.linear(line));
      } else {
        cpu.read(line);
      }
    },
  },
];
