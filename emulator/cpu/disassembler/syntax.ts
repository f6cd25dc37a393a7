/** How the two usual syntaxes write registers, numbers and addresses. */

import type { MemoryAddress } from '../decoder.ts';
import { ESP, REGISTERS, SEGMENTS } from '../state.ts';

export type SyntaxName = 'att' | 'intel';

/** A memory operand, with what of its encoding shows in the text. */
export interface Address extends MemoryAddress {
  /** A segment prefix says the segment. */
  readonly isOverridden: boolean;
  /** The address has a SIB byte. */
  readonly hasSib: boolean;
}

export interface Syntax {
  readonly name: SyntaxName;
  register(name: string): string;
  immediate(value: number): string;
  /** @param bytes how many the operand has; 0 when the text does not tell */
  memory(address: Address, bytes: number): string;
  farPointer(selector: number, offset: number): string;
}

const BYTE_REGISTERS = ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'];

export function registerName(index: number, size: number): string {
  const wide = REGISTERS[index] ?? '';
  return size === 1 ? (BYTE_REGISTERS[index] ?? '') : size === 2 ? wide.slice(1) : wide;
}

/** There are two numbers more than segment registers. */
export const segmentName = (index: number): string => SEGMENTS[index] ?? '?';

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** A displacement is a distance once a register is added to it. */
function signed({ displacement, is32 }: Address): { sign: string; digits: string } {
  const value = is32 ? displacement | 0 : (displacement << 16) >> 16;
  return { sign: value < 0 ? '-' : '', digits: hex(value < 0 ? -value : value) };
}

/** The displacement is the whole address. */
const isDirect = ({ base, index, hasSib }: Address): boolean =>
  base === undefined && index === undefined && !hasSib;

/** Base and index; where a SIB byte names no index, `eiz` or `undefined`. */
function parts(address: Address): { base: string | undefined; index: string | undefined } {
  const { base, index, scale, hasSib, is32 } = address;
  const size = is32 ? 4 : 2;
  // Only with ESP as base is a SIB byte without an index the shortest encoding there is.
  const isPadded = hasSib && (scale !== 0 || base !== ESP);
  const missing = isPadded ? 'eiz' : undefined;
  return {
    base: base === undefined ? undefined : registerName(base, size),
    index: index === undefined ? missing : registerName(index, size),
  };
}

export const att: Syntax = {
  name: 'att',
  register: (name) => `%${name}`,
  immediate: (value) => `$${hex(value)}`,
  farPointer: (selector, offset) => `$${hex(selector)},$${hex(offset)}`,

  memory(address) {
    const segment = address.isOverridden ? `%${segmentName(address.segment)}:` : '';
    const { sign, digits } = signed(address);
    if (isDirect(address)) {
      return segment + (address.is32 ? hex(address.displacement) : sign + digits);
    }
    const { base, index } = parts(address);
    const scale = address.is32 ? `,${1 << address.scale}` : '';
    const inside =
      (base === undefined ? '' : `%${base}`) + (index === undefined ? '' : `,%${index}${scale}`);
    return `${segment}${address.displacementSize === 0 ? '' : sign + digits}(${inside})`;
  },
};

const POINTERS: Readonly<Record<number, string>> = {
  ...{ 1: 'BYTE', 2: 'WORD', 4: 'DWORD', 6: 'FWORD', 8: 'QWORD', 10: 'TBYTE', 16: 'XMMWORD' },
};

export const intel: Syntax = {
  name: 'intel',
  register: (name) => name,
  immediate: hex,
  farPointer: (selector, offset) => `${hex(selector)}:${hex(offset)}`,

  memory(address, bytes) {
    const name = POINTERS[bytes];
    const pointer = name === undefined ? '' : `${name} PTR `;
    const segment = address.isOverridden ? `${segmentName(address.segment)}:` : '';
    if (isDirect(address)) {
      return `${pointer}${segment || 'ds:'}${hex(address.displacement)}`;
    }
    const { base, index } = parts(address);
    const scale = address.is32 ? `*${1 << address.scale}` : '';
    const registers = [base, index === undefined ? undefined : index + scale];
    const sum = registers.filter((register) => register !== undefined).join('+');
    const { sign, digits } = signed(address);
    const displacement = address.displacementSize === 0 ? '' : `${sign || '+'}${digits}`;
    return `${pointer}${segment}[${sum}${displacement}]`;
  },
};
