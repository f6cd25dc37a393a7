/**
 * A program as large as a kernel, for the symbol reader: some hundred units that share a header of
 * many types, functions with blocks, inlined copies and variables. Made once, in a folder outside of
 * the project.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const UNITS = 400;
const FUNCTIONS = 24;
const HEADER_TYPES = 420;

/** Part of the name of the file, so that another program is another file. */
const EDITION = 1;

/** The path of the program, which is built when it is not there. Throws what the compiler says. */
export function largeProgram(cache: string): string {
  const program = join(cache, `large-program-${EDITION}.elf`);
  if (!existsSync(program)) {
    const folder = join(cache, `large-program-${process.pid}`);
    mkdirSync(folder, { recursive: true });
    try {
      build(folder);
      renameSync(join(folder, 'program'), program);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return program;
}

function build(folder: string): void {
  writeFileSync(join(folder, 'kernel.h'), header());
  const sources = ['main.c'];
  writeFileSync(join(folder, 'main.c'), main());
  for (let unit = 0; unit < UNITS; unit++) {
    sources.push(`unit${unit}.c`);
    writeFileSync(join(folder, `unit${unit}.c`), unitSource(unit));
  }
  const options = [
    ...['-m32', '-O2', '-g', '-ffreestanding', '-fno-pic', '-fno-stack-protector', '-w'],
    ...['-fno-eliminate-unused-debug-types', '-nostdlib', '-static', '-no-pie'],
  ];
  const inParallel = `printf '%s\\n' *.c | xargs -P "$(nproc)" -n 8 gcc ${options.join(' ')} -c`;
  execFileSync('sh', ['-c', inParallel], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
  execFileSync('sh', ['-c', `gcc ${options.join(' ')} -Wl,-Ttext=0xc0100000 -o program *.o`], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join('');

function header(): string {
  return `#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
struct link { struct link *next, *previous; };
enum condition { IDLE, READY = 2, GONE = 4 };
union entry { u32 all; struct { u32 present : 1, writable : 1, user : 1, rest : 9, frame : 20; }; };
extern volatile u32 sink;
${times(
  HEADER_TYPES,
  (n) => `struct part${n} {
  struct link link; struct part${(n * 7) % HEADER_TYPES} *other; u32 count${n}; u64 total;
  char name[${8 + (n % 24)}]; union entry entry; enum condition condition;
  int (*open${n})(struct part${n} *, const char *, u32); u8 flag : 3, mode : 5; u16 id;
};
typedef struct part${n} part${n}_t;
enum kind${n} { KIND${n}_A, KIND${n}_B, KIND${n}_C = ${n} };
extern int helper${n}(struct part${n} *, u32);
`,
)}
static inline __attribute__((always_inline)) u32 scramble(u32 x) { x ^= x >> 16; x *= 0x45d9f3b; return x ^ (x >> 15); }
static inline __attribute__((always_inline)) void insert(struct link *one, struct link *head) {
  one->next = head->next; one->previous = head; head->next->previous = one; head->next = one;
}
`;
}

function unitSource(unit: number): string {
  return `#include "kernel.h"
struct own${unit} { struct part${unit % HEADER_TYPES} part; u32 words[7]; struct own${unit} *next; };
static struct own${unit} own${unit};
${times(
  FUNCTIONS,
  (n) => `
${n % 3 === 0 ? '' : 'static '}__attribute__((noinline)) int work${unit}_${n}(struct part${n} *part, u32 count, const char *name)
{
  u32 sum = count;
  union entry local = { .all = count };
  for (u32 i = 0; i < count; i++) {
    u32 x = scramble(i + sum);
    if (x & 1) {
      u32 y = scramble(x) + own${unit}.words[i % 7];
      sum += y;
      sink = y;
    } else {
      insert(&part->link, &own${unit}.part.link);
    }
  }
  part->mode = local.frame + sum;
  while (*name)
    sum += *name++;
  return part->open${n} ? part->open${n}(part, name, sum) : (int)sum + ${n};
}
`,
)}
int run${unit}(void *any) {
  int result = 0;
${times(FUNCTIONS, (n) => `  result += work${unit}_${n}(any, result, "${n}");\n`)}  return result;
}
`;
}

function main(): string {
  return `#include "kernel.h"
volatile u32 sink;
${times(UNITS, (n) => `int run${n}(void *);\n`)}
void _start(void) {
  static char any[4096];
${times(UNITS, (n) => `  sink += run${n}(any);\n`)}  for (;;) ;
}
`;
}
