/** What a machine is put together from: plain descriptions, with the host's side of each device. */

import type { EngineMaker } from '../cpu/engine.ts';
import type { BlockHost } from '../devices/block/block-host.ts';
import type { MemoryModel } from '../hypervisor/domains/domain.ts';
import type { ProfileName } from '../hypervisor/domains/profile.ts';
import type { TableFormat } from '../hypervisor/memory/page-table-entry.ts';
import type { KernelImage } from '../image/kernel.ts';

export interface DiskPart {
  /** The guest's number of it, such as 51712 for xvda. */
  readonly id: number;
  /** The guest's name of it, such as `xvda`. */
  readonly name: string;
  /** The image, as its user would recognise it. */
  readonly file: string;
  readonly isCdrom: boolean;
  readonly host: BlockHost;
  /** Writes are kept in the machine, and the host's image stays as it is. */
  readonly isOverlay: boolean;
}

export interface DomainPart {
  readonly name: string;
  /** 36 characters. */
  readonly uuid: string;
  readonly kernel: KernelImage;
  /** The kernel's file, as its user would recognise it. */
  readonly kernelFile: string;
  readonly ramdisk?: Uint8Array | undefined;
  readonly commandLine: string;
  /** Pages of 4 KiB at the start, and at most. */
  readonly pages: number;
  readonly maxPages: number;
  /** How many there may be, and how many the guest is to use at the start. */
  readonly vcpus: number;
  readonly onlineVcpus: number;
  readonly profile: ProfileName;
  readonly model: MemoryModel;
  readonly format: TableFormat;
  readonly disks: readonly DiskPart[];
}

export interface MachineParts {
  /** In the order of their numbers, which begin at 1. */
  readonly domains: readonly DomainPart[];
  /** Seconds since 1970 when the machine is switched on. */
  readonly wallClock?: number;
  readonly engine?: EngineMaker;
}

/** What the machine tells its surroundings. None of it changes what happens inside. */
export interface MachineHost {
  /** What a guest wrote to its console. */
  consoleOutput(domain: number, bytes: Uint8Array): void;
  /** What a guest wrote to the hypervisor's console. */
  emergencyOutput(domain: number, bytes: Uint8Array): void;
}
