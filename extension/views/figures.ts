/** Numbers as text, the same in all views. */

/** Lower-case hexadecimal with `0x`, at least so many digits. */
export const hexadecimal = (value: number, digits = 1): string =>
  `0x${value.toString(16).padStart(digits, '0')}`;

/** A linear address. */
export const address = (value: number): string => hexadecimal(value, 8);

/** Digits in groups of three. */
export const grouped = (value: number): string =>
  String(value).replace(/\B(?=(?:\d{3})+(?!\d))/g, ',');

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;

const TIME_UNITS = [
  { name: 's', nanoseconds: 1e9 },
  { name: 'ms', nanoseconds: 1e6 },
  { name: 'µs', nanoseconds: 1e3 },
] as const;

/** A span of time, in the unit in which it is at least 1. */
export function duration(nanoseconds: number): string {
  const size = Math.abs(nanoseconds);
  const unit = TIME_UNITS.find((candidate) => size >= candidate.nanoseconds);
  if (unit === undefined) {
    return `${nanoseconds} ns`;
  }
  return `${Number((nanoseconds / unit.nanoseconds).toFixed(3))} ${unit.name}`;
}

const MEMORY_UNITS = ['bytes', 'KiB', 'MiB', 'GiB'] as const;

export function memorySize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < MEMORY_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${MEMORY_UNITS[unit]}`;
}

const PAGE = 4096;

export const pagesSize = (pages: number): string => memorySize(pages * PAGE);
