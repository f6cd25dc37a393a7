/** Vectors of exceptions, and which of them combine to a double fault (SDM 3A §6.3, table 6-5). */

export const VECTOR = {
  divide: 0,
  debug: 1,
  nmi: 2,
  breakpoint: 3,
  overflow: 4,
  bound: 5,
  undefined: 6,
  noMath: 7,
  doubleFault: 8,
  invalidTss: 10,
  notPresent: 11,
  stack: 12,
  protection: 13,
  page: 14,
  math: 16,
  alignment: 17,
  simd: 19,
} as const;

const WITH_ERROR_CODE: readonly number[] = [8, 10, 11, 12, 13, 14, 17];

export const hasErrorCode = (vector: number): boolean => WITH_ERROR_CODE.includes(vector);

const CONTRIBUTORY: readonly number[] = [0, 10, 11, 12, 13];

/** What happens when a second exception is raised while the first is delivered. */
export function combine(first: number, second: number): 'serially' | 'double' | 'shutdown' {
  if (first === VECTOR.doubleFault) {
    return CONTRIBUTORY.includes(second) || second === VECTOR.page ? 'shutdown' : 'serially';
  }
  const isContributory = CONTRIBUTORY.includes(second);
  const doubles =
    (CONTRIBUTORY.includes(first) && isContributory) ||
    (first === VECTOR.page && (isContributory || second === VECTOR.page));
  return doubles ? 'double' : 'serially';
}
