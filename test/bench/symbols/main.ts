/**
 * How fast a program as large as a kernel opens, and what it takes: the time from its bytes to the
 * addresses of a line, of questions afterwards, and memory. `--expose-gc` makes memory exact.
 */

import { readFileSync } from 'node:fs';
import { ProgramSymbols } from '../../../debug-adapter/symbols/program-symbols.ts';
import { readElf } from '../../../emulator/image/elf.ts';
import { largeProgram } from './large-program.ts';

const CACHE = '/var/tmp/ringside-ci';

const [path = largeProgram(CACHE), file = 'unit200.c', line = '20', symbol = 'run300'] =
  process.argv.slice(2);
const bytes = new Uint8Array(readFileSync(path));
console.log(`${path}: ${megabytes(bytes.length)}`);
const before = memory();
const began = process.hrtime.bigint();
const symbols = ProgramSymbols.open(readElf(bytes));
const source = time('files that end in a path', () => symbols.filesEnding(file)[0])!;
const stops = time('addresses of a line', () => symbols.addressesOfLine(source, Number(line)));
console.log(`from bytes to a breakpoint: ${milliseconds(began)}`);
reportMemory();
const pc = stops?.addresses[0] ?? 0;

time('address of a name', () => symbols.addressOf(symbol));
time('functions of a name', () => symbols.functionsMatching(symbol));
time('types of a name', () => symbols.typeNamed('struct part77', pc));
time('variable of a name', () => symbols.globalNamed('sink', pc));
time('enumerator of a name', () => symbols.enumeratorNamed('KIND300_B', pc));
reportMemory();

for (const round of ['first', 'second']) {
  console.log(`${round} time at an address, and at others:`);
  for (const at of [pc, symbols.addressOf('run7')!, symbols.addressOf('work350_3')! + 40]) {
    time('  place', () => symbols.locationAt(at));
    time('  range', () => symbols.rangeOfLine(at));
    time('  function', () => symbols.functionAt(at));
    time('  inlined', () => symbols.inlinesAt(at));
    time('  variables', () => symbols.variablesAt(at));
    time('  caller', () => symbols.unwind({ pc: at, register: () => 0, read: () => undefined }));
  }
  time('  another line', () => symbols.addressesOfLine(source, Number(line) + 3));
}
time('functions of a pattern', () => symbols.functionsMatching(/^work1._3$/).length);
time('all variables', () => [...symbols.globals()].length);
reportMemory();
console.log(symbols.problems.join('\n'));

function time<T>(what: string, question: () => T): T {
  const start = process.hrtime.bigint();
  const answer = question();
  console.log(`${what}: ${milliseconds(start)}`);
  return answer;
}

function milliseconds(start: bigint): string {
  return `${(Number(process.hrtime.bigint() - start) / 1e6).toFixed(2)} ms`;
}

function megabytes(count: number): string {
  return `${(count / 2 ** 20).toFixed(1)} MiB`;
}

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Beyond the bytes of the file themselves. */
function reportMemory(): void {
  const used = memory() - before;
  console.log(
    `memory: ${megabytes(used)} beside the file, in all ${(1 + used / bytes.length).toFixed(2)} times the file`,
  );
}
