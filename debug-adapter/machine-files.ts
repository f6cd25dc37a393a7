/**
 * From a configuration to the parts of a machine: kernel and ramdisk are read and unpacked, disks
 * are opened, and what was left to the kernel is decided.
 */

import { type BlockHost, SECTOR_BYTES } from '../emulator/devices/block/block-host.ts';
import { readKernel } from '../emulator/image/kernel.ts';
import { KernelError } from '../emulator/image/kernel-error.ts';
import type { DiskPart, DomainPart } from '../emulator/machine/parts.ts';
import {
  type DiskConfiguration,
  type MachineConfiguration,
  modelFor,
  profileFor,
  tableFormatFor,
} from './configuration/configuration.ts';
import { unwrapKernel, unwrapRamdisk } from './kernel-file/kernel-file.ts';
import { UserError } from './user-error.ts';

/** The user's files, wherever they are. Both throw a `UserError`. */
export interface Files {
  read(path: string): Uint8Array;
  /** Opens an image for as long as the machine runs. */
  openDisk(path: string, isWritable: boolean): BlockHost;
}

const PAGES_A_MIB = 256;
/** Pages above what was asked for that a domain may grow by, as the toolstack grants. */
const SLACK = 256;
/** Names a domain of which no other name is known. */
const UUID = '00000000-0000-0000-0000-000000000001';

export function domainPart(configuration: MachineConfiguration, files: Files): DomainPart {
  const { kernel: file } = configuration;
  const { elf } = unwrapKernel(files.read(file), file);
  const kernel = kernelOf(elf, file);
  const ramdisk =
    configuration.ramdisk === undefined
      ? undefined
      : unwrapRamdisk(files.read(configuration.ramdisk));
  return {
    name: configuration.name,
    uuid: configuration.uuid ?? UUID,
    kernel,
    kernelFile: file,
    ramdisk,
    commandLine: configuration.commandLine,
    pages: configuration.memory * PAGES_A_MIB,
    maxPages: configuration.maxMemory * PAGES_A_MIB + SLACK,
    vcpus: configuration.maxVcpus,
    onlineVcpus: configuration.vcpus,
    profile: configuration.profile === 'auto' ? profileFor(kernel) : configuration.profile,
    model: configuration.model === 'auto' ? modelFor(kernel) : configuration.model,
    format: tableFormatFor(kernel),
    disks: configuration.disks.map((disk) => diskPart(disk, files)),
  };
}

function kernelOf(elf: Uint8Array, file: string): DomainPart['kernel'] {
  try {
    return readKernel(elf);
  } catch (error) {
    throw error instanceof KernelError ? new UserError(`${file}: ${error.message}`) : error;
  }
}

function diskPart(disk: DiskConfiguration, files: Files): DiskPart {
  const host = files.openDisk(disk.file, disk.access === 'w');
  if (host.size < SECTOR_BYTES) {
    throw new UserError(`${disk.file} has ${host.size} bytes, less than one sector of a disk.`);
  }
  return {
    id: disk.device.number,
    name: disk.device.name,
    file: disk.file,
    isCdrom: disk.isCdrom,
    host,
    isOverlay: disk.access === 'overlay',
  };
}
