/**
 * The two hypervisors that a guest can meet, as data.
 *
 * `xen-3.0` is 32-bit Xen of May 2006, the subject of the patches to Linux of that month;
 * `xen-4.17` is what a 32-bit guest sees of a modern 64-bit Xen. What differs between them is
 * a field here, never a comparison of names elsewhere.
 */

import { type MemoryRules, RULES_3_0, RULES_4_17 } from '../memory/memory-rules.ts';

export type ProfileName = 'xen-3.0' | 'xen-4.17';

export interface Profile {
  readonly name: ProfileName;
  /** `XENVER_version`: major << 16 | minor. */
  readonly version: number;
  readonly extraVersion: string;
  readonly changeset: string;
  readonly compiler: string;
  readonly compileDate: string;
  /** `XENVER_capabilities` by the format of page tables. */
  readonly capabilities: Readonly<Record<'two-level' | 'pae', string>>;
  /** `XENVER_commandline` exists; a guest is told this. */
  readonly commandLine: string | undefined;
  /** Whether later versions of an interface exist that the profile does not have. */
  readonly hasRunstateAssist: boolean;
  /** Highest type of vm_assist. */
  readonly highestAssist: number;
  /** What page-table and descriptor updates may do. */
  readonly memory: MemoryRules;
  /** CR4 must be written as it is; otherwise the guest may choose some bits. */
  readonly hasFixedCr4: boolean;
  /** XENFEAT bits by memory model. */
  readonly features: Readonly<Record<'direct' | 'translated', number>>;
  /** What an unknown sub-operation is answered with. */
  readonly unknownOperation: 'ENOSYS' | 'EINVAL';
  /** Hypercall numbers at and above are beyond the table; the era masks with 63. */
  readonly hypercallCount: number;
  /** Frames of the grant table, version 1. */
  readonly maxGrantFrames: number;
  /** Operations of grant_table_op beyond this number do not exist. */
  readonly highestGrantOperation: number;
  /** Entries that one call of grant_table_op may have. */
  readonly mostGrantEntries: number;
  /** Structs of calls are put into the 64-bit form first, which sees to some errors itself. */
  readonly translatesCalls: boolean;
  /** Whether a domain may map what it grants to itself, and name itself by its number. */
  readonly allowsSelfGrants: boolean;
  /** How a guest hears that CS or SS of a return cannot be loaded (`guest-return.ts`). */
  readonly failsReturnsBy: 'failsafe' | 'exception';
  /** Whether the processor runs virtual-8086 mode under it; otherwise a return to it is #GP. */
  readonly handlesVirtual8086: boolean;
  /** The RAM that `vcpu_info` covers before `register_vcpu_info`. */
  readonly hasVcpuInfoPlacement: boolean;
  /** A tick of 100 Hz until changed: `per vcpu` in the modern one, to whoever runs in the era. */
  readonly tick: 'per vcpu' | 'running vcpu';
  /** Model-specific registers that exist for a guest, beyond the processor's own. */
  readonly unknownMsr: 'ignore' | 'fault';
  /** Whether `poll` insists on masked upcalls. */
  readonly pollNeedsMask: boolean;
  /** How freed ports look: the modern one clears the pending bit. */
  readonly closeClearsPending: boolean;
  /** The toolstack tells the domain its memory map. */
  readonly hasMemoryMap: boolean;
  /** VCPUOP_initialise refuses virtual-8086 mode and bad tables, and starts one that is online. */
  readonly checksContexts: boolean;
  /** A single-shot timer in the past is -ETIME for those who ask (until Xen 4.16). */
  readonly reportsLateTimers: boolean;
  /** Shutdown reasons 4 and 5 exist. */
  readonly hasSoftReset: boolean;
  /** sysenter and syscall have callbacks of their own, and unknown callbacks are -ENOSYS. */
  readonly hasFastCalls: boolean;
  /**
   * No breakpoints at addresses in the hole, where 32-bit Xen lives; no kind and no length that
   * processors of 2006 do not know; DR7 reads 0 when it is off, and DR4 and DR5 do not exist.
   */
  readonly guardsDebugRegisters: boolean;
  /** Whether conditions add up in a guest's DR6; otherwise it is as the processor leaves it. */
  readonly addsDebugConditions: boolean;
  /** CPUID leaves from 0x40000000 on. */
  readonly hasHypervisorLeaves: boolean;
  /** start_info's size, as the domain builder of the time wrote it. */
  readonly builder: ProfileName;
}

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'xen-3.0': {
    name: 'xen-3.0',
    version: 0x3_0000,
    extraVersion: '-unstable',
    changeset: 'Tue May  9 09:00:00 2006 +0100',
    compiler: 'gcc version 3.4.4',
    compileDate: 'Tue May  9 10:00:00 UTC 2006',
    capabilities: { 'two-level': 'xen-3.0-x86_32', pae: 'xen-3.0-x86_32p' },
    commandLine: undefined,
    hasRunstateAssist: false,
    highestAssist: 2,
    memory: RULES_3_0,
    hasFixedCr4: true,
    features: { direct: 0, translated: 0b10101 },
    unknownOperation: 'EINVAL',
    hypercallCount: 64,
    maxGrantFrames: 4,
    highestGrantOperation: 4,
    mostGrantEntries: 512,
    translatesCalls: false,
    allowsSelfGrants: false,
    failsReturnsBy: 'failsafe',
    handlesVirtual8086: true,
    hasVcpuInfoPlacement: false,
    tick: 'running vcpu',
    unknownMsr: 'ignore',
    pollNeedsMask: true,
    closeClearsPending: false,
    hasMemoryMap: false,
    checksContexts: false,
    reportsLateTimers: true,
    hasSoftReset: false,
    hasFastCalls: false,
    guardsDebugRegisters: true,
    addsDebugConditions: false,
    hasHypervisorLeaves: false,
    builder: 'xen-3.0',
  },
  'xen-4.17': {
    name: 'xen-4.17',
    version: 0x4_0011,
    extraVersion: '.7',
    changeset: 'Wed Jul 29 15:37:29 2026 +0200 git:9373a593c5',
    compiler: 'gcc (Debian 12.2.0-14+deb12u1) 12.2.0',
    compileDate: 'Sun Nov 22 09:32:26 UTC 2026',
    capabilities: { 'two-level': 'xen-3.0-x86_32', pae: 'xen-3.0-x86_64 xen-3.0-x86_32p ' },
    commandLine: '<denied>',
    hasRunstateAssist: true,
    highestAssist: 5,
    memory: RULES_4_17,
    hasFixedCr4: false,
    features: { direct: 0x2_20f0, translated: 0b10101 },
    unknownOperation: 'ENOSYS',
    hypercallCount: 64,
    maxGrantFrames: 64,
    highestGrantOperation: 12,
    mostGrantEntries: 0x7fff_ffff,
    translatesCalls: true,
    allowsSelfGrants: true,
    failsReturnsBy: 'exception',
    handlesVirtual8086: false,
    hasVcpuInfoPlacement: true,
    tick: 'per vcpu',
    unknownMsr: 'fault',
    pollNeedsMask: false,
    closeClearsPending: true,
    hasMemoryMap: true,
    checksContexts: true,
    reportsLateTimers: false,
    hasSoftReset: true,
    hasFastCalls: true,
    guardsDebugRegisters: false,
    addsDebugConditions: true,
    hasHypervisorLeaves: true,
    builder: 'xen-4.17',
  },
};
