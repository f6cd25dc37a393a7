/**
 * What processors look at before they touch all of a long operand in memory.
 *
 * It shows when more than one thing is wrong: which fault is raised, and for which address. Found
 * by asking silicon; the manual leaves the order open (SDM 3A §6.9, table 6-2).
 */

import { VECTOR } from './exceptions.ts';
import { native } from './native.ts';
import type { Operand } from './operand.ts';
import type { Access, Semantics } from './semantics.ts';
import { checkReach } from './system/segmentation.ts';

/** The image of FXSAVE. */
const EXTENDED_IMAGE = 512;

/** Parts of an operand (offset and size) that are looked at first; images by first and last byte. */
function firstParts(size: number): readonly (readonly [number, number])[] {
  switch (size) {
    case 10:
      return [[0, 8]];
    case 14:
    case 94:
      return [
        [0, 2],
        [size - 1, 1],
      ];
    case 28:
    case 108:
      return [
        [0, 4],
        [size - 1, 1],
      ];
    default:
      return [];
  }
}

/** Whether the first four bytes of an image lie within the limit of its segment. */
const checkFirstWord = native('checkFirstWord', (cpu, segment: number, offset: number) => {
  checkReach(cpu, segment, offset >>> 0, 4);
});

/** Faults as the processor does before the access itself. */
export function approach<V>(cpu: Semantics<V>, operand: Operand, access: Access): void {
  for (const [at, size] of firstParts(operand.size)) {
    cpu.touch(operand, access, at, size);
  }
  if (!operand.isAligned) {
    return;
  }
  const isImage = operand.size === EXTENDED_IMAGE;
  const linear = cpu.linear(operand);
  if (isImage) {
    // Whether the segment may be read or written is not asked yet.
    cpu.call(checkFirstWord, cpu.segmentOf(operand), cpu.address(operand));
    const isMisaligned = cpu.and(linear, cpu.constant(3));
    cpu.when(cpu.state('alignmentCheck'), () => cpu.faultIf(isMisaligned, VECTOR.alignment));
  }
  cpu.faultIf(cpu.and(linear, cpu.constant(15)), VECTOR.protection, 0);
  if (isImage) {
    cpu.touch(operand, access, operand.size - 1, 1);
  }
}
