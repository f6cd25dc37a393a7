/** From opcode bytes to the instruction that owns them. */

import { assert } from '../assert.ts';
import { type Encoding, parseEncoding } from './encoding.ts';
import type { Instruction } from './instruction.ts';

export interface Entry {
  readonly instruction: Instruction;
  readonly encoding: Encoding;
}

export interface OpcodeMap {
  /** Candidates by map (0: one byte, 1: 0F, 2: 0F 38, 3: 0F 3A) and opcode. */
  readonly tables: readonly (readonly (readonly Entry[])[])[];
  readonly entries: readonly Entry[];
}

/** Joins instructions into one map; refuses two claims to one encoding. */
export function makeOpcodeMap(instructions: readonly Instruction[]): OpcodeMap {
  const tables: Entry[][][] = [0, 1, 2, 3].map(() => Array.from({ length: 256 }, () => []));
  const entries: Entry[] = [];
  for (const instruction of instructions) {
    for (const text of instruction.encodings) {
      const encoding = parseEncoding(text);
      const entry = { instruction, encoding };
      entries.push(entry);
      for (let i = 0; i < encoding.span; i++) {
        const candidates = tables[encoding.map]?.[encoding.opcode + i];
        assert(candidates !== undefined, `opcode of "${text}"`);
        const rival = candidates.find((other) => collides(other.encoding, encoding));
        assert(
          rival === undefined,
          `"${text}" of ${instruction.mnemonic} and "${rival?.encoding.text}" of ${rival?.instruction.mnemonic} are one encoding`,
        );
        candidates.push(entry);
      }
    }
  }
  for (const candidates of tables.flat()) {
    candidates.sort((a, b) => specificity(b.encoding) - specificity(a.encoding));
  }
  return { tables, entries };
}

/** Whether neither encoding is more special than the other and some bytes fit both. */
function collides(a: Encoding, b: Encoding): boolean {
  if (a.span !== b.span || a.prefix !== b.prefix || a.mod !== b.mod || a.reg !== b.reg) {
    return false;
  }
  if (a.modrm === undefined || b.modrm === undefined) {
    return a.modrm === b.modrm;
  }
  return a.modrm.from <= b.modrm.to && b.modrm.from <= a.modrm.to;
}

/** An encoding that says more about itself is tried first. */
function specificity(e: Encoding): number {
  return (
    (e.prefix === undefined ? 0 : 8) +
    (e.modrm === undefined ? 0 : 4) +
    (e.mod === undefined ? 0 : 2) +
    (e.reg === undefined ? 0 : 1) +
    (e.span === 1 ? 1 : 0)
  );
}
