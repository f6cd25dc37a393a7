/** The operands of an instruction as text, in the manual's order. */

import { assert } from '../../assert.ts';
import type { DecodedOperand, MemoryAddress } from '../decoder.ts';
import { EAX, EBX, EDI, EDX, ES, ESI } from '../state.ts';
import { isFar, isIndirect, type Line, tellOperandSize } from './line.ts';
import { PREFIX } from './prefix-words.ts';
import {
  choosesByXmm0,
  comparesTop,
  comparisons,
  type ImplicitOperand,
  implicitOperands,
  keptInOrder,
  namedSizes,
} from './spelling.ts';
import { type Address, registerName, segmentName } from './syntax.ts';

export function operandsOf(line: Line): string[] {
  const implicit = implicitOperands[line.name];
  if (implicit !== undefined && line.decoded.entry.instruction.unit === undefined) {
    return implicit.map((operand) => implicitText(line, operand));
  }
  const { operands } = line.decoded;
  const told = comparisonOf(line) === undefined ? operands : operands.slice(0, -1);
  const texts = told.map((operand) => operandText(line, operand)).filter((text) => text !== '');
  if (comparesTop.has(line.name) && texts.length === 1) {
    return [line.syntax.register('st'), ...texts];
  }
  return choosesByXmm0.has(line.name) ? [...texts, line.syntax.register('xmm0')] : texts;
}

/** What a comparison of SSE compares for, which its mnemonic then tells instead of an operand. */
export function comparisonOf({ decoded, name }: Line): string | undefined {
  const isComparison = decoded.entry.instruction.unit === 'sse' && /^cmp[ps][sd]$/.test(name);
  return isComparison ? comparisons[decoded.operands[2]?.value ?? comparisons.length] : undefined;
}

function operandText(line: Line, operand: DecodedOperand): string {
  const { syntax } = line;
  const { code, register } = operand;
  switch (operand.operand.kind) {
    case 'register':
      return registerText(line, operand);
    case 'vector':
      return syntax.register(`${'PQN'.includes(code.place) ? 'mm' : 'xmm'}${register}`);
    case 'number':
      return syntax.register(numberedName(line, operand));
    case 'immediate':
      return immediateText(line, operand);
    case 'one':
      return syntax.name === 'att' ? '' : '1';
    case 'count':
      return syntax.register('cl');
    case 'target':
      return targetText(line, operand);
    case 'displacement':
    case 'based':
    case 'indexed':
    case 'segmented':
      return indirect(line, memoryText(line, operand));
  }
}

const indirect = (line: Line, text: string): string =>
  line.syntax.name === 'att' && isIndirect(line) ? `*${text}` : text;

/** The size of the operand follows from the operation's. */
const dependsOnSize = ({ code }: DecodedOperand): boolean => 'vzpa'.includes(code.size);

function registerText(line: Line, operand: DecodedOperand): string {
  if (dependsOnSize(operand)) {
    tellOperandSize(line);
  }
  if (operand.code.place === 'fixed' && operand.register === EDX) {
    return portText(line);
  }
  const name = registerName(operand.register, operand.operand.size);
  return indirect(line, line.syntax.register(name));
}

/** DX as in `in` and `out`. */
const portText = ({ syntax }: Line): string => (syntax.name === 'att' ? '(%dx)' : 'dx');

function numberedName({ syntax }: Line, { code, register }: DecodedOperand): string {
  switch (code.place) {
    case 'C':
      return `cr${register}`;
    case 'D':
      return `${syntax.name === 'att' ? 'db' : 'dr'}${register}`;
    case 'st':
      return 'st';
    case 'sti':
      return `st(${register})`;
    default:
      return segmentName(register);
  }
}

function immediateText(line: Line, { code, value }: DecodedOperand): string {
  const { syntax, decoded } = line;
  if (code.size !== 'b' && code.size !== 'bs' && code.size !== 'w') {
    tellOperandSize(line);
  }
  return code.place === 'A' ? syntax.farPointer(decoded.selector, value) : syntax.immediate(value);
}

function targetText(line: Line, { code, value }: DecodedOperand): string {
  const isLong = code.size !== 'b';
  if (isLong) {
    tellOperandSize(line);
  }
  const mask = isLong && line.decoded.size === 2 ? 0xffff : 0xffff_ffff;
  const target = ((line.next + value) & mask) >>> 0;
  const symbol = line.symbolAt(target);
  return `0x${target.toString(16)}${symbol === undefined ? '' : ` <${symbol}>`}`;
}

function memoryText(line: Line, operand: DecodedOperand): string {
  const { memory, code } = operand;
  assert(memory !== undefined, `${line.name} has an address for ${code.text}`);
  const isAbsolute = code.place === 'O';
  const isSizeless = isAbsolute || code.size === 's';
  const bytes = isSizeless ? 0 : (namedSizes[line.name] ?? operand.operand.size);
  if (bytes !== 0 && line.syntax.name === 'intel' && dependsOnSize(operand)) {
    tellOperandSize(line);
  }
  if (!isAbsolute) {
    line.prefixes.drop(PREFIX.addressSize);
  }
  return line.syntax.memory(addressOf(line, memory, isAbsolute), bytes);
}

function addressOf(line: Line, memory: MemoryAddress, isAbsolute: boolean): Address {
  const { prefixes, decoded } = line;
  const isTaken = isIndirect(line) && !isFar(line) && prefixes.has(PREFIX.ds); // by `notrack`
  const isOverridden = prefixes.hasSegment() && !isTaken;
  if (isOverridden) {
    prefixes.dropSegment();
  }
  // An absolute address is never a distance, so a short one is written like any other.
  const is32 = memory.is32 || isAbsolute;
  const hasSib = memory.is32 && !isAbsolute && ((decoded.modrm ?? 0) & 7) === 4;
  return { ...memory, is32, isOverridden, hasSib };
}

function implicitText(line: Line, operand: ImplicitOperand): string {
  const { syntax, decoded } = line;
  switch (operand) {
    case 'acc':
      tellSize(line);
      return syntax.register(registerName(EAX, decoded.size));
    case 'DX':
      return portText(line);
    case 'Y':
      return implicitMemory(line, EDI, ES);
    case 'X':
      return implicitMemory(line, ESI, line.decoded.prefixes.segment);
    case 'BX':
      return implicitMemory(line, EBX, line.decoded.prefixes.segment);
  }
}

/** A byte tells nothing of the prefix. */
function tellSize(line: Line): void {
  if (line.decoded.size !== 1) {
    tellOperandSize(line);
  }
}

/** Memory of a string instruction, which is written with its segment. */
function implicitMemory(line: Line, base: number, segment = 3): string {
  const { decoded, prefixes, syntax } = line;
  if (syntax.name === 'intel') {
    tellSize(line);
  }
  prefixes.drop(PREFIX.addressSize);
  if (base !== EDI) {
    prefixes.dropSegment();
  }
  const address: Address = {
    ...{ segment, base, index: undefined, scale: 0, displacement: 0, displacementSize: 0 },
    ...{ is32: decoded.address32, isOverridden: true, hasSib: false },
  };
  return syntax.memory(address, decoded.size);
}

/** AT&T syntax writes the target last. */
export function inOrder({ name, syntax }: Line, operands: readonly string[]): readonly string[] {
  const isKept = syntax.name === 'intel' || keptInOrder.has(name);
  return isKept ? operands : operands.toReversed();
}
