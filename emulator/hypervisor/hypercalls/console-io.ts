/**
 * `HYPERVISOR_console_io`: the hypervisor's own console, which guests print to in need.
 *
 * Unlike real Xen without a verbose console, writing is always allowed: a debugger wants to see it.
 */

import { ERRNO } from '../../abi/errno.ts';
import { CONSOLEIO, HYPERVISOR } from '../../abi/xen.ts';
import { type Caller, continueLater, type Hypercall, isLong } from '../hypercall.ts';

/** Bytes copied at a time. */
const CHUNK = 4096;

/** What copying a chunk costs, in entries of lists. */
const WORK_OF_CHUNK = 64;

function write(caller: Caller, count: number, address: number): number {
  const { xen, domain, memory } = caller;
  if (!memory.isBelowHole(address, count)) {
    return count === 0 ? 0 : -ERRNO.EFAULT;
  }
  for (let done = 0; done < count; done += CHUNK) {
    if (done > 0 && isLong(caller, WORK_OF_CHUNK)) {
      const rest = { ecx: count - done, edx: (address + done) >>> 0 };
      return continueLater(caller, HYPERVISOR.console_io, { ebx: CONSOLEIO.write, ...rest });
    }
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
