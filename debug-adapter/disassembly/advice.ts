/** What to do about a file that cannot be read: an `ElfError` says what is wrong with it, no more. */

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** Offsets in the ELF header and what an i386 file has there (gABI 4, "ELF Header"). */
const I386: readonly (readonly [offset: number, byte: number])[] = [
  [4, 1], // EI_CLASS: 32 bits
  [5, 1], // EI_DATA: little-endian
  [18, 3], // e_machine: EM_386
  [19, 0],
];

/** A sentence for the user, by the bytes of the file. */
export function adviceFor(bytes: Uint8Array): string {
  if (MAGIC.some((byte, offset) => bytes[offset] !== byte)) {
    return 'Choose an ELF file: a kernel, a program or an object file.';
  }
  if (I386.some(([offset, byte]) => (bytes[offset] ?? byte) !== byte)) {
    return 'Build it for the i386, for example with gcc -m32.';
  }
  return 'If the file is incomplete or damaged, copy or build it again.';
}
