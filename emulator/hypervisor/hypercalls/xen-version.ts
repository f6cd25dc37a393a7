/** `HYPERVISOR_xen_version`: what the hypervisor says of itself. */

import { ERRNO } from '../../abi/errno.ts';
import { XENFEAT } from '../../abi/features.ts';
import {
  XEN_CAPABILITIES_INFO_LEN,
  XEN_CHANGESET_INFO_LEN,
  XEN_EXTRAVERSION_LEN,
  XENVER,
  xen_compile_info,
  xen_feature_info,
  xen_platform_parameters,
} from '../../abi/version.ts';
import { HYPERVISOR, VMASST_TYPE } from '../../abi/xen.ts';
import { type Caller, type Hypercall, unimplemented } from '../hypercall.ts';

/** XENFEAT_pae_pgdir_above_4gb, offered to those who said that they can. */
const PGDIR_ABOVE_4GB = 1 << XENFEAT.pae_pgdir_above_4gb;
const COMMAND_LINE_LENGTH = 1024;

/** A C string in a buffer of so many bytes. */
function answerText({ memory }: Caller, address: number, text: string, size: number): number {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < Math.min(text.length, size - 1); i++) {
    bytes[i] = text.charCodeAt(i);
  }
  return memory.write(address, bytes) ? 0 : -ERRNO.EFAULT;
}

function features(caller: Caller, address: number): number {
  const { memory, domain } = caller;
  const bytes = memory.copyIn(address, xen_feature_info.size);
  if (bytes === undefined) {
    return -ERRNO.EFAULT;
  }
  const info = xen_feature_info.at(bytes);
  if (info.submap_idx !== 0) {
    return -ERRNO.EINVAL;
  }
  const base = domain.profile.features[domain.model];
  info.submap = domain.hasAssist(VMASST_TYPE.pae_extended_cr3) ? base | PGDIR_ABOVE_4GB : base;
  return memory.write(address, bytes) ? 0 : -ERRNO.EFAULT;
}

function compileInfo({ memory, domain }: Caller, address: number): number {
  const bytes = new DataView(new ArrayBuffer(xen_compile_info.size));
  const info = xen_compile_info.at(bytes);
  info.compiler = domain.profile.compiler;
  info.compile_date = domain.profile.compileDate;
  return memory.write(address, bytes) ? 0 : -ERRNO.EFAULT;
}

function platformParameters({ memory, domain }: Caller, address: number): number {
  const bytes = new DataView(new ArrayBuffer(xen_platform_parameters.size));
  xen_platform_parameters.at(bytes).virt_start = domain.fields.virtStart;
  return memory.write(address, bytes) ? 0 : -ERRNO.EFAULT;
}

type Answer = (caller: Caller, address: number) => number;

const ANSWERS: Readonly<Record<number, Answer>> = {
  [XENVER.version]: ({ domain }) => domain.profile.version,
  [XENVER.extraversion]: (caller, at) =>
    answerText(caller, at, caller.domain.profile.extraVersion, XEN_EXTRAVERSION_LEN),
  [XENVER.compile_info]: compileInfo,
  [XENVER.capabilities]: (caller, at) => {
    const { profile, format } = caller.domain;
    return answerText(caller, at, profile.capabilities[format], XEN_CAPABILITIES_INFO_LEN);
  },
  [XENVER.changeset]: (caller, at) =>
    answerText(caller, at, caller.domain.profile.changeset, XEN_CHANGESET_INFO_LEN),
  [XENVER.platform_parameters]: platformParameters,
  [XENVER.get_features]: features,
};

/** What came after May 2006. */
const LATER_ANSWERS: Readonly<Record<number, Answer>> = {
  [XENVER.pagesize]: () => 4096,
  [XENVER.guest_handle]: ({ memory, domain }, at) =>
    memory.write(at, domain.identity.handle) ? 0 : -ERRNO.EFAULT,
  [XENVER.commandline]: (caller, at) =>
    answerText(caller, at, caller.domain.profile.commandLine ?? '', COMMAND_LINE_LENGTH),
  [XENVER.build_id]: () => -ERRNO.EPERM,
};

export const xenVersion: Hypercall = {
  number: HYPERVISOR.xen_version,
  name: 'xen_version',
  parameters: ['cmd', 'arg'],
  commands: XENVER,
  run(caller, command, argument) {
    const isLater = caller.domain.profile.commandLine !== undefined;
    const answer = ANSWERS[command] ?? (isLater ? LATER_ANSWERS[command] : undefined);
    if (answer === undefined) {
      unimplemented(caller, `xen_version ${command}`);
      return -ERRNO.ENOSYS;
    }
    return answer(caller, argument);
  },
};
