/** The mnemonic of an instruction in both syntaxes, and the names of its prefixes. */

import {
  isFar,
  isIndirect,
  type Line,
  memoryOperand,
  nameTransactionHints,
  startsWith,
  tellOperandSize,
} from './line.ts';
import { comparisonOf } from './operands.ts';
import { PREFIX } from './prefix-words.ts';
import {
  attNames,
  boundsKeeping,
  conditions,
  hinted,
  implicitOperands,
  integerSuffixes,
  markedLayout,
  markedTables,
  markedWhenShort,
  namesByAddressSize,
  namesBySize,
  ofTwoSizes,
  repeatedFreely,
  reversed,
  x87IntegerSuffixes,
  x87RealSuffixes,
} from './spelling.ts';

export function mnemonicOf(line: Line): string {
  const suffix = line.syntax.name === 'att' ? attSuffix(line) : intelSuffix(line);
  return stemOf(line) + suffix + hintOf(line);
}

/** Gives prefixes the names that they have with this instruction. */
export function namePrefixes(line: Line): void {
  const { name, prefixes, decoded } = line;
  nameTransactionHints(line);
  if (repeatedFreely.has(name) && decoded.entry.instruction.unit === undefined) {
    prefixes.rename(PREFIX.rep, 'rep');
  }
  if (boundsKeeping.has(name) && !isFar(line)) {
    prefixes.rename(PREFIX.repne, 'bnd');
  }
  if (isIndirect(line) && !isFar(line) && prefixes.has(PREFIX.ds)) {
    prefixes.renameSegment('notrack');
  }
}

/** The mnemonic without what tells the size of memory. */
function stemOf(line: Line): string {
  const { name, syntax, decoded } = line;
  const bySize = namesBySize[name]?.[syntax.name];
  if (bySize !== undefined) {
    tellOperandSize(line);
    return bySize[decoded.size === 2 ? 2 : 4];
  }
  const byAddress = namesByAddressSize[name]?.[syntax.name];
  if (byAddress !== undefined) {
    if (byAddress[2] !== byAddress[4]) {
      line.prefixes.drop(PREFIX.addressSize);
    }
    return byAddress[decoded.address32 ? 4 : 2];
  }
  if (decoded.entry.encoding.isConditional) {
    return name.replace(/cc$/, conditions[decoded.cc] ?? '');
  }
  const comparison = comparisonOf(line);
  if (comparison !== undefined) {
    return `cmp${comparison}${name.slice(3)}`;
  }
  return syntax.name === 'att' ? attStem(line) : name;
}

function attStem(line: Line): string {
  const { name } = line;
  if (isFar(line)) {
    return `l${name}`;
  }
  if (startsWith(line, 'sti')) {
    return reversed[name] ?? name;
  }
  return isExtension(line) ? name.slice(0, -1) : (attNames[name] ?? name);
}

/** movzx and movsx, whose two sizes AT&T syntax writes as two suffixes. */
const isExtension = ({ name }: Line): boolean => name === 'movzx' || name === 'movsx';

function attSuffix(line: Line): string {
  const { decoded, name } = line;
  const { unit } = decoded.entry.instruction;
  if (unit !== undefined) {
    return unit === 'x87' ? x87Suffix(line) : '';
  }
  if (isExtension(line)) {
    const sizes = decoded.operands.map(({ operand }) => integerSuffixes[operand.size] ?? '');
    return sizes.toReversed().join('');
  }
  if (markedWhenShort.has(name)) {
    return shortMark(line, memoryOperand(line) !== undefined || startsWith(line, 'A'));
  }
  if (markedTables.has(name) || needsSuffix(line)) {
    const size = memoryOperand(line)?.code.size === 'b' ? 1 : decoded.size;
    if (size !== 1) {
      tellOperandSize(line);
    }
    return integerSuffixes[size] ?? '';
  }
  return '';
}

/** Whether no register tells the size of an instruction that comes in several. */
function needsSuffix(line: Line): boolean {
  const { decoded, name } = line;
  const implicit = implicitOperands[name];
  if (implicit !== undefined) {
    return !implicit.includes('acc') && name !== 'xlat';
  }
  const memory = memoryOperand(line);
  const isSized = decoded.entry.instruction.encodings.some((text) => /v\b/.test(text));
  const isTold =
    !ofTwoSizes.has(name) && decoded.operands.some(({ operand }) => operand.kind === 'register');
  return isSized && !isTold && (memory?.code.size === 'b' || memory?.code.size === 'v');
}

function intelSuffix(line: Line): string {
  const { name } = line;
  if (markedWhenShort.has(name)) {
    return memoryOperand(line) === undefined && !startsWith(line, 'A')
      ? shortMark(line, false)
      : '';
  }
  if (markedTables.has(name)) {
    tellOperandSize(line);
    return line.decoded.size === 2 ? 'w' : 'd';
  }
  return layoutMark(line, 'w');
}

/** `w` where the operation has 16 bits and nothing else tells it. */
function shortMark(line: Line, isMemory: boolean): string {
  const { decoded } = line;
  const [first] = decoded.operands;
  const isTold = first?.operand.kind === 'register' || first?.code.text === 'Jb';
  if (decoded.size !== 2 || (isTold && !isMemory)) {
    return '';
  }
  tellOperandSize(line);
  return 'w';
}

function layoutMark({ name, prefixes }: Line, mark: string): string {
  if (!markedLayout.has(name) || !prefixes.has(PREFIX.operandSize)) {
    return '';
  }
  prefixes.drop(PREFIX.operandSize);
  return mark;
}

function x87Suffix(line: Line): string {
  const { name } = line;
  const size = memoryOperand(line)?.operand.size ?? 0;
  if (/^fi[^n]/.test(name)) {
    return x87IntegerSuffixes[size] ?? '';
  }
  const isReal = !name.startsWith('fb');
  return (isReal ? (x87RealSuffixes[size] ?? '') : '') + layoutMark(line, 's');
}

/** A segment prefix of a conditional jump predicts it. */
function hintOf(line: Line): string {
  const { name, prefixes, syntax } = line;
  const isTaken = prefixes.has(PREFIX.ds);
  if (syntax.name !== 'att' || !hinted.has(name) || isTaken === prefixes.has(PREFIX.cs)) {
    return '';
  }
  prefixes.dropSegment();
  return isTaken ? ',pt' : ',pn';
}
