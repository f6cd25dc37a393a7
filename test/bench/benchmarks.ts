/**
 * What is measured: kernels that compute, and loops around one act of the system or, for emulators
 * that are hypervisors too, of the hypervisor.
 *
 * Every benchmark runs at one of two scales. What came out is compared with what is known here, so
 * an emulator that is fast because it is wrong does not count.
 */

/** One length of a benchmark. */
export interface Run {
  /** Rounds of a kernel in units of its own, or operations of a loop. */
  readonly scale: number;

  /** Eight hexadecimal digits. */
  readonly checksum: string;

  /**
   * Retired between the two lines that the guest prints, within a few hundred. They belong to the
   * image as it was last built, and were counted by QEMU's `-icount shift=0`.
   */
  readonly instructions: number;
}

export interface Benchmark {
  readonly name: string;

  /** For a table, where the name does not say enough. */
  readonly title: string;
  readonly kind: 'kernel' | 'loop' | 'act';

  /** For a first impression, and for interpreters. */
  readonly short: Run;

  /** About a second for a translator, which is then past its warming up. */
  readonly long: Run;

  /** Not instructions but something smaller is counted, so no mean has room for it. */
  readonly isApart: boolean;
}

/** In the order of guest/main.c: the guest is told an index. */
const bareBenchmarks: readonly Benchmark[] = [
  kernel('list', [1, 'b339e4b8', 195_975_040], [5, '34290905', 980_266_775]),
  kernel('matrix', [1, '10699d13', 235_256_229], [4, '41a2c28b', 940_934_979]),
  kernel('state', [1, '60ad0152', 57_041_951], [16, '63bebfbf', 912_647_745]),
  kernel('dhry', [1, 'f7e0f240', 401_100_362], [3, '407e76c0', 1_203_300_362]),
  kernel('sha256', [1, 'c6059135', 510_587_454], [2, 'a74ba519', 1_020_847_154]),
  kernel('sieve16M', [1, '0010726f', 512_549_556], [2, '0010726f', 1_025_099_094]),
  kernel('rand16M', [1, '425c4cd6', 260_000_024], [1, '425c4cd6', 260_000_024]),
  {
    ...kernel('repmovs', [1, 'cbd40038', 104_995_106], [2, '88147835', 209_859_106]),
    title: 'repmovs (4-byte moves)',
    isApart: true,
  },
  kernel('interp', [1, '6af7f000', 536_940_040], [2, '6fafe000', 1_073_880_040]),
  kernel('crc32', [1, '8dc656e0', 568_000_023], [2, 'e4091d07', 1_136_000_023]),
  kernel('fibcall', [1, '00e3d1b0', 420_742_415], [3, '02ab7510', 1_262_227_203]),
  kernel('qsort', [1, 'f0b1ec47', 653_676_157], [2, '3fbe8716', 1_314_383_289]),
  loop('int-ring0', 'int 0x80 and iret, ring 0', 200_000, 4_000_000),
  loop('int-ring3', 'int 0x80 and iret, ring 3 to 0', 200_000, 4_000_000),
  loop('fault-skip', 'page fault and iret', 200_000, 4_000_000),
  loop('fault-map', 'unmap, invlpg, page fault, map', 100_000, 400_000),
  loop('cr3', 'load cr3', 100_000, 400_000),
  loop('cr3-walk64', 'load cr3, read 64 pages', 5_000, 20_000),
  loop('invlpg', 'invlpg and read', 200_000, 800_000),
  loop('outb', 'out to a port', 200_000, 1_000_000),
  loop('self-modify', 'change code and call it', 10_000, 40_000),
  loop('pushf-popf', 'pushf and popf', 1_000_000, 10_000_000),
  loop('segment-load', 'load a segment register', 1_000_000, 4_000_000),
];

/** In the order of test/guests/bench/main.c: that guest is told an index, too. */
const acts: readonly Benchmark[] = [
  act('hypercall', 'null hypercall'),
  act('mmu-update', 'mmu_update and mmuext_op invlpg'),
  act('update-va', 'update_va_mapping with invlpg'),
  act('pte-store', 'store to a read-only page table'),
  act('port-read', 'in from a port, trapped'),
  act('event', 'event to itself, upcall and iret'),
  act('user-fault', 'page fault in ring 3 and iret'),
  act('user-int80', 'int 0x80 in ring 3 and iret'),
  act('multicall', 'multicall of stack_switch and fpu_taskswitch'),
  act('base-pointer', 'mmuext_op new_baseptr'),
  act('yield', 'yield with nobody else'),
  act('timer', 'set_timer_op, block, upcall and iret'),
];

export const benchmarks: readonly Benchmark[] = [...bareBenchmarks, ...acts];

/** What the guest without an operating system knows a benchmark by. */
export function indexOf(name: string): number {
  return indexIn(bareBenchmarks, name);
}

/** What the paravirtual guest knows an act by. */
export function actIndexOf(name: string): number {
  return indexIn(acts, name);
}

export function isAct(name: string): boolean {
  return acts.some((benchmark) => benchmark.name === name);
}

function indexIn(list: readonly Benchmark[], name: string): number {
  const index = list.findIndex((benchmark) => benchmark.name === name);
  if (index === -1) {
    throw new Error(`There is no benchmark ${name}.`);
  }
  return index;
}

type Row = readonly [scale: number, checksum: string, instructions: number];

function kernel(name: string, short: Row, long: Row): Benchmark {
  const run = ([scale, checksum, instructions]: Row) => ({ scale, checksum, instructions });
  return { name, title: name, kind: 'kernel', short: run(short), long: run(long), isApart: false };
}

/** A loop returns how often it saw what it provokes. */
function loop(name: string, title: string, short: number, long: number): Benchmark {
  const run = (scale: number) => ({
    scale,
    checksum: scale.toString(16).padStart(8, '0'),
    instructions: Number.NaN,
  });
  return { name, title, kind: 'loop', short: run(short), long: run(long), isApart: false };
}

function act(name: string, title: string): Benchmark {
  return { ...loop(name, title, 100_000, 1_000_000), kind: 'act' };
}
