/**
 * Many iterations of rep movs and rep stos at once.
 *
 * Only where nobody could tell: upwards, in one page at either end, with both pages in the fast
 * tables, and never more than the budget allows. The count of instructions stays exact.
 */

import { ABSENT } from '../memory/tlb.ts';
import { EFLAGS } from './flags.ts';
import type { Processor } from './processor.ts';

/** How many elements the budget and both pages allow; the present iteration is already paid for. */
function allowed(cpu: Processor, size: number, ...addresses: number[]): number {
  const { state } = cpu;
  if (state.systemFlags & EFLAGS.direction || state.alignmentCheck) {
    return 0;
  }
  let count = Math.min(state.ecx, state.budget + 1);
  for (const address of addresses) {
    count = Math.min(count, Math.floor((4096 - (address & 0xfff)) / size));
  }
  return count;
}

/** As many elements of rep movs as can be copied at once, perhaps 0. */
export function copyElements(cpu: Processor, size: number): number {
  const { state, tlb, memory } = cpu;
  const user = cpu.isUser ? 1 : 0;
  const count = allowed(cpu, size, state.esi, state.edi);
  const from = tlb.reads[user][state.esi >>> 12] as number;
  const to = tlb.writes[user][state.edi >>> 12] as number;
  if (count < 2 || (from | to) & ABSENT) {
    return 0;
  }
  const source = (from ^ state.esi) >>> 0;
  const target = (to ^ state.edi) >>> 0;
  const bytes = count * size;
  if (target > source && target < source + bytes) {
    return 0; // A pattern is being replicated, element by element.
  }
  memory.u8.copyWithin(target, source, source + bytes);
  state.budget -= count - 1;
  return count;
}

/** As many elements of rep stos as can be filled at once, perhaps 0. */
export function fillElements(cpu: Processor, size: number): number {
  const { state, tlb, memory } = cpu;
  const count = allowed(cpu, size, state.edi);
  const to = tlb.writes[cpu.isUser ? 1 : 0][state.edi >>> 12] as number;
  if (count < 2 || to & ABSENT) {
    return 0;
  }
  const target = (to ^ state.edi) >>> 0;
  if (size === 4 && target % 4 === 0) {
    memory.u32.fill(state.eax, target / 4, target / 4 + count);
  } else {
    for (let i = 0; i < count * size; i++) {
      memory.u8[target + i] = state.eax >>> (8 * (i % size));
    }
  }
  state.budget -= count - 1;
  return count;
}
