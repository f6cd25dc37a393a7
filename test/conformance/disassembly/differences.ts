/** Differences between our text and objdump's that are none of meaning, each with its reason. */

import { extensionOf } from './extensions.ts';

/** What both say of the same bytes, in one syntax. */
export interface Pair {
  readonly bytes: Uint8Array;
  readonly ours: Text;
  readonly theirs: Text;
  /** What we say of the bytes without `fwait`, where we say that, with its byte in the length. */
  readonly joined?: Text;
}

interface Text {
  readonly length: number;
  /** Words before the mnemonic. */
  readonly prefixes: readonly string[];
  /** Empty where there are prefixes alone. */
  readonly mnemonic: string;
  readonly operands: string;
}

interface Acceptance {
  readonly reason: string | ((pair: Pair) => string);
  accepts(pair: Pair): boolean;
}

const PREFIX_WORDS = new Set([
  ...['data16', 'addr16', 'lock', 'rep', 'repz', 'repnz', 'bnd', 'notrack'],
  ...['xacquire', 'xrelease', 'es', 'cs', 'ss', 'ds', 'fs', 'gs', '{vex}', '{evex}'],
]);

/** Takes a line apart. */
export function textOf({ length, text }: { length: number; text: string }): Text {
  const words = text.split(' ');
  const first = words.findIndex((word) => !PREFIX_WORDS.has(word));
  const count = first < 0 ? words.length : first;
  const [mnemonic = '', ...operands] = words.slice(count);
  return { length, prefixes: words.slice(0, count), mnemonic, operands: operands.join(' ') };
}

const isBad = ({ mnemonic }: Text): boolean => mnemonic === '(bad)';
const isPartlyBad = ({ operands }: Text): boolean => operands.includes('(bad)');
const saysTheSame = (a: Text, b: Text): boolean =>
  a.mnemonic === b.mnemonic && a.operands === b.operands && a.length === b.length;

const FWAIT = 0x9b;
const opcodeOf = ({ bytes, ours }: Pair): readonly number[] => [
  ...bytes.subarray(ours.prefixes.length),
];

/** Prefixes that AVX and its kin share with older instructions. */
const ESCAPES = [0x62, 0x8f, 0xc4, 0xc5];
function isMalformed(pair: Pair): boolean {
  const [first = 0, second = 0] = opcodeOf(pair);
  return ESCAPES.includes(first) || (first === 0x0f && second === 0x0f);
}

function isX87(pair: Pair): boolean {
  const [first = 0] = opcodeOf(pair);
  return first >= 0xd8 && first <= 0xdf;
}

/** By how an extension that we have not got calls the bytes, how we do. */
const formerNames: Readonly<Record<string, string>> = {
  ...{ tzcnt: 'bsf', lzcnt: 'bsr', wbnoinvd: 'wbinvd' },
};

/** As objdump writes it, `fnstcw` with a wait before it is `fstcw`. */
function isJoined({ bytes, theirs, joined }: Pair): boolean {
  if (joined === undefined || theirs.mnemonic === 'fwait') {
    return joined !== undefined;
  }
  const waiting = { ...joined, mnemonic: joined.mnemonic.replace(/^fn(?!op)/, 'f') };
  return (
    [joined, waiting].some((ours) => saysTheSame(ours, theirs)) ||
    reasonFor({ bytes: bytes.filter((byte) => byte !== FWAIT), ours: joined, theirs }) !== undefined
  );
}

const HINTS = /^(?:prefetch\w*|cldemote|bnd\w+|rdsspd)$/;
const MANDATORY = [0x66, 0xf2, 0xf3];
const PARTICULAR = [
  ...['fxsave', 'fxrstor', 'ldmxcsr', 'stmxcsr', 'lfence', 'mfence', 'sfence', 'pmovmskb'],
];
const REFUSED = ['bsf', 'bsr', 'wbinvd'];
const UNDOCUMENTED = /^(?:salc|fcom|fcomp|fxch|fstp|fstp1|fstp8|fstp9|fneni|fndisi|fnsetpm)$/;

/** The first that accepts a difference names its class. */
const acceptances: readonly Acceptance[] = [
  {
    reason: ({ theirs }) =>
      `CPUID denies ${extensionOf(theirs.mnemonic)}: the processor raises #UD`,
    accepts: ({ ours, theirs }) => isBad(ours) && extensionOf(theirs.mnemonic) !== undefined,
  },
  {
    reason: 'ud0 and ud1 are names for opcodes that raise #UD',
    accepts: ({ ours, theirs }) => isBad(ours) && /^ud[01]$/.test(theirs.mnemonic),
  },
  {
    reason: 'control and test registers that the processor has not',
    accepts: ({ ours, theirs }) =>
      isBad(ours) && theirs.mnemonic === 'mov' && /\b(?:tr|cr)\d/.test(theirs.operands),
  },
  {
    reason: 'the processor ignores the prefix, as all did before the extension',
    accepts: ({ ours, theirs }) =>
      formerNames[theirs.mnemonic] === ours.mnemonic && theirs.operands === ours.operands,
  },
  {
    reason: 'the processor ignores a prefix that objdump refuses',
    accepts: ({ ours, theirs }) => isBad(theirs) && REFUSED.includes(ours.mnemonic),
  },
  {
    reason: 'the processor refuses a prefix that objdump lets pass',
    accepts: ({ bytes, ours, theirs }) =>
      isBad(ours) &&
      PARTICULAR.includes(theirs.mnemonic) &&
      MANDATORY.some((b) => bytes.includes(b)),
  },
  {
    reason: 'fences are fences whatever register their ModRM names',
    accepts: ({ ours, theirs }) => /^[lms]fence$/.test(ours.mnemonic) && isBad(theirs),
  },
  {
    reason: 'a hint of an extension that CPUID denies: the processor does nothing',
    accepts: ({ ours, theirs }) => ours.mnemonic.startsWith('nop') && HINTS.test(theirs.mnemonic),
  },
  {
    reason: 'a no-operation that shows its size: objdump names the prefix all the same',
    accepts: ({ ours, theirs }) => ours.mnemonic.startsWith('nop') && saysTheSame(ours, theirs),
  },
  {
    reason: 'undocumented instructions that objdump does not know, or remarks on',
    accepts: ({ ours, theirs }) =>
      UNDOCUMENTED.test(ours.mnemonic) &&
      ours.length === theirs.length &&
      (isBad(theirs) || theirs.mnemonic.startsWith(`${ours.mnemonic}(`)),
  },
  {
    reason: 'an instruction of the 80287 alone',
    accepts: ({ ours, theirs }) => isBad(ours) && theirs.mnemonic === 'frstpm(287',
  },
  {
    reason: 'objdump takes a size prefix for one that chooses the XMM registers',
    accepts: ({ ours, theirs }) =>
      ours.mnemonic === 'movq2dq' && theirs.mnemonic === 'movq2dq' && ours.length === theirs.length,
  },
  {
    reason: 'objdump joins fwait with prefixes or an instruction of the x87 that follow',
    accepts: isJoined,
  },
  {
    reason: 'objdump leaves out prefixes of an opcode that there is not',
    accepts: ({ ours, theirs }) => isBad(ours) && saysTheSame(ours, theirs),
  },
  {
    reason: 'objdump names an instruction and says which operand there is not',
    accepts: ({ ours, theirs }) => isBad(ours) && isPartlyBad(theirs),
  },
  {
    reason: 'objdump skips more or less of a malformed instruction of AVX, XOP or 3DNow!',
    accepts: (pair) => isBad(pair.ours) && isBad(pair.theirs) && isMalformed(pair),
  },
  {
    reason: 'objdump writes the operand of an opcode of the x87 that there is not',
    accepts: (pair) => isBad(pair.ours) && isBad(pair.theirs) && isX87(pair),
  },
  {
    reason: 'control registers beyond 7, which lock means to processors of AMD',
    accepts: ({ ours, theirs }) =>
      ours.mnemonic === 'mov' && /\bcr(?:[89]|1\d)\b/.test(theirs.operands),
  },
];

/** Why a difference is accepted; `undefined` when it is not. */
export function reasonFor(pair: Pair): string | undefined {
  const reason = acceptances.find((acceptance) => acceptance.accepts(pair))?.reason;
  return typeof reason === 'function' ? reason(pair) : reason;
}
