/** Instructions around an address, with symbols and source lines. */

import type { DebugProtocol as DAP } from '@vscode/debugprotocol';
import { disassemble } from '../../emulator/cpu/disassembler.ts';
import { instructionSet } from '../../emulator/cpu/instruction-set.ts';
import { nameOfAddress, type Program } from '../debuggee/program.ts';
import type { Debugging } from '../session/debugging.ts';
import { type MemoryReference, parseMemoryReference } from '../session/memory-reference.ts';
import { readBytes } from './memory.ts';
import { sourceOf } from './stack.ts';

const LONGEST = 15;
const MOST_INSTRUCTIONS = 20_000;
/** Before an address of which no symbol is known, decoding begins so far back. */
const RUN_UP = 64;

interface Line {
  readonly address: number;
  readonly length: number;
  /** Undefined: nothing is mapped there. */
  readonly bytes: Uint8Array | undefined;
}

export function disassemblyRequests(debugging: Debugging) {
  return {
    disassemble(args: DAP.DisassembleArguments): DAP.DisassembleResponse['body'] {
      const { memoryReference, offset = 0, instructionOffset = 0, instructionCount } = args;
      const reference = parseMemoryReference(memoryReference);
      const count = Math.max(0, Math.min(instructionCount, MOST_INSTRUCTIONS));
      const listing = new Listing(debugging, reference);
      const start = reference.address + offset;
      const lines = listing.around(start, Math.trunc(instructionOffset), count);
      return { instructions: listing.shown(lines, args.resolveSymbols ?? true) };
    },
  };
}

class Listing {
  readonly #debugging: Debugging;
  readonly #reference: MemoryReference;
  readonly #program: Program | undefined;

  constructor(debugging: Debugging, reference: MemoryReference) {
    this.#debugging = debugging;
    this.#reference = reference;
    const { programs } = debugging.run.debuggee;
    const named = reference.space === 'va' ? reference.domain : undefined;
    this.#program =
      reference.space === 'va'
        ? programs.get(named ?? debugging.vcpuOf(undefined).domain.id)
        : undefined;
  }

  /** Instructions from so many before or behind the one at `start`. */
  around(start: number, first: number, count: number): Line[] {
    const before = first < 0 ? this.#before(start, -first) : [];
    const behind = this.#from(start, Math.max(0, first + count));
    return [...before, ...behind.slice(Math.max(0, first))].slice(0, count);
  }

  #from(start: number, count: number): Line[] {
    const lines: Line[] = [];
    let address = start;
    while (lines.length < count) {
      const line = this.#lineAt(address);
      lines.push(line);
      address += line.length;
    }
    return lines;
  }

  /** So many instructions that end where `start` begins. */
  #before(start: number, count: number): Line[] {
    const lines: Line[] = [];
    let end = start;
    while (lines.length < count && end > 0) {
      const part = this.#upTo(end);
      lines.unshift(...part);
      end = part[0]?.address ?? end - 1;
    }
    while (lines.length < count) {
      lines.unshift({ address: Math.max(0, end - 1), length: 1, bytes: undefined });
    }
    return lines.slice(-count);
  }

  /** A run of instructions that ends exactly there, from the symbol before if there is one. */
  #upTo(end: number): Line[] {
    const symbol = this.#program?.symbols.symbolAt(end - 1);
    const isNear = symbol !== undefined && symbol.offset < MOST_INSTRUCTIONS;
    const from = isNear ? end - 1 - symbol.offset : Math.max(0, end - RUN_UP);
    // Where no symbol says how to begin, one of the first bytes leads to the right places.
    for (let start = from; start < Math.min(end, from + LONGEST); start++) {
      const lines = this.#untilEnd(start, end);
      if (lines !== undefined) {
        return lines;
      }
    }
    return [{ address: end - 1, length: 1, bytes: this.#bytes(end - 1, 1) }];
  }

  #untilEnd(start: number, end: number): Line[] | undefined {
    const lines: Line[] = [];
    let address = start;
    while (address < end) {
      const line = this.#lineAt(address);
      lines.push(line);
      address += line.length;
    }
    return address === end ? lines : undefined;
  }

  #bytes(address: number, length: number): Uint8Array | undefined {
    const bytes = readBytes(this.#debugging, this.#reference, address, length);
    return bytes.length === 0 ? undefined : bytes;
  }

  #lineAt(address: number): Line {
    const bytes = this.#bytes(address, LONGEST);
    if (bytes === undefined) {
      return { address, length: 1, bytes: undefined };
    }
    const { length } = disassemble(instructionSet.map, bytes, 0, address, { syntax: 'att' });
    const used = Math.max(1, Math.min(length, bytes.length));
    return { address, length: used, bytes: bytes.subarray(0, used) };
  }

  shown(lines: readonly Line[], resolvesSymbols: boolean): DAP.DisassembledInstruction[] {
    let lastLine = '';
    return lines.map(({ address, bytes }) => {
      const shown = {
        address: `0x${(address >>> 0).toString(16).padStart(8, '0')}`,
        ...(this.#reference.space === 'va'
          ? {}
          : { address: `0x${address.toString(16).padStart(8, '0')}` }),
      };
      if (bytes === undefined) {
        return { ...shown, instruction: 'not mapped', presentationHint: 'invalid' as const };
      }
      const program = this.#program;
      const symbolAt = (at: number) => program && nameOfAddress(program, at);
      const { text } = disassemble(instructionSet.map, bytes, 0, address >>> 0, {
        syntax: this.#debugging.syntax,
        symbolAt,
      });
      const symbol = resolvesSymbols ? symbolAt(address) : undefined;
      const place = program?.symbols.locationAt(address);
      const line = place === undefined ? '' : `${place.file}:${place.line}`;
      const isNew = place !== undefined && line !== lastLine;
      lastLine = line;
      return {
        ...shown,
        instruction: text,
        instructionBytes: [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
        ...(symbol === undefined ? {} : { symbol }),
        ...(isNew && program !== undefined && place !== undefined
          ? {
              location: sourceOf(program, place.file),
              line: this.#debugging.lineToClient(place.line),
            }
          : {}),
      };
    });
  }
}
