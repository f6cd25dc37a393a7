/** Whose memory a call about page tables names, and what an unprivileged domain may do with it. */

import { ERRNO } from '../../abi/errno.ts';
import { DOMID } from '../../abi/xen.ts';
import type { Caller } from '../hypercall.ts';
import { BACKEND_DOMAIN } from './domain-builder.ts';

/** Own memory, I/O memory (of which no domain here has any), or somebody else's. */
export type NamedOwner = 'self' | 'io' | 'other';

/**
 * What the caller means by a domain number in a call about page tables, or undefined: -ESRCH. Its
 * own number is none: it is to say DOMID_SELF. Xen: get_pg_owner(), set_foreigndom().
 */
export function namedOwner(caller: Caller, domid: number): NamedOwner | undefined {
  const { domain } = caller;
  if (domid === DOMID.SELF) {
    return 'self';
  }
  if (domid === DOMID.IO) {
    return 'io';
  }
  const isKnown =
    domain.rules.refinesErrors && domid !== domain.id && (isDomain(caller, domid) || isXen(domid));
  return isKnown ? 'other' : undefined;
}

const isXen = (domid: number): boolean => domid === DOMID.XEN;

/** Whether there is a domain of this number. */
export const isDomain = ({ xen }: Caller, domid: number): boolean =>
  domid === BACKEND_DOMAIN || xen.domains.has(domid);

/**
 * Whether a call about a domain's memory may name it: 0 for oneself, by number or as DOMID_SELF,
 * otherwise the errno, negative. Xen: rcu_lock_domain_by_any_id() and XSM_TARGET.
 */
export function checkTarget(caller: Caller, domid: number): number {
  const { domain } = caller;
  if (domid === DOMID.SELF || (domain.rules.refinesErrors && domid === domain.id)) {
    return 0;
  }
  // The elder Xen asks for the privilege before it looks for the domain.
  return domain.rules.refinesErrors && !isDomain(caller, domid) ? -ERRNO.ESRCH : -ERRNO.EPERM;
}
