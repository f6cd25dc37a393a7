/** What a domain has several of in launch.json: disks, network cards, files with symbols. */

import type {
  DiskAccess,
  DiskConfiguration,
  NetworkConfiguration,
} from '../configuration/configuration.ts';
import { diskOf } from '../configuration/disk-specification.ts';
import { type VirtualDevice, virtualDevice } from '../configuration/virtual-device.ts';
import { UserError } from '../user-error.ts';
import {
  choice,
  either,
  flag,
  type Kind,
  needed,
  optional,
  refined,
  wholeNumber,
  withDefault,
  words,
} from './kind.ts';
import { object } from './object-kind.ts';

/** Debug information beside that of the kernel. */
export interface SymbolFile {
  readonly file: string;

  /** Where the file's first loaded byte lies; `undefined` for a file that says so itself. */
  readonly address: number | undefined;
}

export const file = (what: string): Kind<string> => words(`the path of ${what}`);

/** How a disk is written as one text. */
export const DISK_EXAMPLE = '"FILE,DEVICE[,ACCESS]" as in "root.img,xvda,overlay"';

const accesses: Kind<DiskAccess> = choice({
  r: 'The domain may only read.',
  w: 'What the domain writes goes to the file.',
  overlay: 'What the domain writes is kept in memory and forgotten at the end.',
});

const device: Kind<VirtualDevice> = refined(
  words('a device such as "xvda", "sda1" or "51712"'),
  (name) => virtualDevice(name),
);

const diskObject: Kind<DiskConfiguration> = refined(
  object(
    {
      file: needed(file('a raw image'), 'A raw image.', ['path', 'target', 'image']),
      device: needed(device, 'What the domain knows it by, such as `xvda`.', ['vdev', 'name']),
      access: withDefault(accesses, 'overlay', 'What becomes of writes.', ['mode']),
      isCdrom: withDefault(flag, false, 'A CD-ROM, which is read only.', ['cdrom']),
    },
    'an object with "file" and "device"',
  ),
  (parts) => ({ ...parts, access: parts.isCdrom ? 'r' : parts.access }),
);

/** `"FILE,DEVICE[,ACCESS]"` or an object. */
export const disk: Kind<DiskConfiguration> = either(
  refined(words(DISK_EXAMPLE), (specification, key) =>
    complainingAt(key, () => diskOf(specification, 'overlay')),
  ),
  diskObject,
);

export const network: Kind<NetworkConfiguration> = object(
  {
    mac: optional(
      refined(words('six bytes as in "00:16:3e:01:02:03"'), macAddress),
      'The address of the card; without it the machine chooses.',
    ),
    bridge: optional(words('the name of a bridge'), 'The switch that it is plugged into.'),
    ip: optional(words('an address of IPv4'), 'What the gateway gives the domain.'),
  },
  'an object such as { "mac": "00:16:3e:01:02:03" }',
);

const address: Kind<number> = either(
  wholeNumber(0, 0xffff_ffff),
  refined(words('an address in hexadecimal as in "0xc8000000"'), (written) =>
    /^0x[0-9a-f]{1,8}$/i.test(written) ? Number(written) : undefined,
  ),
);

export const symbolFile: Kind<SymbolFile> = either(
  refined(file('an ELF file'), (path): SymbolFile => ({ file: path, address: undefined })),
  object(
    {
      file: needed(file('an ELF file'), 'An ELF file.', ['path']),
      address: optional(address, 'Where its first loaded byte lies, if not where it says.', [
        'base',
        'offset',
      ]),
    },
    'an object with "file" and "address"',
  ),
);

function macAddress(written: string): string | undefined {
  return /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(written) ? written.toLowerCase() : undefined;
}

export const complaint = (key: string, sentence: string): UserError =>
  new UserError(`"${key}": ${sentence}`);

function complainingAt<Result>(key: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw error instanceof UserError ? complaint(key, error.message) : error;
  }
}
