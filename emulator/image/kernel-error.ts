/** Why a file cannot be started as a guest kernel, in a sentence that names what is wrong with it. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
}

/** An address or number as messages show it. */
export function hex(value: number): string {
  return `${value < 0 ? '-' : ''}0x${Math.abs(value).toString(16)}`;
}
