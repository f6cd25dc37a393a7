/** Whether two results of one case are the same, as far as the SDM defines what comes out. */

import { type Decoded, decode } from '../../../emulator/cpu/decoder.ts';
import type { OpcodeMap } from '../../../emulator/cpu/opcode-map.ts';
import { wordsOf } from './layout.ts';
import {
  type Accuracy,
  APPROXIMATE,
  type CaseFacts,
  undefinedAfter,
  undefinedConditionCodesAfter,
} from './masks.ts';
import { isGranted } from './vendors.ts';
import {
  FXSAVE,
  isInHostcpu,
  type MemoryPatch,
  type SiliconCase,
  type SiliconResult,
} from './wire.ts';

/** One part of the result that differs. */
export interface Difference {
  readonly part: string;
  readonly host: string;
  readonly ours: string;
}

const ESP = 4;
const INTEL = 'GenuineIntel';
const NAMES = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const hex = (value: number): string => value.toString(16).padStart(8, '0');
const bytesText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface Instance {
  readonly decoded: Decoded;
  /** Offset of the instruction in the case's code. */
  readonly at: number;
}

/** The last instruction of a case as our decoder reads it, if it does. */
export function instanceOf(map: OpcodeMap, subject: SiliconCase): Instance | undefined {
  const selector = subject.segments?.cs;
  const words = selector === undefined ? undefined : wordsOf(selector);
  const is32 = words === undefined || (words[1] & 0x40_0000) !== 0;
  const { length } = subject.code;
  const padded = new Uint8Array(length + 16).fill(0xcc);
  padded.set(subject.code);
  for (let at = 0; ; ) {
    const decoded = decode(map, padded, at, { is32, isFlat: subject.segments === undefined });
    if (!('entry' in decoded)) {
      return undefined;
    }
    if (at + decoded.length >= length) {
      return { decoded, at };
    }
    at += decoded.length;
  }
}

export class Comparison {
  readonly #map: OpcodeMap;
  readonly #vendor: string;

  /** @param vendor of the host, as CPUID names it */
  constructor(map: OpcodeMap, vendor = INTEL) {
    this.#map = map;
    this.#vendor = vendor;
  }

  /** None: the results are the same. */
  differences(host: SiliconResult, ours: SiliconResult): Difference[] {
    if (host.outcome === 'died') {
      // A stack in the middle of hostcpu is no stack for a signal.
      const isOverrun = isInHostcpu(ours.registers[ESP] as number);
      return isOverrun ? [] : [{ part: 'outcome', host: 'died', ours: ours.outcome }];
    }
    const found = [...this.#plain(host, ours), ...this.#fpu(host, ours)];
    return found.length === 0 || this.#vendor === INTEL
      ? found
      : this.#withoutGranted(host, ours, found);
  }

  #withoutGranted(host: SiliconResult, ours: SiliconResult, found: Difference[]): Difference[] {
    const entry = instanceOf(this.#map, host.subject)?.decoded.entry;
    const mnemonic = entry?.instruction.mnemonic ?? '';
    const encoding = entry?.encoding.text ?? '';
    return found.filter(
      ({ part }) => !isGranted(this.#vendor, { mnemonic, encoding, part, host, ours }),
    );
  }

  #plain(host: SiliconResult, ours: SiliconResult): Difference[] {
    const found: Difference[] = [];
    const note = (part: string, a: string | number, b: string | number): void => {
      if (a !== b) {
        found.push({
          part,
          host: typeof a === 'number' ? hex(a) : a,
          ours: typeof b === 'number' ? hex(b) : b,
        });
      }
    };
    note('outcome', host.outcome, ours.outcome);
    note('vector', host.vector, ours.vector);
    if (host.outcome === 'fault' && ours.outcome === 'fault') {
      note('error code', host.errorCode, ours.errorCode);
      note('cr2', host.cr2, ours.cr2);
    }
    // After int 0x80 it is where the host's kernel puts it.
    if (host.outcome !== 'syscall') {
      note('eip', host.eip, ours.eip);
    }
    NAMES.forEach((name, number) => {
      note(name, host.registers[number] ?? 0, ours.registers[number] ?? 0);
    });
    note('eflags', host.eflags, ours.eflags);
    for (const name of ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const) {
      note(name, host.segments[name], ours.segments[name]);
    }
    const memories = [memoryText(host.memory), memoryText(like(host, ours.memory))];
    note('memory', memories[0] ?? '', memories[1] ?? '');
    return found.length === 0 ? found : this.#withoutUndefined(host, ours, found);
  }

  /** Only when something differs is it worth asking what is defined. */
  #withoutUndefined(host: SiliconResult, ours: SiliconResult, found: Difference[]): Difference[] {
    const instance = instanceOf(this.#map, host.subject);
    if (instance === undefined || !hasRun(host, instance.at)) {
      return found;
    }
    const { decoded } = instance;
    const undefinedParts = undefinedAfter(factsOf(decoded, host));
    const first = decoded.operands[0];
    return found.filter(({ part }) => {
      if (part === 'eflags') {
        return ((host.eflags ^ ours.eflags) & ~undefinedParts.flags) !== 0;
      }
      if (!undefinedParts.destination) {
        return true;
      }
      return first?.memory === undefined ? part !== NAMES[first?.register ?? 0] : part !== 'memory';
    });
  }

  #fpu(host: SiliconResult, ours: SiliconResult): Difference[] {
    const [a, b] = [host.fxsave, ours.fxsave];
    if (a === undefined || b === undefined) {
      return [];
    }
    const found: Difference[] = [];
    const note = (part: string, from: number, to: number): void => {
      const [left, right] = [a.subarray(from, to), b.subarray(from, to)];
      if (Buffer.compare(left, right) !== 0) {
        found.push({ part, host: bytesText(left), ours: bytesText(right) });
      }
    };
    note('control word', FXSAVE.control, FXSAVE.control + 2);
    note('status word', FXSAVE.status, FXSAVE.status + 2);
    note('tags', FXSAVE.tags, FXSAVE.tags + 1);
    note('x87 instruction pointer', FXSAVE.instruction, FXSAVE.instruction + 4);
    note('mxcsr', FXSAVE.mxcsr, FXSAVE.mxcsr + 4);
    for (let number = 0; number < 8; number++) {
      const stack = FXSAVE.stack + 16 * number;
      note(`st${number}`, stack, stack + 10);
      const vector = FXSAVE.vectors + 16 * number;
      note(`xmm${number}`, vector, vector + 16);
    }
    return found.length === 0 ? found : this.#withoutInexact(host, ours, found);
  }

  /** Without what the SDM leaves to the processor of status and of approximated results. */
  #withoutInexact(host: SiliconResult, ours: SiliconResult, found: Difference[]): Difference[] {
    const instance = instanceOf(this.#map, host.subject);
    if (instance === undefined || !hasRun(host, instance.at)) {
      return found;
    }
    const { decoded } = instance;
    const { mnemonic, unit } = decoded.entry.instruction;
    const undefinedStatus = unit === 'x87' ? undefinedConditionCodesAfter(mnemonic) : 0;
    const accuracy = APPROXIMATE[mnemonic];
    return found.filter(({ part }) => {
      if (part === 'status word') {
        return ((statusOf(host) ^ statusOf(ours)) & ~undefinedStatus) !== 0;
      }
      return accuracy === undefined || !isNear(accuracy, part, host, ours);
    });
  }
}

/** Whether the instruction ended; the fetch of the next one may have faulted. */
const hasRun = ({ outcome, eip, subject }: SiliconResult, at: number): boolean =>
  outcome === 'completed' || (eip !== subject.eip && eip !== subject.eip + at);

/**
 * Whether two approximations of one number are as near to each other as they must be. Ours of the
 * x87 is the true result rounded, so the bound for a processor is that between the two; the
 * others may both be off.
 */
function isNear(
  accuracy: Accuracy,
  part: string,
  { fxsave: host }: SiliconResult,
  { fxsave: ours }: SiliconResult,
): boolean {
  const register = /^(?<file>st|xmm)(?<number>[0-7])$/.exec(part)?.groups;
  if (register === undefined || host === undefined || ours === undefined) {
    return false;
  }
  const number = Number(register['number']);
  if (accuracy.unit === 'ulp') {
    const at = FXSAVE.stack + 16 * number;
    const apart = Math.abs(Number(orderOf(host, at) - orderOf(ours, at)));
    return register['file'] === 'st' && apart <= accuracy.atMost;
  }
  return [0, 4, 8, 12].every((lane) => {
    const at = FXSAVE.vectors + 16 * number + lane;
    const [a, b] = [singleAt(host, at), singleAt(ours, at)];
    const within = 2 * accuracy.atMost;
    // About the smallest normal number either may be tiny, which is flushed to zero.
    const isTiny = Math.max(Math.abs(a), Math.abs(b)) <= SMALLEST_NORMAL * (1 + within);
    return Object.is(a, b) || isTiny || Math.abs(a - b) <= within * Math.abs(b);
  });
}

const SMALLEST_NORMAL = 2 ** -126;

const viewOf = (image: Uint8Array): DataView =>
  new DataView(image.buffer, image.byteOffset, image.length);

const singleAt = (image: Uint8Array, at: number): number => viewOf(image).getFloat32(at, true);

/** Numbers of 80 bits in order: neighbours are one apart. */
function orderOf(image: Uint8Array, at: number): bigint {
  const view = viewOf(image);
  const high = view.getUint16(at + 8, true);
  const fraction = view.getBigUint64(at, true) & ~(1n << 63n);
  const magnitude = (BigInt(high & 0x7fff) << 63n) | fraction;
  return high & 0x8000 ? -magnitude : magnitude;
}

const statusOf = ({ fxsave }: SiliconResult): number =>
  (fxsave?.[FXSAVE.status] ?? 0) | ((fxsave?.[FXSAVE.status + 1] ?? 0) << 8);

/** What the table of undefined things asks about a case. */
function factsOf(decoded: Decoded, host: SiliconResult): CaseFacts {
  const { subject } = host;
  const by = decoded.operands.at(-1);
  const count =
    by?.operand.kind === 'count'
      ? (subject.registers[1] as number)
      : by?.operand.kind === 'one'
        ? 1
        : (by?.value ?? 0);
  const ZF = 0x40;
  return {
    mnemonic: decoded.entry.instruction.mnemonic,
    operandBits: (8 * decoded.size) as 8 | 16 | 32,
    count: count & 31,
    // All that is asked is whether it is zero, which ZF tells.
    source: host.eflags & ZF ? 0 : 1,
  };
}

function memoryText(memory: readonly MemoryPatch[]): string {
  return memory.map(({ address, bytes }) => `${hex(address)}:${bytesText(bytes)}`).join(' ');
}

/** Our changes, cut to where the host's result had no more room. */
function like(host: SiliconResult, memory: readonly MemoryPatch[]): readonly MemoryPatch[] {
  if (!host.moreMemory) {
    return memory;
  }
  return host.memory.map(({ address, bytes }) => {
    const ours = memory.find((run) => run.address === address);
    return { address, bytes: ours?.bytes.subarray(0, bytes.length) ?? new Uint8Array() };
  });
}
