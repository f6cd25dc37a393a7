/** Whether a file is a kernel that a domain can be started with, and what a user would know it by. */

import { readKernel } from '../../emulator/image/kernel.ts';
import { KernelError } from '../../emulator/image/kernel-error.ts';
import { UserError } from '../user-error.ts';
import { unwrapKernel } from './kernel-file.ts';

export interface GuestKernel {
  /** As the kernel calls itself: `linux 2.6`; empty when it says nothing. */
  readonly system: string;
  readonly hasDebugInformation: boolean;
}

/** Looks at the first bytes only: an ELF file, or something that may have one inside. */
export function mayBeKernel(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  const isElf = a === 0x7f && b === 0x45 && c === 0x4c && d === 0x46;
  const isGzip = a === 0x1f && b === 0x8b;
  const isBootable = bytes[0x1fe] === 0x55 && bytes[0x1ff] === 0xaa;
  return isElf || isGzip || isBootable;
}

/** `undefined`: it is no kernel for this machine. `file` names the file in messages. */
export function guestKernel(bytes: Uint8Array, file: string): GuestKernel | undefined {
  try {
    const { guestOs, guestVersion, elf } = readKernel(unwrapKernel(bytes, file).elf);
    return {
      system: `${guestOs} ${guestVersion}`.trim(),
      hasDebugInformation: elf.sections.some(({ name }) => /^\.z?debug_info$/.test(name)),
    };
  } catch (error) {
    if (error instanceof KernelError || error instanceof UserError) {
      return undefined;
    }
    throw error;
  }
}
