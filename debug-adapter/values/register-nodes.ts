/** Registers of a virtual processor as nodes, with their bits by name. */

import { SEGMENTS, X87_REGISTERS, XMM_REGISTERS } from '../../emulator/cpu/state.ts';
import { CR0, CR4 } from '../../emulator/cpu/system/control-registers.ts';
import type { VcpuView } from '../../emulator/introspection/vcpu-view.ts';
import { assign } from '../expressions/evaluate.ts';
import { formatValue } from '../expressions/format.ts';
import type { CType } from '../symbols/c-type.ts';
import { told } from './expression-nodes.ts';
import { flagNamesOf, type GuestScope } from './guest-scope.ts';
import { fact, type VariableNode } from './variable-node.ts';

const GENERAL = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'] as const;
const CONTROL = ['cr0', 'cr2', 'cr3', 'cr4'] as const;
const DEBUG = ['dr0', 'dr1', 'dr2', 'dr3', 'dr6', 'dr7'] as const;

const hex = (value: number): string => `0x${(value >>> 0).toString(16).padStart(8, '0')}`;

/** @param reference of a virtual address */
export function registerNodes(
  view: VcpuView,
  scope: GuestScope,
  reference: (address: number) => string,
): readonly VariableNode[] {
  const general = GENERAL.map((name): VariableNode => {
    const value = scope.register(name)?.word ?? 0;
    const symbol = value > 0xffff ? scope.symbolAt(value) : undefined;
    return {
      name,
      value: symbol === undefined ? hex(value) : `${hex(value)} <${symbol}>`,
      evaluateName: `$${name}`,
      memoryReference: reference(value),
      set: registerSetter(scope, name),
    };
  });
  return [
    ...general,
    {
      name: 'eflags',
      value: `${hex(view.eflags)} [${flagNamesOf(view.eflags)}]`,
      evaluateName: '$eflags',
      set: registerSetter(scope, 'eflags'),
    },
    {
      name: 'segments',
      value: SEGMENTS.map((name) => `${name} ${view.word(`${name}Selector`).toString(16)}`).join(
        ', ',
      ),
      children: () => SEGMENTS.map((name) => segmentNode(view, name)),
    },
    {
      name: 'control',
      value: `CR0 ${hex(view.word('cr0'))}, CR3 ${hex(view.word('cr3'))}`,
      children: () => CONTROL.map((name) => controlNode(view, name)),
    },
    {
      name: 'debug',
      value: `DR7 ${hex(view.word('dr7'))}`,
      children: () => DEBUG.map((name) => fact(name, hex(view.word(name)))),
    },
  ];
}

const registerSetter = (scope: GuestScope, name: string) => (text: string) => {
  const target = scope.register(name);
  if (target !== undefined) {
    told(() => assign(target, text, scope));
  }
};

function segmentNode(view: VcpuView, name: (typeof SEGMENTS)[number]): VariableNode {
  const selector = view.word(`${name}Selector`);
  const facts = [
    fact('selector', `0x${selector.toString(16).padStart(4, '0')}`),
    fact('index', selector >>> 3),
    fact('table', selector & 4 ? 'LDT' : 'GDT'),
    fact('ring', selector & 3),
    fact('base', hex(view.word(`${name}Base`))),
    fact('limit', hex(view.word(`${name}Limit`))),
  ];
  return {
    name,
    value: `0x${selector.toString(16).padStart(4, '0')}, base ${hex(view.word(`${name}Base`))}, limit ${hex(view.word(`${name}Limit`))}`,
    children: () => facts,
  };
}

function controlNode(view: VcpuView, name: (typeof CONTROL)[number]): VariableNode {
  const value = view.word(name);
  const bits: Readonly<Record<string, number>> = name === 'cr0' ? CR0 : name === 'cr4' ? CR4 : {};
  const set = Object.entries(bits).filter(([, bit]) => (value & bit) !== 0);
  const names = set.map(([bit]) => bit).join(' ');
  return fact(name, names === '' ? hex(value) : `${hex(value)} [${names}]`);
}

const LONG_DOUBLE: CType = {
  kind: 'base',
  name: 'long double',
  size: 12,
  encoding: 'float',
  isSigned: true,
};

/** x87 and SSE: of the program whose registers the processor has. */
export function vectorNodes(
  view: VcpuView,
  scope: GuestScope,
  bytes: Uint8Array,
): readonly VariableNode[] {
  const status = view.word('fpuStatus');
  const top = (status >>> 11) & 7;
  const stack = Array.from({ length: 8 }, (_, i): VariableNode => {
    const at = X87_REGISTERS + 16 * ((top + i) % 8);
    const raw = bytes.slice(at, at + 12);
    raw.fill(0, 10);
    const text = formatValue(
      { kind: 'value', type: LONG_DOUBLE, location: { kind: 'none' }, bytes: raw },
      scope,
    );
    const digits = [...raw.subarray(0, 10)]
      .reverse()
      .map((byte) => byte.toString(16).padStart(2, '0'));
    return fact(`st${i}`, `${text} (0x${digits.join('')})`);
  });
  const xmm = Array.from({ length: 8 }, (_, i): VariableNode => {
    const at = XMM_REGISTERS + 16 * i;
    const digits = [...bytes.slice(at, at + 16)]
      .reverse()
      .map((byte) => byte.toString(16).padStart(2, '0'));
    return fact(`xmm${i}`, `0x${digits.join('')}`);
  });
  return [
    ...stack,
    fact('control', hex(view.word('fpuControl'))),
    fact('status', hex(status)),
    fact('tags', hex(view.word('fpuTags'))),
    ...xmm,
    fact('mxcsr', hex(view.word('mxcsr'))),
  ];
}
