/**
 * The notation of encodings: Intel's opcode maps (SDM 2D appendix A.2), as one line of text.
 *
 *   [NP|66|F3|F2] bytes [/digit | +r | +cc | [modrm]] [operands] [:size]
 *
 * `66`, `F3`, `F2` first: a mandatory prefix; `NP`: none of the three may stand there.
 * `/3`: the reg field of ModRM is 3. `[C0+i]`, `[E8]`: ModRM is exactly this byte (plus i).
 * `50+r`: the low three bits are a register; `70+cc`: the low four bits are a condition.
 * `:b :w :d :v`: the operand size, where no operand tells it. `mem`/`reg`: ModRM must be so.
 *
 * Operands: a letter for the place and one for the size.
 *
 * | E | ModRM register or memory | G | register of reg | M | memory of ModRM |
 * | R | register of rm           | Z | register of +r  | I | immediate (of 1 byte, sign-extended: `Ibs`) |
 * | J | relative jump            | O | memory offset   | A | far pointer |
 * | S | segment of reg           | C | control of reg  | D | debug of reg |
 * | P | MMX of reg               | Q | MMX of rm or memory | N | MMX of rm |
 * | V | XMM of reg               | W | XMM of rm or memory | U | XMM of rm |
 *
 * `AL`, `eAX`, `DX`, `ES`…: fixed registers. `1`, `CL`: shift counts. `ST`, `STi`: x87.
 *
 * Sizes: b 1, w 2, d 4, q 8, t 10, dq 16, v 2 or 4, z the same (immediates), y 4, p far pointer
 * (2+2 or 4+2), a a pair (bound), s 6 (descriptor-table register), n: no access, size given elsewhere.
 * For vectors: ps pd dq x = 16 aligned, ups = 16 unaligned, ss = 4, sd = 8, q = 8, d = 4.
 * Images of the x87: env 14 or 28, all 94 or 108, fx 512 aligned to 16.
 */

export type Prefix = 'none' | '66' | 'F3' | 'F2';

export interface OperandCode {
  /** As written, for messages. */
  readonly text: string;
  /** The place letter, or `fixed`, `one`, `count`, `st`, `sti`. */
  readonly place: string;
  /** Size letters. */
  readonly size: string;
  /** Which register, for `fixed`. */
  readonly register?: { readonly file: 'general' | 'segment'; readonly index: number };
}

export interface Encoding {
  readonly text: string;
  /** 0: one byte; 1: 0F; 2: 0F 38; 3: 0F 3A. */
  readonly map: 0 | 1 | 2 | 3;
  /** First opcode byte within the map, and how many follow it (8 for +r, 16 for +cc). */
  readonly opcode: number;
  readonly span: number;
  readonly isConditional: boolean;
  readonly prefix?: Prefix;
  readonly reg?: number;
  /** ModRM must lie in [from, to]. */
  readonly modrm?: { readonly from: number; readonly to: number };
  /** ModRM must name memory or a register. */
  readonly mod?: 'mem' | 'reg';
  readonly operands: readonly OperandCode[];
  /** Size letter of the operation: b, w, d or v. */
  readonly size: string;
  readonly hasModrm: boolean;
}

const GENERAL = ['AX', 'CX', 'DX', 'BX', 'SP', 'BP', 'SI', 'DI'];
const BYTES = ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH'];
const SEGMENT = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const MODRM_PLACES = 'EGMRSCDPQNVWU';

/** Reads one line of the notation; throws on a mistake in it, which is ours. */
export function parseEncoding(text: string): Encoding {
  const words = text.split(' ').filter((word) => word !== '');
  let prefix: Prefix | undefined;
  const first = words[0] ?? '';
  if (['NP', '66', 'F3', 'F2'].includes(first)) {
    prefix = first === 'NP' ? 'none' : (first as Prefix);
    words.shift();
  }
  const opcode = parseOpcode(words, text);
  const rest = parseRest(words, text);
  const hasModrm =
    rest.reg !== undefined ||
    rest.modrm !== undefined ||
    rest.mod !== undefined ||
    rest.operands.some((o) => MODRM_PLACES.includes(o.place));
  const size = rest.size ?? sizeOf(rest.operands);
  return {
    text,
    ...opcode,
    ...(prefix === undefined ? {} : { prefix }),
    ...(rest.reg === undefined ? {} : { reg: rest.reg }),
    ...(rest.modrm === undefined ? {} : { modrm: rest.modrm }),
    ...modOf(rest),
    operands: rest.operands,
    size,
    hasModrm,
  };
}

function parseOpcode(
  words: string[],
  text: string,
): Pick<Encoding, 'map' | 'opcode' | 'span' | 'isConditional'> {
  let map: 0 | 1 | 2 | 3 = 0;
  if (words[0] === '0F') {
    words.shift();
    map = 1;
    const second = words[0] as string | undefined;
    if (second === '38' || second === '3A') {
      map = words.shift() === '38' ? 2 : 3;
    }
  }
  const match = /^(?<byte>[0-9A-F]{2})(?<plus>\+r|\+cc)?$/.exec(words.shift() ?? '');
  if (match === null) {
    throw new SyntaxError(`no opcode in "${text}"`);
  }
  const plus = match.groups?.['plus'];
  return {
    map,
    opcode: Number.parseInt(match.groups?.['byte'] ?? '', 16),
    span: plus === '+r' ? 8 : plus === '+cc' ? 16 : 1,
    isConditional: plus === '+cc',
  };
}

interface Rest {
  reg?: number;
  modrm?: { from: number; to: number };
  mod?: 'mem' | 'reg';
  size?: string;
  operands: OperandCode[];
}

function parseRest(words: readonly string[], text: string): Rest {
  const rest: Rest = { operands: [] };
  for (const word of words) {
    const exact = /^\[(?<byte>[0-9A-F]{2})(?<plus>\+i)?\]$/.exec(word)?.groups;
    if (/^\/[0-7]$/.test(word)) {
      rest.reg = Number(word[1]);
    } else if (exact !== undefined) {
      const from = Number.parseInt(exact['byte'] ?? '', 16);
      rest.modrm = { from, to: from + (exact['plus'] === undefined ? 0 : 7) };
    } else if (word.startsWith(':')) {
      rest.size = word.slice(1);
    } else if (word === 'mem' || word === 'reg') {
      rest.mod = word;
    } else if (rest.operands.length === 0) {
      rest.operands = word.split(',').map((code) => parseOperand(code, text));
    } else {
      throw new SyntaxError(`"${word}" in "${text}"`);
    }
  }
  return rest;
}

function modOf(rest: Rest): { mod?: 'mem' | 'reg' } {
  if (rest.mod !== undefined) {
    return { mod: rest.mod };
  }
  const places = rest.operands.map((o) => o.place);
  if (places.includes('M')) {
    return { mod: 'mem' };
  }
  // Moves of control and debug registers ignore mod (SDM 2B, MOV—Move to/from Control Registers).
  const ignoresMod = places.includes('C') || places.includes('D');
  return !ignoresMod && places.some((place) => 'RNU'.includes(place)) ? { mod: 'reg' } : {};
}

function parseOperand(text: string, encoding: string): OperandCode {
  const fixed = (file: 'general' | 'segment', index: number, size: string): OperandCode => ({
    text,
    place: 'fixed',
    size,
    register: { file, index },
  });
  if (text === '1' || text === 'CL') {
    return { text, place: text === '1' ? 'one' : 'count', size: 'b' };
  }
  if (text === 'ST' || text === 'STi') {
    return { text, place: text.toLowerCase(), size: 't' };
  }
  if (SEGMENT.includes(text)) {
    return fixed('segment', SEGMENT.indexOf(text), 'w');
  }
  if (BYTES.includes(text)) {
    return fixed('general', BYTES.indexOf(text), 'b');
  }
  if (GENERAL.includes(text)) {
    return fixed('general', GENERAL.indexOf(text), 'w');
  }
  if (text.startsWith('e') && GENERAL.includes(text.slice(1))) {
    return fixed('general', GENERAL.indexOf(text.slice(1)), 'v');
  }
  if (text.startsWith('E') && GENERAL.includes(text.slice(1))) {
    return fixed('general', GENERAL.indexOf(text.slice(1)), 'd');
  }
  const match = /^(?<place>[A-Z])(?<size>[a-z]+)$/.exec(text);
  if (match === null || !`${MODRM_PLACES}ZIJOA`.includes(match.groups?.['place'] ?? '?')) {
    throw new SyntaxError(`operand "${text}" in "${encoding}"`);
  }
  return { text, place: match.groups?.['place'] ?? '', size: match.groups?.['size'] ?? '' };
}

/** The operation's size follows from the first operand whose size is b, w, d, v or z. */
function sizeOf(operands: readonly OperandCode[]): string {
  for (const { size, place } of operands) {
    if (place === 'one' || place === 'count' || 'PQNVWUSCD'.includes(place)) {
      continue;
    }
    if ('bwdv'.includes(size)) {
      return size;
    }
    if (size === 'z' || size === 'p' || size === 'a' || size === 'n') {
      return 'v';
    }
  }
  return 'd';
}
