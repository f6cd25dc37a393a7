/** Descriptor-table registers, and questions about selectors (SDM 3A §2.8.1, §5.10). */

import { EFLAGS, setFlagBits } from '../flags.ts';
import type { Instruction } from '../instruction.ts';
import { type Native, native } from '../native.ts';
import type { Operand } from '../operand.ts';
import type { Processor } from '../processor.ts';
import {
  isUsable,
  limitOfSelector,
  loadLocalTable,
  loadTask,
  rightsOf,
} from '../system/descriptor-tables.ts';

/** A descriptor-table register in memory: a limit of 16 bits, a base of 32. */
const LIMIT_BYTES = 2;
/** With 16-bit operands the top byte of the base is not loaded. */
const BASE_16 = 0x00ff_ffff;

type Table = 'gdt' | 'idt';

const loadTable = (table: Table): Native =>
  native(`load${table}`, (cpu, pointer: number, size: number) => {
    const { state, access } = cpu;
    const at = pointer >>> 0;
    const base = access.valueAt(at + LIMIT_BYTES, 4);
    state[`${table}Limit`] = access.valueAt(at, LIMIT_BYTES);
    state[`${table}Base`] = size === 2 ? base & BASE_16 : base;
  });

const storeTable = (table: Table): Native =>
  native(`store${table}`, (cpu, pointer: number) => {
    const { state, access } = cpu;
    const at = pointer >>> 0;
    access.setValueAt(at, LIMIT_BYTES, state[`${table}Limit`]);
    access.setValueAt(at + LIMIT_BYTES, 4, state[`${table}Base`]);
  });

function loading(table: Table, encoding: string): Instruction {
  const load = loadTable(table);
  return {
    mnemonic: `l${table}`,
    encodings: [encoding],
    privilege: 0,
    execute(cpu, source: Operand) {
      cpu.call(load, cpu.pointer(source, 'read'), cpu.constant(cpu.size));
    },
  };
}

function storing(table: Table, encoding: string): Instruction {
  const store = storeTable(table);
  return {
    mnemonic: `s${table}`,
    encodings: [encoding],
    execute(cpu, target: Operand) {
      cpu.call(store, cpu.pointer(target, 'write'));
      cpu.commit(target);
    },
  };
}

function storingSelector(
  mnemonic: string,
  digit: number,
  word: 'ldtSelector' | 'trSelector',
): Instruction {
  return {
    mnemonic,
    encodings: [`0F 00 /${digit} mem Ew :w`, `0F 00 /${digit} reg Ev`],
    execute: (cpu, target: Operand) => cpu.write(target, cpu.state(word)),
  };
}

const lldt = native('lldt', (cpu, selector: number) => loadLocalTable(cpu, selector & 0xffff));
const ltr = native('ltr', (cpu, selector: number) => loadTask(cpu, selector & 0xffff));

const loadingSelector = (mnemonic: string, digit: number, load: Native): Instruction => ({
  mnemonic,
  encodings: [`0F 00 /${digit} Ew :w`],
  privilege: 0,
  execute(cpu, source: Operand) {
    cpu.call(load, cpu.read(source));
  },
});

const setZero = (cpu: Processor, isSet: boolean): void =>
  setFlagBits(cpu.state, EFLAGS.zero, isSet ? EFLAGS.zero : 0);

/** Answers what the register becomes, which without an answer to the question is what it was. */
function question(
  name: string,
  ask: (cpu: Processor, selector: number) => number | undefined,
): Native {
  return native(name, (cpu, selector: number, before: number) => {
    const answer = ask(cpu, selector & 0xffff);
    setZero(cpu, answer !== undefined);
    return answer ?? before;
  });
}

const asking = (mnemonic: string, opcode: string, ask: Native): Instruction => ({
  mnemonic,
  encodings: [`0F ${opcode} mem Gv,Ew :v`, `0F ${opcode} reg Gv,Ev`],
  execute(cpu, target: Operand, source: Operand) {
    cpu.write(target, cpu.call(ask, cpu.read(source), cpu.read(target)));
  },
});

const verify = native('verify', (cpu, selector: number, isWrite: number) => {
  setZero(cpu, isUsable(cpu, selector & 0xffff, isWrite !== 0));
});

const verifying = (mnemonic: string, digit: number, isWrite: 0 | 1): Instruction => ({
  mnemonic,
  encodings: [`0F 00 /${digit} Ew :w`],
  execute(cpu, source: Operand) {
    cpu.call(verify, cpu.read(source), cpu.constant(isWrite));
  },
});

const zeroFlag = native('zeroFlag', (cpu, isSet: number) => setZero(cpu, isSet !== 0));

export const descriptorTables: readonly Instruction[] = [
  loading('gdt', '0F 01 /2 Ms :v'),
  loading('idt', '0F 01 /3 Ms :v'),
  storing('gdt', '0F 01 /0 Ms :v'),
  storing('idt', '0F 01 /1 Ms :v'),
  loadingSelector('lldt', 2, lldt),
  loadingSelector('ltr', 3, ltr),
  storingSelector('sldt', 0, 'ldtSelector'),
  storingSelector('str', 1, 'trSelector'),
  asking('lar', '02', question('lar', rightsOf)),
  asking('lsl', '03', question('lsl', limitOfSelector)),
  verifying('verr', 4, 0),
  verifying('verw', 5, 1),
  {
    mnemonic: 'arpl',
    encodings: ['63 Ew,Gw'],
    execute(cpu, target: Operand, source: Operand) {
      const rpl = cpu.constant(3);
      const asked = cpu.and(cpu.read(source), rpl);
      const selector = cpu.read(target); // written only if it changes
      const isLower = cpu.ltu(cpu.and(selector, rpl), asked);
      cpu.when(isLower, () => {
        cpu.write(target, cpu.or(cpu.and(selector, cpu.constant(~3)), asked));
      });
      cpu.call(zeroFlag, isLower);
    },
  },
];
