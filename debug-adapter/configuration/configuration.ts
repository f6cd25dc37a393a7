/**
 * What a machine is to consist of, whichever way the user said it.
 *
 * Files are named, not read: who starts the machine reads them.
 */

import { MEMORY_MODELS, type MemoryModel } from '../../emulator/image/boot-plan.ts';
import { BUILDER_NAMES, type BuilderName } from '../../emulator/image/builders.ts';
import { hasFeature } from '../../emulator/image/feature-names.ts';
import type { TableFormat } from '../../emulator/image/initial-tables.ts';
import type { KernelImage } from '../../emulator/image/kernel.ts';
import type { VirtualDevice } from './virtual-device.ts';

/** The Xen that the kernel is to find. */
export const PROFILES = BUILDER_NAMES;
export type Profile = BuilderName;

export const MODELS = ['auto', ...MEMORY_MODELS] as const;
export type Model = 'auto' | MemoryModel;

/** Read only, written through to the file, or written to memory that is forgotten at the end. */
export const DISK_ACCESSES = ['r', 'w', 'overlay'] as const;
export type DiskAccess = (typeof DISK_ACCESSES)[number];

export interface DiskConfiguration {
  /** A raw image. */
  readonly file: string;
  readonly device: VirtualDevice;
  readonly access: DiskAccess;
  readonly isCdrom: boolean;
}

export interface NetworkConfiguration {
  /** Six bytes in hexadecimal with colons; `undefined` leaves the choice to the machine. */
  readonly mac: string | undefined;
  readonly bridge: string | undefined;

  /** What the gateway is to give the domain. */
  readonly ip: string | undefined;
}

/** What becomes of a domain that has ended: `xl.cfg(5)`, "Event Actions". */
export const END_ACTIONS = [
  'destroy',
  'restart',
  'rename-restart',
  'preserve',
  'coredump-destroy',
  'coredump-restart',
  'soft-reset',
] as const;
export type EndAction = (typeof END_ACTIONS)[number];

export interface EndActions {
  readonly poweroff: EndAction;
  readonly reboot: EndAction;
  readonly watchdog: EndAction;
  readonly crash: EndAction;
  readonly softReset: EndAction;
}

export interface MachineConfiguration {
  readonly name: string;

  /** In the usual form with hyphens; `undefined` leaves the choice to the machine. */
  readonly uuid: string | undefined;
  readonly kernel: string;
  readonly ramdisk: string | undefined;
  readonly commandLine: string;

  /** In MiB, what there is at the start and the most that there may ever be. */
  readonly memory: number;
  readonly maxMemory: number;

  /** How many run at the start, and how many there may be. */
  readonly vcpus: number;
  readonly maxVcpus: number;
  readonly disks: readonly DiskConfiguration[];
  readonly networks: readonly NetworkConfiguration[];
  readonly onEnd: EndActions;

  /** `auto` looks at the kernel: `profileFor`. */
  readonly profile: Profile | 'auto';

  /** `auto` looks at the kernel: `modelFor`. */
  readonly model: Model;
}

/** As `xl` has them, but for the memory, for which it has no default worth the name. */
export const defaults = {
  memory: 128,
  vcpus: 1,
  onEnd: {
    poweroff: 'destroy',
    reboot: 'restart',
    watchdog: 'destroy',
    crash: 'destroy',
    softReset: 'soft-reset',
  },
} as const satisfies { memory: number; vcpus: number; onEnd: EndActions };

/** In MiB: an initial mapping needs 4; a machine has 1 GiB of RAM at most, some of it the hypervisor’s. */
export const MEMORY_LIMITS = { least: 4, most: 1000 } as const;

/** Those that have a place in `shared_info`. */
export const MOST_VCPUS = 32;

/** A domain's name from that of a file: `/etc/xen/guest.cfg` is about a domain called guest. */
export function nameFrom(file: string): string {
  const [, name = 'guest'] = /([^/\\]+?)(?:\.[^./\\]*)?$/.exec(file) ?? [];
  return name;
}

/**
 * The Xen that a kernel expects: the one of 2006 for kernels that have no notes or cannot use PAE,
 * which no later Xen ran.
 */
export function profileFor(kernel: Pick<KernelImage, 'format' | 'paeMode'>): Profile {
  return kernel.format === 'legacy section' || kernel.paeMode === 'no' ? 'xen-3.0' : 'xen-4.17';
}

/** Translated for kernels that cannot do without, direct for all others. */
export function modelFor(kernel: Pick<KernelImage, 'features'>): MemoryModel {
  return hasFeature(kernel.features.required, 'auto_translated_physmap') ? 'translated' : 'direct';
}

/** Two-level tables only for kernels that can use nothing else. */
export function tableFormatFor(kernel: Pick<KernelImage, 'paeMode'>): TableFormat {
  return kernel.paeMode === 'no' ? 'two-level' : 'pae';
}
