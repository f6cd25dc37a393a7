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
  /** The interface_version behind the command, without which -EACCES comes first. */
  readonly version?: number;
  readonly errno: number;
  /** The command that does nothing, successfully, where nobody has asked to hear of it. */
  readonly nullIsFine?: number;
}

/** HVMOP_guest_request_vm_event, which any guest may make. */
const GUEST_REQUEST_VM_EVENT = 24;

const REFUSALS: readonly Refusal[] = [
  {
    name: 'platform_op',
    reads: { argument: 0, bytes: 128 },
    version: 0x0300_0001,
    errno: ERRNO.EPERM,
  },
  { name: 'sysctl', reads: { argument: 0, bytes: 128 }, version: 0x15, errno: ERRNO.EPERM },
  { name: 'domctl', reads: { argument: 0, bytes: 128 }, version: 0x15, errno: ERRNO.EPERM },
  { name: 'xenoprof_op', reads: { argument: 1, bytes: 4 }, errno: ERRNO.EPERM },
  {
    name: 'hvm_op',
    reads: { argument: 1, bytes: 16 },
    errno: ERRNO.EINVAL,
    nullIsFine: GUEST_REQUEST_VM_EVENT,
  },
  { name: 'kexec_op', errno: ERRNO.EPERM },
  { name: 'xenpmu_op', errno: ERRNO.EOPNOTSUPP },
  { name: 'hypfs_op', errno: ERRNO.EPERM },
  { name: 'arch_0', errno: ERRNO.EPERM },
  { name: 'arch_1', reads: { argument: 0, bytes: 128 }, version: 0x15, errno: ERRNO.EPERM },
  { name: 'dm_op', errno: ERRNO.ENODATA },
];

/** Where interface_version stands. */
const VERSION_OFFSET = 4;

function refuse(caller: Caller, refusal: Refusal, values: readonly number[]): number {
  const { xen, domain, memory } = caller;
  xen.journal.record('refusal', domain.id, `${refusal.name} is not for this domain.`);
  if (refusal.reads === undefined) {
    return -refusal.errno;
  }
  const address = values[refusal.reads.argument] ?? 0;
  if (address === 0 && refusal.nullIsFine === values[0]) {
    return 0;
  }
  const bytes = memory.copyIn(address, refusal.reads.bytes);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const isKnown =
    refusal.version === undefined || bytes.getUint32(VERSION_OFFSET, true) === refusal.version;
  return isKnown ? -refusal.errno : -ERRNO.EACCES;
}

export const refused: readonly Hypercall[] = REFUSALS.map((refusal) => ({
  number: HYPERVISOR[refusal.name],
  name: refusal.name,
  parameters: ['arg1', 'arg2'],
  run: (caller, first, second) => refuse(caller, refusal, [first, second]),
}));
