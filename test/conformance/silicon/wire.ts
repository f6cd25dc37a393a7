/**
 * The records that hostcpu.c reads and writes, as typed cases and results.
 *
 * Offsets follow from the order of the fields in hostcpu.h; the greeting that
 * hostcpu sends first carries the sizes of both records, so a header that moved
 * on without this file is noticed before the first case.
 */

export const PAGE_BYTES = 4096;
/** Two pages rwx, filled with int3 around the case's code; then nothing is mapped. */
export const CODE_BASE = 0x1000_0000;
/** Two pages rw, filled with {@link dataPattern}; below them nothing is mapped. */
export const DATA_BASE = 0x2000_0000;
/** The page after the data pages, read-only, filled with {@link dataPattern}; then nothing. */
export const READ_ONLY_BASE = DATA_BASE + 2 * PAGE_BYTES;

/** Whether an address is in hostcpu's own program, linked at the usual place, or near it. */
export const isInHostcpu = (address: number): boolean =>
  address >= 0x0804_0000 && address < 0x0900_0000;

export const MAX_BATCH = 4096;
export const MAX_CODE = 32;
export const MAX_PATCHES = 6;
export const MAX_PATCH_BYTES = 32;
const MAX_RUNS = 8;
const MAX_RUN_BYTES = 384;
/** An FXSAVE image up to and including XMM7 (SDM 1 §10.5.1). */
export const FXSAVE_BYTES = 288;

/** Offsets in an FXSAVE image; ST(i) and XMMi lie 16 bytes apart. */
export const FXSAVE = {
  control: 0,
  status: 2,
  tags: 4,
  opcode: 6,
  instruction: 8,
  operand: 16,
  mxcsr: 24,
  mxcsrMask: 28,
  stack: 32,
  vectors: 160,
} as const;

/** The selector that the host's kernel gives flat user code, and the one for flat user data. */
export const USER_CODE_SELECTOR = 0x23;
export const USER_DATA_SELECTOR = 0x2b;

/** What the data pages hold at `address` where no patch says otherwise. */
export function dataPattern(address: number): number {
  return Math.imul(address ^ (address >>> 7), 0x9e37_79b1) >>> 24;
}

/**
 * How a case is entered and where it ends.
 *
 * - `fast`: runs to the end of its code. It must not load SS; selectors are the host's.
 * - `run`: the same by way of signals, ten times slower, any selectors.
 * - `step`: one instruction, or one iteration of a repeated one; an instruction that loads SS
 *   takes the next one with it.
 */
export type Mode = 'fast' | 'run' | 'step';

export interface MemoryPatch {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** Selectors in encoding order. The kernel forces RPL 3 on each of them. */
export interface Segments {
  readonly es: number;
  readonly cs: number;
  readonly ss: number;
  readonly ds: number;
  readonly fs: number;
  readonly gs: number;
}

export interface SiliconCase {
  readonly mode: Mode;
  readonly code: Uint8Array;
  /** Linear address of the code. */
  readonly codeAddress: number;
  /** Offset of the code in CS; equal to `codeAddress` unless CS has another base. */
  readonly eip: number;
  /** EAX ECX EDX EBX ESP EBP ESI EDI. */
  readonly registers: Uint32Array;
  /** TF and the system flags are the host's; NT and ID can be loaded in `fast` mode only. */
  readonly eflags: number;
  /** Absent: flat, the host's own. Must be absent in `fast` mode. */
  readonly segments?: Segments;
  /** Memory that does not hold the pattern, in the code or data pages. */
  readonly memory: readonly MemoryPatch[];
  /** FXSAVE image up to XMM7; absent when the case does not touch x87, MMX or SSE state. */
  readonly fxsave?: Uint8Array;
}

/**
 * Why the case ended. `syscall` is int 0x80, which the kernel handed back.
 * After `timeout` the state is that of some iteration; after `died` there is none.
 */
export type Outcome = 'completed' | 'fault' | 'syscall' | 'timeout' | 'died';

export interface SiliconResult {
  readonly subject: SiliconCase;
  readonly outcome: Outcome;
  /** Vector, error code and CR2 mean something for `fault` only; CR2 for vector 14 only. */
  readonly vector: number;
  readonly errorCode: number;
  readonly cr2: number;
  readonly registers: Uint32Array;
  /** Of a fault: as pushed, with RF as the processor set it. */
  readonly eflags: number;
  readonly eip: number;
  readonly segments: Segments;
  /** Memory that the case changed, in units of eight aligned bytes, ascending. */
  readonly memory: readonly MemoryPatch[];
  /** More memory changed than a result has room for; `memory` holds the first of it. */
  readonly moreMemory: boolean;
  /** Present when the case had one. FCS and FDS read zero on processors that dropped them. */
  readonly fxsave?: Uint8Array;
}

const CASE = {
  mode: 0,
  flags: 1,
  codeLength: 2,
  patchCount: 3,
  codeAddress: 4,
  registers: 8,
  eflags: 40,
  eip: 44,
  segments: 48,
  code: 60,
  patches: 60 + MAX_CODE,
  fxsave: 60 + MAX_CODE + MAX_PATCHES * (8 + MAX_PATCH_BYTES),
} as const;
const CASE_BYTES = CASE.fxsave + FXSAVE_BYTES;

const RESULT = {
  outcome: 0,
  vector: 1,
  runCount: 2,
  moreRuns: 3,
  errorCode: 4,
  cr2: 8,
  registers: 12,
  eflags: 44,
  eip: 48,
  segments: 52,
  runs: 64,
  runBytes: 64 + MAX_RUNS * 8,
  fxsave: 64 + MAX_RUNS * 8 + MAX_RUN_BYTES,
} as const;
export const RESULT_BYTES = RESULT.fxsave + FXSAVE_BYTES;

const GREETING_MAGIC = 0x5550_4348;
export const GREETING_BYTES = 12;
const BATCH_HEADER_BYTES = 8;
const BATCH_KIND = { cases: 0, ldt: 1 } as const;
const LDT_RECORD_BYTES = 16;
/** hostcpu answers an LDT record with an errno. */
export const LDT_ANSWER_BYTES = 4;

const MODES: Readonly<Record<Mode, number>> = { fast: 0, run: 1, step: 2 };
const FLAG = { withFpu: 1, withSegments: 2 } as const;
const OUTCOMES: readonly Outcome[] = ['completed', 'fault', 'syscall', 'timeout', 'died'];

/** One entry of modify_ldt(2); always DPL 3, always accessed. */
export interface LdtEntry {
  readonly entry: number;
  readonly base: number;
  /** In bytes or pages, as the descriptor has it. */
  readonly limit: number;
  readonly is32Bit: boolean;
  readonly contents: 'data' | 'expand-down' | 'code' | 'conforming';
  /** Data that cannot be written, code that cannot be read. */
  readonly isRestricted: boolean;
  readonly isLimitInPages: boolean;
  readonly isPresent: boolean;
}

/** Says what is wrong with the first bytes of hostcpu's output, if anything is. */
export function greetingComplaint(bytes: Buffer): string | undefined {
  if (bytes.readUInt32LE(0) !== GREETING_MAGIC) {
    return 'hostcpu did not greet';
  }
  const [caseBytes, resultBytes] = [bytes.readUInt32LE(4), bytes.readUInt32LE(8)];
  return caseBytes === CASE_BYTES && resultBytes === RESULT_BYTES
    ? undefined
    : `hostcpu.h has records of ${caseBytes} and ${resultBytes} bytes, wire.ts of ${CASE_BYTES} and ${RESULT_BYTES}`;
}

export function encodeLdt(entries: readonly LdtEntry[]): Buffer {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES + entries.length * LDT_RECORD_BYTES);
  bytes.writeUInt32LE(BATCH_KIND.ldt, 0);
  bytes.writeUInt32LE(entries.length, 4);
  for (const [index, entry] of entries.entries()) {
    const at = BATCH_HEADER_BYTES + index * LDT_RECORD_BYTES;
    bytes.writeUInt32LE(entry.entry, at);
    bytes.writeUInt32LE(entry.base, at + 4);
    bytes.writeUInt32LE(entry.limit, at + 8);
    bytes.writeUInt32LE(userDescBits(entry), at + 12);
  }
  return bytes;
}

/** The bit fields of struct user_desc. */
function userDescBits(entry: LdtEntry): number {
  const contents = ['data', 'expand-down', 'code', 'conforming'].indexOf(entry.contents);
  return (
    (entry.is32Bit ? 1 << 0 : 0) |
    (contents << 1) |
    (entry.isRestricted ? 1 << 3 : 0) |
    (entry.isLimitInPages ? 1 << 4 : 0) |
    (entry.isPresent ? 0 : 1 << 5)
  );
}

export function encodeBatch(cases: readonly SiliconCase[]): Buffer {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES + cases.length * CASE_BYTES);
  bytes.writeUInt32LE(BATCH_KIND.cases, 0);
  bytes.writeUInt32LE(cases.length, 4);
  for (const [index, subject] of cases.entries()) {
    encodeCase(bytes, BATCH_HEADER_BYTES + index * CASE_BYTES, subject);
  }
  return bytes;
}

function encodeCase(bytes: Buffer, at: number, subject: SiliconCase): void {
  checkFits(subject);
  bytes[at + CASE.mode] = MODES[subject.mode];
  bytes[at + CASE.flags] =
    (subject.fxsave ? FLAG.withFpu : 0) | (subject.segments ? FLAG.withSegments : 0);
  bytes[at + CASE.codeLength] = subject.code.length;
  bytes[at + CASE.patchCount] = subject.memory.length;
  bytes.writeUInt32LE(subject.codeAddress, at + CASE.codeAddress);
  for (const [number, value] of subject.registers.entries()) {
    bytes.writeUInt32LE(value, at + CASE.registers + 4 * number);
  }
  bytes.writeUInt32LE(subject.eflags, at + CASE.eflags);
  bytes.writeUInt32LE(subject.eip, at + CASE.eip);
  if (subject.segments) {
    const { es, cs, ss, ds, fs, gs } = subject.segments;
    for (const [number, selector] of [es, cs, ss, ds, fs, gs].entries()) {
      bytes.writeUInt16LE(selector, at + CASE.segments + 2 * number);
    }
  }
  bytes.set(subject.code, at + CASE.code);
  for (const [number, patch] of subject.memory.entries()) {
    const patchAt = at + CASE.patches + number * (8 + MAX_PATCH_BYTES);
    bytes.writeUInt32LE(patch.address, patchAt);
    bytes.writeUInt32LE(patch.bytes.length, patchAt + 4);
    bytes.set(patch.bytes, patchAt + 8);
  }
  if (subject.fxsave) {
    bytes.set(subject.fxsave, at + CASE.fxsave);
  }
}

/** The cases of an encoded batch. */
export function decodeBatch(bytes: Buffer): SiliconCase[] {
  return Array.from({ length: bytes.readUInt32LE(4) }, (_, index) =>
    decodeCase(bytes, BATCH_HEADER_BYTES + index * CASE_BYTES),
  );
}

function decodeCase(bytes: Buffer, at: number): SiliconCase {
  const words = (from: number, count: number): number[] =>
    Array.from({ length: count }, (_, index) => bytes.readUInt32LE(at + from + 4 * index));
  const selector = (number: number): number => bytes.readUInt16LE(at + CASE.segments + 2 * number);
  const flags = bytes.readUInt8(at + CASE.flags);
  const mode = (Object.keys(MODES) as Mode[])[bytes.readUInt8(at + CASE.mode)];
  if (!mode) {
    throw new RangeError('A case has a mode that there is not');
  }
  return {
    mode,
    code: slice(bytes, at + CASE.code, bytes.readUInt8(at + CASE.codeLength)),
    codeAddress: bytes.readUInt32LE(at + CASE.codeAddress),
    eip: bytes.readUInt32LE(at + CASE.eip),
    registers: Uint32Array.from(words(CASE.registers, 8)),
    eflags: bytes.readUInt32LE(at + CASE.eflags),
    ...(flags & FLAG.withSegments && {
      segments: {
        es: selector(0),
        cs: selector(1),
        ss: selector(2),
        ds: selector(3),
        fs: selector(4),
        gs: selector(5),
      },
    }),
    memory: Array.from({ length: bytes.readUInt8(at + CASE.patchCount) }, (_, number) => {
      const patchAt = at + CASE.patches + number * (8 + MAX_PATCH_BYTES);
      const length = bytes.readUInt32LE(patchAt + 4);
      return { address: bytes.readUInt32LE(patchAt), bytes: slice(bytes, patchAt + 8, length) };
    }),
    ...(flags & FLAG.withFpu && { fxsave: slice(bytes, at + CASE.fxsave, FXSAVE_BYTES) }),
  };
}

/** A case that breaks a limit of the record is our mistake, not a result. */
function checkFits(subject: SiliconCase): void {
  const fits =
    subject.code.length <= MAX_CODE &&
    subject.registers.length === 8 &&
    subject.memory.length <= MAX_PATCHES &&
    subject.memory.every((patch) => patch.bytes.length <= MAX_PATCH_BYTES) &&
    (subject.fxsave?.length ?? FXSAVE_BYTES) === FXSAVE_BYTES &&
    !(subject.mode === 'fast' && subject.segments);
  if (!fits) {
    throw new RangeError(`Case does not fit its record: ${JSON.stringify(subject)}`);
  }
}

export function decodeResult(bytes: Buffer, at: number, subject: SiliconCase): SiliconResult {
  const registers = new Uint32Array(8);
  for (let number = 0; number < 8; number++) {
    registers[number] = bytes.readUInt32LE(at + RESULT.registers + 4 * number);
  }
  const selector = (number: number) => bytes.readUInt16LE(at + RESULT.segments + 2 * number);
  const outcome = OUTCOMES[bytes.readUInt8(at + RESULT.outcome)];
  if (!outcome) {
    throw new RangeError('hostcpu sent an outcome that it does not have');
  }
  return {
    subject,
    outcome,
    vector: bytes.readUInt8(at + RESULT.vector),
    errorCode: bytes.readUInt32LE(at + RESULT.errorCode),
    cr2: bytes.readUInt32LE(at + RESULT.cr2),
    registers,
    eflags: bytes.readUInt32LE(at + RESULT.eflags),
    eip: bytes.readUInt32LE(at + RESULT.eip),
    segments: {
      es: selector(0),
      cs: selector(1),
      ss: selector(2),
      ds: selector(3),
      fs: selector(4),
      gs: selector(5),
    },
    memory: decodeMemory(bytes, at),
    moreMemory: bytes.readUInt8(at + RESULT.moreRuns) !== 0,
    ...(subject.fxsave && { fxsave: slice(bytes, at + RESULT.fxsave, FXSAVE_BYTES) }),
  };
}

function decodeMemory(bytes: Buffer, at: number): MemoryPatch[] {
  const memory: MemoryPatch[] = [];
  let used = at + RESULT.runBytes;
  for (let run = 0; run < bytes.readUInt8(at + RESULT.runCount); run++) {
    const address = bytes.readUInt32LE(at + RESULT.runs + 8 * run);
    const length = bytes.readUInt32LE(at + RESULT.runs + 8 * run + 4);
    memory.push({ address, bytes: slice(bytes, used, length) });
    used += length;
  }
  return memory;
}

/** A copy: results outlive the batch they came in. */
function slice(bytes: Buffer, at: number, length: number): Uint8Array {
  return new Uint8Array(bytes.subarray(at, at + length));
}
