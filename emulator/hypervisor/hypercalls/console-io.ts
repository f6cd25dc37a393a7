/**
 * `HYPERVISOR_console_io`: the hypervisor's own console, which guests print to in need.
 *
 * Unlike real Xen without a verbose console, writing is always allowed: a debugger wants to see it.
 */

import { ERRNO } from '../../abi/errno.ts';
import { CONSOLEIO, HYPERVISOR } from '../../abi/xen.ts';
import type { Caller, Hypercall } from '../hypercall.ts';

/** Bytes copied at a time. */
const CHUNK = 4096;

function write({ xen, domain, memory }: Caller, count: number, address: number): number {
  if (!memory.isBelowHole(address, count)) {
    return count === 0 ? 0 : -ERRNO.EFAULT;
  }
  for (let done = 0; done < count; done += CHUNK) {
    const length = Math.min(CHUNK, count - done);
    const bytes = memory.copyIn((address + done) >>> 0, length);
    if (bytes === undefined) {
      return -ERRNO.EFAULT;
    }
    xen.emergencyConsole(domain, new Uint8Array(bytes.buffer.slice(0)));
  }
  return 0;
}

export const consoleIo: Hypercall = {
  number: HYPERVISOR.console_io,
  name: 'console_io',
  parameters: ['cmd', 'count', 'buffer'],
  commands: CONSOLEIO,
  run: (caller, command, count, address) =>
    command === CONSOLEIO.write ? write(caller, count, address) : -ERRNO.EPERM,
};
