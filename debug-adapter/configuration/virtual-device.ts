/**
 * Virtual block devices: the number that a domain knows a disk by, and the names that mean it.
 *
 * Sources: `docs/man/xen-vbd-interface.7.pandoc`, `tools/libs/light/libxl_device.c`.
 */

/** A whole disk or, with a number after its name, a partition that stands for itself. */
export interface VirtualDevice {
  /** As it was written. */
  readonly name: string;
  readonly number: number;
}

/** Linux's major numbers, which the short form of a number begins with. */
const MAJOR = { xvd: 202, sd: 8, hd: [3, 22] } as const;

/** Marks numbers of disks and partitions beyond 15. */
const EXTENDED = 1 << 28;

const MOST_XVD_DISKS = 1 << 20;

/** `undefined` for what names no device: `xvda`, `xvdaa1`, `sdb3`, `hdc`, `d2p1`, `51712`, `0xca00`. */
export function virtualDevice(name: string): VirtualDevice | undefined {
  const number = numberOf(name);
  return number === undefined ? undefined : { name, number };
}

function numberOf(name: string): number | undefined {
  if (/^(?:0x[0-9a-f]+|0|[1-9]\d*)$/i.test(name)) {
    const number = Number(name);
    return number <= 0x7fff_ffff ? number : undefined;
  }
  const [, diskNumber, partNumber] = /^d(\d{1,7})p(\d{1,3})$/.exec(name) ?? [];
  if (diskNumber !== undefined && partNumber !== undefined) {
    return xvdNumber(Number(diskNumber), Number(partNumber));
  }
  const [, kind, letters = '', digits = '0'] =
    /^(xvd|sd|hd)([a-z]{1,5})([1-9]\d{0,2})?$/.exec(name) ?? [];
  const disk = diskOf(letters);
  const partition = Number(digits);
  switch (kind) {
    case 'xvd':
      return xvdNumber(disk, partition);
    case 'sd':
      return disk < 16 && partition < 16 ? (MAJOR.sd << 8) | (disk << 4) | partition : undefined;
    case 'hd':
      return disk < 4 && partition < 64
        ? ((MAJOR.hd[disk >> 1] ?? 0) << 8) | ((disk & 1) << 6) | partition
        : undefined;
    default:
      return undefined;
  }
}

function xvdNumber(disk: number, partition: number): number | undefined {
  if (disk >= MOST_XVD_DISKS || partition > 255) {
    return undefined;
  }
  return disk < 16 && partition < 16
    ? (MAJOR.xvd << 8) | (disk << 4) | partition
    : EXTENDED | (disk << 8) | partition;
}

/** a is 0, z 25, aa 26. */
function diskOf(letters: string): number {
  return Array.from(letters).reduce((sum, c) => (sum + 1) * 26 + c.charCodeAt(0) - 97, -1);
}
