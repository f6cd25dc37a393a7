/**
 * A virtual processor as VCPUOP_initialise describes it: registers, tables and callbacks.
 *
 * Xen: `arch_set_info_guest`.
 */

import { VGCF, type vcpu_guest_context } from '../../abi/arch-x86-32.ts';
import { ERRNO } from '../../abi/errno.ts';
import type { View } from '../../abi/layout.ts';
import { setWord } from '../../cpu/context.ts';
import { EFLAGS } from '../../cpu/flags.ts';
import type { WordName } from '../../cpu/state.ts';
import { newBase } from '../memory/base-pointer.ts';
import { setGdt } from '../memory/descriptor-tables.ts';
import { fixedUp } from '../selectors.ts';
import type { Xen } from '../xen.ts';
import type { Vcpu } from './vcpu.ts';

type GuestContext = View<typeof vcpu_guest_context>;

const PAGE = 4096;
const MOST_LDT_ENTRIES = 8192;
const MOST_GDT_FRAMES = 16;

/** Answers 0 or an errno; then nothing has changed. */
export function initialiseVcpu(xen: Xen, vcpu: Vcpu, given: GuestContext): number {
  const { domain } = vcpu;
  const { profile } = domain;
  const regs = given.user_regs;
  const entries = given.gdt_ents;
  if (profile.checksContexts) {
    const isLdtBad =
      given.ldt_ents > MOST_LDT_ENTRIES || (given.ldt_ents > 0 && given.ldt_base % PAGE !== 0);
    const isGdtBad = Math.ceil(entries / 512) > MOST_GDT_FRAMES;
    if (regs.eflags & EFLAGS.virtual8086 || isLdtBad || isGdtBad) {
      return -ERRNO.EINVAL;
    }
  }
  const context = xen.tables.freshContext(domain);
  const frames = [...given.gdt_frames].slice(0, Math.ceil(entries / 512));
  const gdt = setGdt(xen.pages, domain, vcpu, frames, entries);
  if (gdt !== 0) {
    return gdt;
  }
  const cr3 = given.ctrlreg.at(3);
  const root = ((cr3 >>> 12) | (domain.format === 'pae' ? cr3 << 20 : 0)) >>> 0;
  const base = newBase(xen.pages, domain, vcpu, root);
  if (base !== 0) {
    setGdt(xen.pages, domain, vcpu, [], 0);
    return base;
  }
  takeCallbacks(vcpu, given);
  takeTraps(vcpu, given);
  vcpu.ldtBase = given.ldt_base;
  vcpu.ldtEntries = given.ldt_ents;
  vcpu.cr4 = xen.tables.guestCr4(domain);
  domain.fields.assists |= given.vm_assist & ((2 << profile.highestAssist) - 1);
  const set = (name: WordName, value: number): void => setWord(context, name, value);
  for (const name of ['eax', 'ebx', 'ecx', 'edx', 'esi', 'edi', 'ebp', 'esp', 'eip'] as const) {
    set(name, regs[name]);
  }
  set('csSelector', fixedUp(regs.cs));
  set('ssSelector', fixedUp(regs.ss));
  set('dsSelector', regs.ds);
  set('esSelector', regs.es);
  set('fsSelector', regs.fs);
  set('gsSelector', regs.gs);
  const kept = EFLAGS.trap | EFLAGS.direction | EFLAGS.alignment | EFLAGS.identification;
  set('systemFlags', (regs.eflags & kept) | EFLAGS.fixed | EFLAGS.interrupt);
  vcpu.context = context;
  vcpu.isFresh = true;
  if (given.flags & VGCF.online && profile.checksContexts) {
    vcpu.isUp = true;
    xen.scheduler.wake(vcpu);
  }
  return 0;
}

function takeCallbacks(vcpu: Vcpu, given: GuestContext): void {
  vcpu.kernelSs = fixedUp(given.kernel_ss & 0xffff);
  vcpu.kernelEsp = given.kernel_sp;
  vcpu.eventCallback = {
    cs: fixedUp(given.event_callback_cs & 0xffff),
    eip: given.event_callback_eip,
    masks: true,
  };
  vcpu.failsafeCallback = {
    cs: fixedUp(given.failsafe_callback_cs & 0xffff),
    eip: given.failsafe_callback_eip,
    masks: (given.flags & VGCF.failsafe_disables_events) !== 0,
  };
}

function takeTraps(vcpu: Vcpu, given: GuestContext): void {
  const { selectors, addresses, flags } = vcpu.traps;
  for (const [vector, info] of [...given.trap_ctxt].entries()) {
    selectors[vector] = fixedUp(info.cs);
    addresses[vector] = info.address;
    flags[vector] = info.flags;
  }
}
