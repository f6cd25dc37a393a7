/**
 * Hypercalls that exist but are not for an unprivileged paravirtual guest: each with the answer
 * that real Xen gives it, and a record for the user.
 */

import { ERRNO } from '../../abi/errno.ts';
import { HYPERVISOR } from '../../abi/xen.ts';
import type { Caller, Hypercall } from '../hypercall.ts';

interface Refusal {
  readonly name: keyof typeof HYPERVISOR;
  /** Which argument is a pointer that is read before anything else, and how many bytes. */
  readonly reads?: { readonly argument: 0 | 1; readonly bytes: number };
  /** The first word read is a version of the interface: no caller knows the right one. */
  readonly isVersioned?: boolean;
  readonly errno: number;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: 'platform_op',
    reads: { argument: 0, bytes: 128 },
    isVersioned: true,
    errno: ERRNO.EPERM,
  },
  { name: 'sysctl', reads: { argument: 0, bytes: 128 }, isVersioned: true, errno: ERRNO.EPERM },
  { name: 'domctl', reads: { argument: 0, bytes: 128 }, isVersioned: true, errno: ERRNO.EPERM },
  { name: 'xenoprof_op', reads: { argument: 1, bytes: 4 }, errno: ERRNO.EPERM },
  { name: 'hvm_op', reads: { argument: 1, bytes: 16 }, errno: ERRNO.EINVAL },
  { name: 'kexec_op', errno: ERRNO.EPERM },
  { name: 'xenpmu_op', errno: ERRNO.EOPNOTSUPP },
  { name: 'hypfs_op', errno: ERRNO.EPERM },
  { name: 'arch_0', errno: ERRNO.EPERM },
];

/** The version of `sysctl` and its like that 4.17 has; callers with another are told so first. */
const VERSIONS = [0x0300_000b, 0x15, 0x14];

function refuse(caller: Caller, refusal: Refusal, values: readonly number[]): number {
  const { xen, domain, memory } = caller;
  xen.journal.record('refusal', domain.id, `${refusal.name} is not for this domain.`);
  if (refusal.reads === undefined) {
    return -refusal.errno;
  }
  const address = values[refusal.reads.argument] ?? 0;
  const bytes = memory.copyIn(address, refusal.reads.bytes);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const isUnknown = refusal.isVersioned && !VERSIONS.includes(bytes.getUint32(0, true));
  return isUnknown ? -ERRNO.EACCES : -refusal.errno;
}

export const refused: readonly Hypercall[] = REFUSALS.map((refusal) => ({
  number: HYPERVISOR[refusal.name],
  name: refusal.name,
  parameters: ['arg1', 'arg2'],
  run: (caller, first, second) => refuse(caller, refusal, [first, second]),
}));
