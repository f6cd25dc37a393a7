/** Languages in which guest kernels and what Ringside shows of them are written. */
export const SOURCE_LANGUAGES = [
  ...['c', 'cpp', 'rust'],
  ...['asm', 'asm-intel-x86-generic', 'gas', 'nasm'],
  ...['ringside-disassembly', 'ringside-stage'],
] as const;
