/**
 * Images of the x87's state in memory: what FNSTENV, FNSAVE and FXSAVE write (SDM 1 §8.1.10-11,
 * §10.5.1).
 *
 * The layout of the environment depends on the operand size and on whether addresses are
 * segment:offset (virtual-8086 mode) or selectors. Selectors read as 0: see
 * `instructions/x87/unit.ts`. FXSAVE keeps a bit per register where the others keep a word of
 * tags, which tell what a register holds.
 */

import { EFLAGS } from '../flags.ts';
import type { Processor } from '../processor.ts';
import { XMM_REGISTERS } from '../state.ts';
import { addressOf, physical, summarize } from './stack.ts';
import { STATUS } from './status.ts';

/** Bits of the control word that can be changed; bit 6 is always set. */
const CONTROL_BITS = 0x1f3f;
const CONTROL_FIXED = 0x40;
const MASKS = 0x3f;
const OPCODE_BITS = 0x7ff;

/** Bytes of an image's registers. */
const REGISTER_BYTES = 10;
const TAG = { valid: 0, zero: 1, special: 2, empty: 3 } as const;

export function setControl(cpu: Processor, word: number): void {
  cpu.state.fpuControl = (word & CONTROL_BITS) | CONTROL_FIXED;
  summarize(cpu);
}

/** As FNINIT leaves it. Registers keep what they hold but count as empty. */
export function initialize({ state }: Processor): void {
  state.fpuControl = 0x37f;
  state.fpuStatus = 0;
  state.fpuTags = 0;
  state.fpuOpcode = 0;
  state.fpuIp = 0;
  state.fpuCs = 0;
  state.fpuDp = 0;
  state.fpuDs = 0;
}

/** The tag of ST(i): two bits. */
function tagOf(cpu: Processor, i: number): number {
  if (((cpu.state.fpuTags >>> physical(cpu, i)) & 1) === 0) {
    return TAG.empty;
  }
  const { u16, u32 } = cpu.memory;
  const at = addressOf(cpu, i);
  const exponent = (u16[(at >>> 1) + 4] as number) & 0x7fff;
  const low = u32[at >>> 2] as number;
  const high = u32[(at >>> 2) + 1] as number;
  if (exponent === 0 && (low | high) === 0) {
    return TAG.zero;
  }
  return exponent === 0 || exponent === 0x7fff || high < 0x8000_0000 ? TAG.special : TAG.valid;
}

function tagWord(cpu: Processor): number {
  let word = 0;
  for (let i = 0; i < 8; i++) {
    word |= tagOf(cpu, i) << (2 * physical(cpu, i));
  }
  return word;
}

/** Only "empty" matters when tags are loaded. */
function setTagWord({ state }: Processor, word: number): void {
  state.fpuTags = 0;
  for (let i = 0; i < 8; i++) {
    if (((word >>> (2 * i)) & 3) !== TAG.empty) {
      state.fpuTags |= 1 << i;
    }
  }
}

const hasSelectors = ({ state }: Processor): boolean =>
  (state.cr0 & 1) !== 0 && (state.systemFlags & EFLAGS.virtual8086) === 0;

/** The environment's seven words or doublewords, in order. */
function environmentOf(cpu: Processor, size: number): number[] {
  const { state } = cpu;
  const words = [state.fpuControl, state.fpuStatus, tagWord(cpu)];
  if (hasSelectors(cpu)) {
    const opcode = size === 4 ? state.fpuOpcode << 16 : 0;
    return [...words, state.fpuIp, state.fpuCs | opcode, state.fpuDp, state.fpuDs];
  }
  const ip = state.fpuIp + 16 * state.fpuCs;
  const dp = state.fpuDp + 16 * state.fpuDs;
  const high = (linear: number): number => (linear >>> 16) << 12;
  return [...words, ip, high(ip) | state.fpuOpcode, dp, high(dp)];
}

/** Writes the environment; the upper halves of 16-bit fields in doublewords are ones. */
export function storeEnvironment(cpu: Processor, at: number, size: number): void {
  environmentOf(cpu, size).forEach((value, i) => {
    const isHalf = size === 4 && (i < 3 || (i === 6 && hasSelectors(cpu)));
    cpu.access.setValueAt(at + size * i, size, isHalf ? value | 0xffff_0000 : value);
  });
}

export function loadEnvironment(cpu: Processor, at: number, size: number): void {
  const { state } = cpu;
  const [control, status, tags, ip, codeWord, dp, dataWord] = Array.from({ length: 7 }, (_, i) =>
    cpu.access.valueAt(at + size * i, size),
  ) as [number, number, number, number, number, number, number];
  state.fpuStatus = status & 0xffff;
  setTagWord(cpu, tags);
  state.fpuCs = 0;
  state.fpuDs = 0;
  if (hasSelectors(cpu)) {
    state.fpuIp = ip;
    state.fpuDp = dp;
    state.fpuOpcode = size === 4 ? (codeWord >>> 16) & OPCODE_BITS : 0;
  } else {
    state.fpuIp = ((ip & 0xffff) | ((codeWord >>> 12) << 16)) >>> 0;
    state.fpuDp = ((dp & 0xffff) | ((dataWord >>> 12) << 16)) >>> 0;
    state.fpuOpcode = codeWord & OPCODE_BITS;
  }
  setControl(cpu, control);
}

/** FNSTENV leaves all exceptions masked, so that none is pending. */
export function maskAll(cpu: Processor): void {
  cpu.state.fpuControl |= MASKS;
  summarize(cpu);
}

export function storeAll(cpu: Processor, at: number, size: number): void {
  storeEnvironment(cpu, at, size);
  for (let i = 0; i < 8; i++) {
    const from = addressOf(cpu, i);
    cpu.memory.u8.copyWithin(at + 7 * size + REGISTER_BYTES * i, from, from + REGISTER_BYTES);
  }
}

export function loadAll(cpu: Processor, at: number, size: number): void {
  loadEnvironment(cpu, at, size);
  for (let i = 0; i < 8; i++) {
    const from = at + 7 * size + REGISTER_BYTES * i;
    cpu.memory.u8.copyWithin(addressOf(cpu, i), from, from + REGISTER_BYTES);
  }
}

/** Offsets in the image of FXSAVE. */
const FX = {
  control: 0,
  status: 2,
  tags: 4,
  opcode: 6,
  ip: 8,
  dp: 16,
  mxcsr: 24,
  mxcsrMask: 28,
  x87: 32,
  xmm: 160,
} as const;

/** Bits of MXCSR that may be set: all sixteen, so DAZ too. */
export const MXCSR_BITS = 0xffff;
const CR4_OSFXSR = 0x200;
const XMM_BYTES = 8 * 16;

/** Without CR4.OSFXSR the SSE state stays out of it. */
const hasSse = ({ state }: Processor): boolean => (state.cr4 & CR4_OSFXSR) !== 0;

export function storeExtended(cpu: Processor, at: number): void {
  const { state, access } = cpu;
  const { u8 } = cpu.memory;
  access.setValueAt(at + FX.control, 2, state.fpuControl);
  access.setValueAt(at + FX.status, 2, state.fpuStatus);
  access.setValueAt(at + FX.tags, 2, state.fpuTags);
  access.setValueAt(at + FX.opcode, 2, state.fpuOpcode);
  access.setValueAt(at + FX.ip, 4, state.fpuIp);
  access.setValueAt(at + FX.ip + 4, 4, state.fpuCs);
  access.setValueAt(at + FX.dp, 4, state.fpuDp);
  access.setValueAt(at + FX.dp + 4, 4, state.fpuDs);
  access.setValueAt(at + FX.mxcsr, 4, state.mxcsr);
  access.setValueAt(at + FX.mxcsrMask, 4, MXCSR_BITS);
  for (let i = 0; i < 8; i++) {
    const from = addressOf(cpu, i);
    const to = at + FX.x87 + 16 * i;
    u8.copyWithin(to, from, from + REGISTER_BYTES);
    u8.fill(0, to + REGISTER_BYTES, to + 16);
  }
  if (hasSse(cpu)) {
    u8.copyWithin(at + FX.xmm, XMM_REGISTERS, XMM_REGISTERS + XMM_BYTES);
  }
}

/** Whether the image has bits in MXCSR that must not be set. */
export function isLoadable(cpu: Processor, at: number): boolean {
  return !hasSse(cpu) || (cpu.access.valueAt(at + FX.mxcsr, 4) & ~MXCSR_BITS) === 0;
}

export function loadExtended(cpu: Processor, at: number): void {
  const { state, access } = cpu;
  const { u8 } = cpu.memory;
  state.fpuStatus = access.valueAt(at + FX.status, 2);
  state.fpuTags = access.valueAt(at + FX.tags, 1);
  state.fpuOpcode = access.valueAt(at + FX.opcode, 2) & OPCODE_BITS;
  state.fpuIp = access.valueAt(at + FX.ip, 4);
  state.fpuCs = 0;
  state.fpuDp = access.valueAt(at + FX.dp, 4);
  state.fpuDs = 0;
  setControl(cpu, access.valueAt(at + FX.control, 2));
  for (let i = 0; i < 8; i++) {
    const from = at + FX.x87 + 16 * i;
    u8.copyWithin(addressOf(cpu, i), from, from + REGISTER_BYTES);
  }
  if (hasSse(cpu)) {
    state.mxcsr = access.valueAt(at + FX.mxcsr, 4);
    u8.copyWithin(XMM_REGISTERS, at + FX.xmm, at + FX.xmm + XMM_BYTES);
  }
}

/** FNCLEX: exceptions, stack fault, summary and busy. */
export function clearExceptions({ state }: Processor): void {
  state.fpuStatus &= STATUS.top | STATUS.c0 | STATUS.c1 | STATUS.c2 | STATUS.c3;
}
