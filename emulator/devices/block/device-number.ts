/**
 * The number that stands for a disk's name: `xvda` is 51712.
 *
 * Names are letters in base 26 and perhaps the number of a partition. Source:
 * `libxl__device_disk_dev_number` in `tools/libs/light`, `docs/man/xen-vbd-interface.7`.
 */

interface Naming {
  readonly prefix: string;
  readonly disks: number;
  readonly partitions: number;
  numberOf(disk: number, partition: number): number;
}

/** Major numbers of Linux: 202 is xvd, 3 and 22 are hd, 8 is sd. Bit 28 marks the longer form. */
const namings: readonly Naming[] = [
  {
    prefix: 'xvd',
    disks: 1 << 20,
    partitions: 256,
    numberOf: (disk, partition) =>
      disk < 16 && partition < 16
        ? (202 << 8) | (disk << 4) | partition
        : (1 << 28) | (disk << 8) | partition,
  },
  {
    prefix: 'hd',
    disks: 4,
    partitions: 64,
    numberOf: (disk, partition) => ((disk < 2 ? 3 : 22) << 8) | ((disk & 1) << 6) | partition,
  },
  {
    prefix: 'sd',
    disks: 16,
    partitions: 16,
    numberOf: (disk, partition) => (8 << 8) | (disk << 4) | partition,
  },
];

/** @returns undefined if this is no name of a disk or partition, or there are not so many */
export function deviceNumberOf(name: string): number | undefined {
  const [, prefix = '', letters = '', digits = '0'] =
    /^(xvd|hd|sd)([a-z]{1,5})([1-9][0-9]{0,2})?$/.exec(name) ?? [];
  const naming = namings.find((candidate) => candidate.prefix === prefix);
  const disk = [...letters].reduce((sum, letter) => (sum + 1) * 26 + letterValue(letter), -1);
  const partition = Number(digits);
  return naming !== undefined && disk < naming.disks && partition < naming.partitions
    ? naming.numberOf(disk, partition)
    : undefined;
}

function letterValue(letter: string): number {
  return letter.charCodeAt(0) - 'a'.charCodeAt(0);
}
