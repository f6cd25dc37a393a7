/** Ports (SDM 1 chapter 19). */

import type { Instruction } from '../instruction.ts';
import { native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Semantics } from '../semantics.ts';
import { ECX, EDI, EDX, ES, ESI, segmentAddress } from '../state.ts';
import { checkPort, readPort, readPortTo, writePort } from '../system/input-output.ts';
import { advance, again, encodingsOf, indexOf, setIndex } from './string.ts';

const inPort = native('inPort', (cpu, port: number, size: number) =>
  checkPort(cpu, port, size) ? readPort(cpu, port, size) : 0,
);

const outPort = native('outPort', (cpu, port: number, size: number, value: number) => {
  if (checkPort(cpu, port, size)) {
    writePort(cpu, port, size, value >>> 0);
  }
});

const allowPort = native('allowPort', (cpu, port: number, size: number) => {
  checkPort(cpu, port, size);
});

const inString = native('inString', (cpu, segment: number, offset: number, size: number) => {
  readPortTo(cpu, cpu.state.edx & 0xffff, segment, offset >>> 0, size);
});

const outString = native('outString', (cpu, size: number, value: number) => {
  writePort(cpu, cpu.state.edx & 0xffff, size, value >>> 0);
});

interface PortString {
  readonly opcode: number;
  readonly register: number;
  run<V>(cpu: Semantics<V>): void;
}

const strings: Readonly<Record<string, PortString>> = {
  ins: {
    opcode: 0x6c,
    register: EDI,
    run(cpu) {
      const segment = cpu.constant(segmentAddress(ES, 'selector'));
      cpu.call(inString, segment, indexOf(cpu, EDI), cpu.constant(cpu.size));
    },
  },
  outs: {
    opcode: 0x6e,
    register: ESI,
    run(cpu) {
      const value = cpu.load(cpu.sourceSegment(), indexOf(cpu, ESI), cpu.size);
      cpu.call(outString, cpu.constant(cpu.size), value);
    },
  },
};

/** The port is looked at first, even where nothing is repeated. */
function check<V>(cpu: Semantics<V>): void {
  cpu.call(allowPort, cpu.register(EDX, 2), cpu.constant(cpu.size));
}

const stringInstructions = Object.entries(strings).flatMap(
  ([name, { opcode, register, run }]): Instruction[] => [
    {
      mnemonic: name,
      encodings: encodingsOf(opcode),
      implicit: 'string',
      execute(cpu) {
        check(cpu);
        run(cpu);
        advance(cpu, register, cpu.constant(1));
      },
    },
    {
      mnemonic: `rep ${name}`,
      encodings: [...encodingsOf(opcode, 'F3 '), ...encodingsOf(opcode, 'F2 ')],
      implicit: 'string',
      execute(cpu) {
        check(cpu);
        cpu.when(indexOf(cpu, ECX), () => {
          run(cpu);
          advance(cpu, register, cpu.constant(1));
          const left = cpu.sub(indexOf(cpu, ECX), cpu.constant(1));
          setIndex(cpu, ECX, left);
          again(cpu, cpu.ne(left, cpu.constant(0)));
        });
      },
    },
  ],
);

export const inputOutput: readonly Instruction[] = [
  {
    mnemonic: 'in',
    encodings: ['E4 AL,Ib', 'E5 eAX,Ib', 'EC AL,DX', 'ED eAX,DX'],
    execute(cpu, target: Operand, port: Operand) {
      cpu.write(target, cpu.call(inPort, cpu.read(port), cpu.constant(cpu.size)));
    },
  },
  {
    mnemonic: 'out',
    encodings: ['E6 Ib,AL', 'E7 Ib,eAX :v', 'EE DX,AL :b', 'EF DX,eAX :v'],
    execute(cpu, port: Operand, source: Operand) {
      cpu.call(outPort, cpu.read(port), cpu.constant(cpu.size), cpu.read(source));
    },
  },
  ...stringInstructions,
];
