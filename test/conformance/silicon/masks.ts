/**
 * What the SDM leaves undefined, and nothing else: only this may be left out of a
 * comparison with silicon. Each row cites the instruction's own page in volume 2
 * ("Flags Affected" unless something else is said).
 */

const CF = 0x001;
const PF = 0x004;
const AF = 0x010;
const ZF = 0x040;
const SF = 0x080;
const OF = 0x800;

/** Condition codes of the x87 status word (SDM 1 §8.1.3.1). */
const C0 = 0x0100;
const C1 = 0x0200;
const C2 = 0x0400;
const C3 = 0x4000;

/** What a row may ask about a case. */
export interface CaseFacts {
  readonly mnemonic: string;
  readonly operandBits: 8 | 16 | 32;
  /** Shift or rotate count after masking to five bits. */
  readonly count?: number;
  /** The value that BSF or BSR searches. */
  readonly source?: number;
}

interface Row {
  readonly mnemonics: readonly string[];
  readonly condition?: string;
  readonly when?: (facts: CaseFacts) => boolean;
  readonly flags: number;
  /** The destination operand itself is undefined. */
  readonly destination?: true;
  readonly source: string;
}

const count = (facts: CaseFacts) => facts.count ?? 0;

const UNDEFINED: readonly Row[] = [
  { mnemonics: ['aaa'], flags: OF | SF | ZF | PF, source: 'SDM 2A §3.3 AAA' },
  { mnemonics: ['aas'], flags: OF | SF | ZF | PF, source: 'SDM 2A §3.3 AAS' },
  { mnemonics: ['aad'], flags: OF | AF | CF, source: 'SDM 2A §3.3 AAD' },
  { mnemonics: ['aam'], flags: OF | AF | CF, source: 'SDM 2A §3.3 AAM' },
  { mnemonics: ['daa'], flags: OF, source: 'SDM 2A §3.3 DAA' },
  { mnemonics: ['das'], flags: OF, source: 'SDM 2A §3.3 DAS' },
  { mnemonics: ['and'], flags: AF, source: 'SDM 2A §3.3 AND' },
  { mnemonics: ['or'], flags: AF, source: 'SDM 2B §4.3 OR' },
  { mnemonics: ['test'], flags: AF, source: 'SDM 2B §4.3 TEST' },
  { mnemonics: ['xor'], flags: AF, source: 'SDM 2D §6.1 XOR' },
  { mnemonics: ['mul'], flags: SF | ZF | AF | PF, source: 'SDM 2B §4.3 MUL' },
  { mnemonics: ['imul'], flags: SF | ZF | AF | PF, source: 'SDM 2A §3.3 IMUL' },
  { mnemonics: ['div'], flags: CF | OF | SF | ZF | AF | PF, source: 'SDM 2A §3.3 DIV' },
  { mnemonics: ['idiv'], flags: CF | OF | SF | ZF | AF | PF, source: 'SDM 2A §3.3 IDIV' },
  { mnemonics: ['bsf'], flags: CF | OF | SF | AF | PF, source: 'SDM 2A §3.3 BSF' },
  { mnemonics: ['bsr'], flags: CF | OF | SF | AF | PF, source: 'SDM 2A §3.3 BSR' },
  // Processors leave the destination as it was, and software has come to rely on it, so a
  // difference here deserves a look although the table allows it.
  {
    mnemonics: ['bsf', 'bsr'],
    condition: 'source is zero',
    when: (facts) => facts.source === 0,
    flags: 0,
    destination: true,
    source: 'SDM 2A §3.3 BSF, BSR, Description',
  },
  {
    mnemonics: ['bt', 'btc', 'btr', 'bts'],
    flags: OF | SF | AF | PF,
    source: 'SDM 2A §3.3 BT, BTC, BTR, BTS',
  },
  {
    mnemonics: ['bswap'],
    condition: '16-bit operand',
    when: (facts) => facts.operandBits === 16,
    flags: 0,
    destination: true,
    source: 'SDM 2A §3.3 BSWAP, Description',
  },
  {
    mnemonics: ['rcl', 'rcr', 'rol', 'ror'],
    condition: 'count > 1',
    when: (facts) => count(facts) > 1,
    flags: OF,
    source: 'SDM 2B §4.3 RCL/RCR/ROL/ROR',
  },
  {
    mnemonics: ['sal', 'sar', 'shl', 'shr'],
    condition: 'count > 0',
    when: (facts) => count(facts) > 0,
    flags: AF,
    source: 'SDM 2B §4.3 SAL/SAR/SHL/SHR',
  },
  {
    mnemonics: ['sal', 'sar', 'shl', 'shr'],
    condition: 'count > 1',
    when: (facts) => count(facts) > 1,
    flags: OF,
    source: 'SDM 2B §4.3 SAL/SAR/SHL/SHR',
  },
  {
    mnemonics: ['sal', 'shl', 'shr'],
    condition: 'count >= operand size',
    when: (facts) => count(facts) >= facts.operandBits,
    flags: CF,
    source: 'SDM 2B §4.3 SAL/SAR/SHL/SHR',
  },
  {
    mnemonics: ['shld', 'shrd'],
    condition: 'count > 0',
    when: (facts) => count(facts) > 0,
    flags: AF,
    source: 'SDM 2B §4.3 SHLD, SHRD',
  },
  {
    mnemonics: ['shld', 'shrd'],
    condition: 'count > 1',
    when: (facts) => count(facts) > 1,
    flags: OF,
    source: 'SDM 2B §4.3 SHLD, SHRD',
  },
  {
    mnemonics: ['shld', 'shrd'],
    condition: 'count > operand size',
    when: (facts) => count(facts) > facts.operandBits,
    flags: CF | PF | AF | ZF | SF | OF,
    destination: true,
    source: 'SDM 2B §4.3 SHLD, SHRD, Description',
  },
];

/** What of EFLAGS, and whether the destination, a case leaves undefined when it completes. */
export function undefinedAfter(facts: CaseFacts): {
  readonly flags: number;
  readonly destination: boolean;
} {
  const rows = UNDEFINED.filter(
    (row) => row.mnemonics.includes(facts.mnemonic) && (row.when?.(facts) ?? true),
  );
  return {
    flags: rows.reduce((flags, row) => flags | row.flags, 0),
    destination: rows.some((row) => row.destination),
  };
}

/** How near a result that the SDM does not define to the last bit must be. */
export type Accuracy =
  | { readonly unit: 'ulp'; readonly atMost: number; readonly source: string }
  | { readonly unit: 'relative'; readonly atMost: number; readonly source: string };

/**
 * The algorithm of these is the processor's own. The bound holds against the true value, so
 * two processors may be this far from it on either side; which of them rounded up is then not
 * defined, and C1 is not compared. Exact cases (zeros, infinities, NaNs, C2) are.
 */
const TRANSCENDENTAL: Accuracy = {
  unit: 'ulp',
  atMost: 1,
  source: 'SDM 1 §8.3.10 Transcendental Instruction Accuracy',
};

export const APPROXIMATE: Readonly<Record<string, Accuracy>> = {
  f2xm1: TRANSCENDENTAL,
  fcos: TRANSCENDENTAL,
  fpatan: TRANSCENDENTAL,
  fptan: TRANSCENDENTAL,
  fsin: TRANSCENDENTAL,
  fsincos: TRANSCENDENTAL,
  fyl2x: TRANSCENDENTAL,
  fyl2xp1: TRANSCENDENTAL,
  rcpps: { unit: 'relative', atMost: 1.5 * 2 ** -12, source: 'SDM 2B §4.3 RCPPS, Description' },
  rcpss: { unit: 'relative', atMost: 1.5 * 2 ** -12, source: 'SDM 2B §4.3 RCPSS, Description' },
  rsqrtps: { unit: 'relative', atMost: 1.5 * 2 ** -12, source: 'SDM 2B §4.3 RSQRTPS, Description' },
  rsqrtss: { unit: 'relative', atMost: 1.5 * 2 ** -12, source: 'SDM 2B §4.3 RSQRTSS, Description' },
};

/** Condition codes that one of these defines; "FPU Flags Affected" of each page in SDM 2A §3.3. */
const DEFINED_CONDITION_CODES: Readonly<Record<string, number>> = {
  fcom: C0 | C1 | C2 | C3,
  fcomp: C0 | C1 | C2 | C3,
  fcompp: C0 | C1 | C2 | C3,
  ficom: C0 | C1 | C2 | C3,
  ficomp: C0 | C1 | C2 | C3,
  fucom: C0 | C1 | C2 | C3,
  fucomp: C0 | C1 | C2 | C3,
  fucompp: C0 | C1 | C2 | C3,
  ftst: C0 | C1 | C2 | C3,
  fxam: C0 | C1 | C2 | C3,
  fprem: C0 | C1 | C2 | C3,
  fprem1: C0 | C1 | C2 | C3,
  // These load all four, clear all four, or say that they do not touch them.
  fcomi: C0 | C1 | C2 | C3,
  fcomip: C0 | C1 | C2 | C3,
  fucomi: C0 | C1 | C2 | C3,
  fucomip: C0 | C1 | C2 | C3,
  fldenv: C0 | C1 | C2 | C3,
  frstor: C0 | C1 | C2 | C3,
  fxrstor: C0 | C1 | C2 | C3,
  fxsave: C0 | C1 | C2 | C3,
  fninit: C0 | C1 | C2 | C3,
  fnsave: C0 | C1 | C2 | C3,
  // C2 says that the argument was out of range; C1 is that of an approximation.
  fcos: C2,
  fptan: C2,
  fsin: C2,
  fsincos: C2,
  f2xm1: 0,
  fpatan: 0,
  fyl2x: 0,
  fyl2xp1: 0,
  // All four undefined.
  fnclex: 0,
  ffree: 0,
  fldcw: 0,
  fnop: 0,
  fnstcw: 0,
  fnstenv: 0,
  fnstsw: 0,
  fwait: 0,
};

/** What of the x87 status word an x87 instruction leaves undefined: all but C1, unless listed. */
export function undefinedConditionCodesAfter(mnemonic: string): number {
  return (C0 | C1 | C2 | C3) & ~(DEFINED_CONDITION_CODES[mnemonic] ?? C1);
}

/**
 * Instructions whose result in user mode is the host's business and not the processor's.
 * No silicon case may hold one of them.
 */
export const NOT_FOR_SILICON: Readonly<Record<string, string>> = {
  sgdt: 'UMIP: the kernel emulates it or raises #GP (SDM 3A §2.5, CR4.UMIP)',
  sidt: 'UMIP: the kernel emulates it or raises #GP (SDM 3A §2.5, CR4.UMIP)',
  sldt: 'UMIP: the kernel emulates it or raises #GP (SDM 3A §2.5, CR4.UMIP)',
  smsw: 'UMIP: the kernel emulates it or raises #GP (SDM 3A §2.5, CR4.UMIP)',
  str: 'UMIP: the kernel emulates it or raises #GP (SDM 3A §2.5, CR4.UMIP)',
  sysenter: 'enters the host kernel, which returns to a page of its own',
  syscall: 'an instruction of other modes; compatibility mode is not protected mode',
  cpuid: 'the answer is the host processor',
  rdtsc: 'the answer is the host time',
  rdpmc: 'the answer is the host counters and the kernel setting of CR4.PCE',
};
