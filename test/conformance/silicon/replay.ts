/** One case as a word for the command line, and both results of it in full for the eye. */

import { deflateRawSync, inflateRawSync } from 'node:zlib';

import { decodeBatch, encodeBatch, FXSAVE, type SiliconCase, type SiliconResult } from './wire.ts';

/** The case as hostcpu reads it, packed. */
export function tokenOf(subject: SiliconCase): string {
  return deflateRawSync(encodeBatch([subject])).toString('hex');
}

/** The case that a token stands for; undefined if it is none. */
export function caseOfToken(token: string): SiliconCase | undefined {
  try {
    return decodeBatch(inflateRawSync(Buffer.from(token, 'hex')))[0];
  } catch {
    return undefined;
  }
}

const hex = (value: number, digits = 8): string => value.toString(16).padStart(digits, '0');
const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const SEGMENTS = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'] as const;
const bytesOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function fpuLines(image: Uint8Array | undefined): string[] {
  if (image === undefined) {
    return [];
  }
  const at = (from: number, length: number): string =>
    bytesOf(image.slice(from, from + length).reverse());
  const numbers = Array.from({ length: 8 }, (_, number) => number);
  return [
    `control ${at(FXSAVE.control, 2)} status ${at(FXSAVE.status, 2)} tags ${at(FXSAVE.tags, 1)} mxcsr ${at(FXSAVE.mxcsr, 4)}`,
    `opcode ${at(FXSAVE.opcode, 2)} instruction ${at(FXSAVE.instruction, 4)} operand ${at(FXSAVE.operand, 4)}`,
    ...numbers.map(
      (number) =>
        `st${number} ${at(FXSAVE.stack + 16 * number, 10)}  xmm${number} ${at(FXSAVE.vectors + 16 * number, 16)}`,
    ),
  ];
}

const registerLine = (registers: Uint32Array): string =>
  REGISTERS.map((name, number) => `${name} ${hex(registers[number] as number)}`).join(' ');

export function caseLines(subject: SiliconCase): string[] {
  const { segments } = subject;
  return [
    `code ${bytesOf(subject.code)} at ${hex(subject.codeAddress)}, ${subject.mode}`,
    registerLine(subject.registers),
    `eip ${hex(subject.eip)} eflags ${hex(subject.eflags)}${
      segments ? SEGMENTS.map((name) => ` ${name} ${hex(segments[name], 4)}`).join('') : ''
    }`,
    ...subject.memory.map(({ address, bytes }) => `memory ${hex(address)}: ${bytesOf(bytes)}`),
    ...fpuLines(subject.fxsave),
  ];
}

export function resultLines(result: SiliconResult): string[] {
  const fault =
    result.outcome === 'fault'
      ? ` vector ${result.vector} error ${hex(result.errorCode, 4)} cr2 ${hex(result.cr2)}`
      : '';
  return [
    `${result.outcome}${fault}`,
    registerLine(result.registers),
    `eip ${hex(result.eip)} eflags ${hex(result.eflags)}${SEGMENTS.map(
      (name) => ` ${name} ${hex(result.segments[name], 4)}`,
    ).join('')}`,
    ...result.memory.map(({ address, bytes }) => `memory ${hex(address)}: ${bytesOf(bytes)}`),
    ...fpuLines(result.fxsave),
  ];
}
