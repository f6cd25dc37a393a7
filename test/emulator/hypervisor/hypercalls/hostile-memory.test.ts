/** A guest that calls about memory with nonsense, half of it plausible, breaks nothing. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DOMID, HYPERVISOR } from '../../../../emulator/abi/xen.ts';
import { frameMistakes } from '../../../../emulator/hypervisor/frame-check.ts';
import { ARGUMENTS, DirectGuest, SPARE } from '../../../support/direct-guest.ts';

const PAGE = 4096;
const RUNS = 8;
const LIST = ARGUMENTS + 0x400;
const DONE = ARGUMENTS + 0xff0;
const { SELF } = DOMID;

/** Numbers that mean something to some call: a count, a domain, a pointer, a frame with flags. */
const word = fc.oneof(
  { weight: 3, arbitrary: fc.nat(70).map((value) => ({ page: undefined, value })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(SELF, DOMID.IO, LIST, SPARE, 0xffff_ffff, 0x8000_0001)
      .map((value) => ({ page: undefined, value })),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      page: fc.nat(39),
      value: fc.constantFrom(0, 1, 0x21, 0x61, 0x63, 0x65, 0x67, 0xe7),
    }),
  },
);
type Word = { readonly page: number | undefined; readonly value: number };

const act = fc.record({
  words: fc.array(word, { minLength: 12, maxLength: 12 }),
  page: fc.nat(39),
  chance: fc.nat(9999),
});

/** Frames that calls are made about: page tables first, then data. */
function framesOf(guest: DirectGuest): { readonly mfns: number[]; readonly linears: number[] } {
  const first = (guest.plan.pageTables[0]?.pfn ?? 0) * PAGE;
  const linears = [
    ...Array.from({ length: 7 }, (_, i) => first + i * PAGE),
    ...Array.from({ length: 33 }, (_, i) => SPARE + i * PAGE),
  ];
  return { mfns: linears.map((linear) => guest.mfn(linear)), linears };
}

type Given = { readonly words: readonly Word[]; readonly page: number; readonly chance: number };
type Target = ReturnType<typeof framesOf>;

/** What stands at `ARGUMENTS`, and the registers of the call. */
type Act = (given: Given, target: Target) => { memory: number[]; call: number[] };

const address = ({ page, value }: Word, { mfns }: Target): number =>
  page === undefined ? value : ((mfns[page] ?? 0) * PAGE + value) >>> 0;
const frame = ({ page, value }: Word, { mfns }: Target): number =>
  page === undefined ? value : (mfns[page] ?? 0);

const ACTS: readonly Act[] = [
  ({ words, page, chance }, target) => ({
    memory: words
      .slice(0, 2)
      .flatMap((each, i) => [
        ((target.mfns[page] ?? 0) * PAGE +
          ((chance * (i + 1)) % 512) * 8 +
          (chance % 11 === 0 ? 1 : 0)) >>>
          0,
        0,
        address(each, target),
        chance % 13 === 0 ? 0x8000_0000 : 0,
      ]),
    call: [HYPERVISOR.mmu_update, ARGUMENTS, chance % 3, DONE, SELF],
  }),
  ({ words, chance }, target) => ({
    memory: [chance % 22, frame(words[0] as Word, target), frame(words[1] as Word, target)],
    call: [HYPERVISOR.mmuext_op, ARGUMENTS, 1, chance % 2 ? DONE : 0, SELF],
  }),
  ({ words, page, chance }, target) => ({
    memory: [],
    call: [
      HYPERVISOR.update_va_mapping,
      target.linears[page] ?? 0,
      address(words[0] as Word, target),
      0,
      chance % 7,
    ],
  }),
  ({ words, chance }, target) => ({
    memory: [
      LIST,
      chance % 9,
      chance % 5 ? 0 : chance % 12,
      0,
      SELF,
      LIST + 4,
      chance % 9,
      0,
      0,
      SELF,
    ],
    call: [HYPERVISOR.memory_op, address(words[0] as Word, target) % 28, ARGUMENTS],
  }),
  ({ words, chance }, target) => ({
    memory: words.map((each) => frame(each, target)),
    call: [HYPERVISOR.set_gdt, ARGUMENTS, chance % 1200],
  }),
  ({ words, page, chance }, target) => ({
    memory: [],
    call: [
      HYPERVISOR.update_descriptor,
      (target.mfns[page] ?? 0) * PAGE + (chance % 512) * 8,
      0,
      address(words[0] as Word, target),
      chance % 3 ? 0x00cf_9a00 : address(words[1] as Word, target),
    ],
  }),
  ({ words }, target) => ({
    memory: words.map((each) => address(each, target)),
    call: words.slice(0, 6).map((each, i) => (i === 0 ? each.value % 64 : address(each, target))),
  }),
];

/** Calls that are not about memory end the domain or this test. */
const isAboutMemory = (number: number): boolean => [1, 2, 10, 12, 14, 22, 26].includes(number);

test.each(['xen-4.17', 'xen-3.0'] as const)(
  'a hostile guest of %s breaks nothing',
  (profile) => {
    const answers = new Set<string>();
    fc.assert(
      fc.property(fc.array(act, { minLength: 100, maxLength: 250 }), (acts) => {
        const guest = new DirectGuest(profile);
        const target = framesOf(guest);
        const place = guest.mfn(ARGUMENTS) * PAGE;
        for (const given of acts) {
          const { memory, call } = (ACTS[given.chance % ACTS.length] as Act)(given, target);
          const [number = 0, ...registers] = call;
          const list = target.mfns.slice(given.page, given.page + 8);
          for (const [at, words] of [
            [place, memory],
            [place + (LIST - ARGUMENTS), list],
          ] as const) {
            for (const [i, value] of words.entries()) {
              guest.xen.ram.write32(at + 4 * i, value);
            }
          }
          guest.xen.keepsRegisters = false;
          if (isAboutMemory(number)) {
            answers.add(`${number}: ${Math.min(1, guest.call(number, ...registers))}`);
          }
          if (guest.domain.shutdown !== undefined) {
            break;
          }
        }
        expect(frameMistakes(guest.xen)).toEqual([]);
      }),
      { numRuns: RUNS },
    );
    // Calls succeed and fail in many ways, or nothing was tried; the era has fewer errors than today.
    expect(answers.size).toBeGreaterThan(11);
  },
  60_000,
);
