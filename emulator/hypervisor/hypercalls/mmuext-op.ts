/**
 * `HYPERVISOR_mmuext_op`: pinning page tables, the base pointer, flushing, the LDT, whole pages.
 * Xen: `arch/x86/mm.c`, `do_mmuext_op`.
 */

import { ERRNO } from '../../abi/errno.ts';
import { nameOf } from '../../abi/names.ts';
import { DOMID, HYPERVISOR, MMU_UPDATE_PREEMPTED, MMUEXT, mmuext_op } from '../../abi/xen.ts';
import { setLocalTable } from '../address-space.ts';
import { type NamedOwner, namedOwner } from '../domains/foreign-domain.ts';
import { type Caller, type Hypercall, unimplemented } from '../hypercall.ts';
import { newBase } from '../memory/base-pointer.ts';
import { setLdt } from '../memory/descriptor-tables.ts';
import { FRAME_TYPE } from '../memory/frame-types.ts';
import { TABLE_SHAPES } from '../memory/page-table-entry.ts';
import { machineFrameOf } from '../memory/page-table-update.ts';
import type { Level } from '../memory/page-types.ts';
import { carryOutRequests } from '../requests.ts';
import { flushTranslations, namesRunningVcpu } from '../translation-flush.ts';

const PAGE = 4096;
/** The worst request validates or gives up all tables of an address space. */
const IN_ONE_GO = 32;

/** An mmuext_op as its words, whatever the unions in it are called. */
interface Request {
  readonly cmd: number;
  /** A frame, or a linear address. */
  readonly arg1: number;
  /** A count, the address of a bitmap of vCPUs, or a frame. */
  readonly arg2: number;
}

const { offsets } = mmuext_op;

/** @param owner number of the domain whose frames the request names */
type Act = (caller: Caller, request: Request, owner: number) => number;

/** A refusal that only the later Xen names. */
const refusal = ({ domain }: Caller, errno: number): number =>
  domain.rules.refinesErrors ? -errno : -ERRNO.EINVAL;

const pin =
  (level: 1 | 2 | 3 | 4): Act =>
  (caller, { arg1 }, owner) => {
    const { domain, xen } = caller;
    const { rules, format } = domain;
    const isPinned =
      level !== 4 &&
      (rules.pinnable === 'every-level' || level === 1 || level === TABLE_SHAPES[format].rootLevel);
    // To pin what need not be pinned succeeds.
    return isPinned && !domain.isTranslated ? xen.pages.pin(arg1, owner, level as Level) : 0;
  };

const unpin: Act = ({ domain, xen }, { arg1 }, owner) =>
  domain.isTranslated ? 0 : xen.pages.unpin(arg1, owner);

const newBasePointer: Act = (caller, { arg1 }) => {
  const { domain, xen, vcpu } = caller;
  return newBase(xen.pages, domain, vcpu, arg1);
};

/** There is one set of page tables for kernel and user mode: only "none" is acceptable. */
const newUserBasePointer: Act = (caller, { arg1 }) =>
  caller.domain.rules.refinesErrors && arg1 === 0 ? 0 : -ERRNO.EINVAL;

const flushAll: Act = (caller) => {
  flushTranslations(caller);
  return 0;
};

const flushPage: Act = (caller, { arg1 }) => {
  flushTranslations(caller, arg1);
  return 0;
};

const onVcpus =
  (act: Act): Act =>
  (caller, request, owner) => {
    const isHere = namesRunningVcpu(caller, request.arg2);
    if (isHere === undefined) {
      return -ERRNO.EINVAL;
    }
    return isHere ? act(caller, request, owner) : 0;
  };

/** No domain here has I/O memory of its own, so none has caches to flush. */
const flushCache: Act = (caller) => refusal(caller, ERRNO.EACCES);

const setLocalDescriptors: Act = ({ domain, xen, vcpu }, { arg1, arg2 }) => {
  const answer = setLdt(xen.pages, domain, vcpu, arg1, arg2);
  if (answer === 0) {
    setLocalTable(xen.cpu, vcpu);
  }
  return answer;
};

const clearPage: Act = (caller, { arg1 }, owner) => {
  const { domain, xen } = caller;
  const mfn = machineFrameOf(domain, arg1);
  if (xen.pages.getPageAndType(mfn, owner, FRAME_TYPE.writable) !== 0) {
    return -ERRNO.EINVAL;
  }
  xen.frames.scrub(mfn);
  xen.pages.putPageAndType(mfn);
  return 0;
};

const copyPage: Act = (caller, { arg1, arg2 }, owner) => {
  const { domain, xen } = caller;
  const source = machineFrameOf(domain, arg2);
  const target = machineFrameOf(domain, arg1);
  if (!xen.frames.getPage(source, owner)) {
    return -ERRNO.EINVAL;
  }
  const answer = xen.pages.getPageAndType(target, owner, FRAME_TYPE.writable);
  if (answer === 0) {
    xen.ram.load(target * PAGE, xen.ram.bytes(source * PAGE, PAGE).slice());
    xen.pages.putPageAndType(target);
  }
  xen.frames.putPage(source);
  return answer === 0 ? 0 : -ERRNO.EINVAL;
};

const notSupported: Act = () => -ERRNO.EOPNOTSUPP;

const OPERATIONS: Readonly<Record<number, Act>> = {
  [MMUEXT.PIN_L1_TABLE]: pin(1),
  [MMUEXT.PIN_L2_TABLE]: pin(2),
  [MMUEXT.PIN_L3_TABLE]: pin(3),
  [MMUEXT.PIN_L4_TABLE]: pin(4),
  [MMUEXT.UNPIN_TABLE]: unpin,
  [MMUEXT.NEW_BASEPTR]: newBasePointer,
  [MMUEXT.TLB_FLUSH_LOCAL]: flushAll,
  [MMUEXT.INVLPG_LOCAL]: flushPage,
  [MMUEXT.TLB_FLUSH_MULTI]: onVcpus(flushAll),
  [MMUEXT.INVLPG_MULTI]: onVcpus(flushPage),
  [MMUEXT.TLB_FLUSH_ALL]: flushAll,
  [MMUEXT.INVLPG_ALL]: flushPage,
  [MMUEXT.FLUSH_CACHE]: flushCache,
  [MMUEXT.SET_LDT]: setLocalDescriptors,
};

/** What came after May 2006. */
const LATER_OPERATIONS: Readonly<Record<number, Act>> = {
  [MMUEXT.NEW_USER_BASEPTR]: newUserBasePointer,
  [MMUEXT.CLEAR_PAGE]: clearPage,
  [MMUEXT.COPY_PAGE]: copyPage,
  [MMUEXT.FLUSH_CACHE_GLOBAL]: () => -ERRNO.EINVAL,
  [MMUEXT.MARK_SUPER]: notSupported,
  [MMUEXT.UNMARK_SUPER]: notSupported,
};

export const mmuextOp: Hypercall = {
  number: HYPERVISOR.mmuext_op,
  name: 'mmuext_op',
  parameters: ['uops', 'count', 'pdone', 'foreigndom'],
  run(caller, address, count, done, foreign) {
    const list = {
      hypercall: HYPERVISOR.mmuext_op,
      size: mmuext_op.size,
      inOneGo: IN_ONE_GO,
      address,
      count,
      done,
      foreign,
    };
    if (caller.domain.rules.refinesErrors && (count & ~MMU_UPDATE_PREEMPTED) === 0) {
      // What translates the list for a 64-bit Xen has nothing to do, and asks for nothing.
      return 0;
    }
    let owner: NamedOwner | undefined;
    const check = () => {
      owner = namedOwner(caller, foreign & 0xffff);
      if (owner === undefined) {
        return -ERRNO.ESRCH;
      }
      return owner !== 'self' && caller.domain.rules.refinesErrors ? -ERRNO.EPERM : 0;
    };
    return carryOutRequests(caller, list, check, (at) =>
      perform(caller, at, owner === 'io' ? DOMID.IO : caller.domain.id),
    );
  },
};

function perform(caller: Caller, at: number, owner: number): number {
  const bytes = caller.memory.copyIn(at, mmuext_op.size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const request = {
    cmd: bytes.getUint32(offsets.cmd, true),
    arg1: bytes.getUint32(offsets.arg1, true),
    arg2: bytes.getUint32(offsets.arg2, true),
  };
  const later = caller.domain.rules.refinesErrors ? LATER_OPERATIONS[request.cmd] : undefined;
  const operation = OPERATIONS[request.cmd] ?? later;
  if (operation === undefined) {
    const name = nameOf(MMUEXT, request.cmd) ?? String(request.cmd);
    return unimplemented(caller, `mmuext_op ${name}`);
  }
  return operation(caller, request, owner);
}
