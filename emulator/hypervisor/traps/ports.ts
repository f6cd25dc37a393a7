/**
 * I/O ports as an unprivileged domain sees them: nobody answers.
 *
 * Two exceptions, which Xen keeps for each domain: the index of the CMOS clock (0x70) and the
 * address of PCI configuration (0xcf8) can be read back.
 */

import type { Vcpu } from '../domains/vcpu.ts';

const CMOS_INDEX = 0x70;
const PCI_ADDRESS = 0xcf8;

export function portRead({ domain }: Vcpu, port: number, size: number): number {
  const { fields } = domain;
  if (port === PCI_ADDRESS && size === 4) {
    return fields.pciAddress;
  }
  if (port === CMOS_INDEX && size === 1) {
    return fields.cmosIndex;
  }
  return size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1;
}

export function portWrite({ domain }: Vcpu, port: number, size: number, value: number): void {
  const { fields } = domain;
  if (port === PCI_ADDRESS && size === 4) {
    fields.pciAddress = value >>> 0;
  } else if (port === CMOS_INDEX && size === 1) {
    fields.cmosIndex = value & 0x7f;
  }
}
