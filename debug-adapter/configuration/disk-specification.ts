/**
 * One disk, as `xl.cfg` and the command line write it.
 *
 * The old form has its parts in order, `phy:/dev/vg/root,xvda,w`; the new one names them,
 * `format=raw,vdev=xvda,access=rw,target=/root.img`, with the target last, as it may hold commas.
 * Both may be mixed: what has no name is taken in the order target, format, device, access.
 *
 * Source: `docs/man/xl-disk-configuration.5.pod.in`, `tools/libs/util/libxlu_disk_l.l`.
 */

import { UserError } from '../user-error.ts';
import type { DiskAccess, DiskConfiguration } from './configuration.ts';
import { virtualDevice } from './virtual-device.ts';

interface Parts {
  target?: string;
  format?: string;
  vdev?: string;
  access?: string;
  isCdrom: boolean;

  /** After an old prefix there is no format among the parts in order. */
  hasPrefix: boolean;
}

const positions = ['target', 'format', 'vdev', 'access'] as const;

/** Those that Xen knows; only the first two can be read here. */
const formats = ['', 'raw', 'qcow', 'qcow2', 'vhd', 'qed', 'empty'];

/** Ways to a file that make no difference here. */
const plainPrefixes = ['phy', 'file', 'raw', 'aio', 'tap', 'tap2', 'tapdisk', 'ioemu'];

const accesses: ReadonlyMap<string, DiskAccess> = new Map([
  ['r', 'r'],
  ['ro', 'r'],
  ['w', 'w'],
  ['rw', 'w'],
  ['', 'w'],
  ['overlay', 'overlay'],
]);

/** Words that ask how the backend is to work, which nobody can tell from within the domain. */
const withoutEffect = ['direct-io-safe', 'discard', 'no-discard', 'trusted', 'untrusted'];
const namedWithoutEffect = ['backendtype', 'discard'];

/**
 * Reads a specification; `access` is what holds when it says nothing. Throws a `UserError`.
 */
export function diskOf(specification: string, access: DiskAccess): DiskConfiguration {
  const complain = (sentence: string) => new UserError(`The disk "${specification}" ${sentence}`);
  const parts = partsOf(specification, complain);
  if (parts.target === undefined || parts.target === '') {
    throw complain('names no file: write FILE,DEVICE as in "root.img,xvda".');
  }
  if (parts.vdev === undefined) {
    throw complain('names no device: write FILE,DEVICE as in "root.img,xvda".');
  }
  const device = virtualDevice(parts.vdev);
  if (device === undefined) {
    throw complain(`is to be "${parts.vdev}", which is no device: "xvda", "sda1" and 51712 are.`);
  }
  if (parts.format !== undefined && parts.format !== '' && parts.format !== 'raw') {
    throw complain(
      `has the format "${parts.format}", but only raw images are read. Convert it: ` +
        '"qemu-img convert -O raw FILE root.img".',
    );
  }
  const known = parts.access === undefined ? access : accesses.get(parts.access);
  if (known === undefined) {
    throw complain(`has the access "${parts.access}": "r", "w" or "overlay" can be meant.`);
  }
  const { target: file, isCdrom } = parts;
  return { file, device, access: isCdrom ? 'r' : known, isCdrom };
}

/**
 * A device is one disk: throws a `UserError`, made by `complain` from the index of a second one and
 * a sentence.
 */
export function refuseTwoOfOneDevice(
  disks: readonly DiskConfiguration[],
  complain: (index: number, sentence: string) => UserError = (_, text) => new UserError(text),
): void {
  const numbers = new Set<number>();
  for (const [index, { device }] of disks.entries()) {
    if (numbers.has(device.number)) {
      throw complain(index, `Two disks are to be the device ${device.name}.`);
    }
    numbers.add(device.number);
  }
}

function partsOf(specification: string, fail: Complaint): Parts {
  const parts: Parts = { isCdrom: false, hasPrefix: false };
  let rest = specification.trim();
  const [, prefix] = /^([a-z][a-z0-9]+):/.exec(rest) ?? [];
  if (prefix !== undefined) {
    rest = withoutPrefixes(rest, fail);
    parts.hasPrefix = true;
  }
  while (rest !== '') {
    const [, target] = /^target=(.*)$/s.exec(rest) ?? [];
    if (target !== undefined) {
      setPart(parts, 'target', target, fail);
      break;
    }
    const comma = rest.indexOf(',');
    const word = (comma === -1 ? rest : rest.slice(0, comma)).trim();
    rest = comma === -1 ? '' : rest.slice(comma + 1).trimStart();
    takeWord(parts, word, fail);
  }
  return parts;
}

type Complaint = (sentence: string) => UserError;

/** `tap:aio:/file` has two. One letter is a drive of Windows. */
function withoutPrefixes(text: string, fail: Complaint): string {
  const [whole, prefix] = /^([a-z][a-z0-9]+):/.exec(text) ?? [];
  if (whole === undefined || prefix === undefined) {
    return text;
  }
  if (!plainPrefixes.includes(prefix)) {
    throw fail(`is "${prefix}:", but only raw images and devices are read: use "file:".`);
  }
  return withoutPrefixes(text.slice(whole.length), fail);
}

function takeWord(parts: Parts, word: string, fail: Complaint): void {
  const [, name, value = ''] = /^([a-z][a-z0-9-]*)=(.*)$/s.exec(word) ?? [];
  if (name !== undefined) {
    takeNamed(parts, name, value, fail);
  } else if (word === 'cdrom') {
    parts.isCdrom = true;
  } else if (!withoutEffect.includes(word)) {
    takeNext(parts, word, fail);
  }
}

function takeNamed(parts: Parts, name: string, value: string, fail: Complaint): void {
  switch (name) {
    case 'format':
    case 'vdev':
    case 'access':
      setPart(parts, name, value, fail);
      return;
    case 'devtype':
      if (value !== 'disk' && value !== 'cdrom') {
        throw fail(`has the devtype "${value}": "disk" or "cdrom" can be meant.`);
      }
      parts.isCdrom = value === 'cdrom';
      return;
    default:
      if (!namedWithoutEffect.includes(name)) {
        throw fail(`sets "${name}", which means nothing here.`);
      }
  }
}

/**
 * The next part in order that is not there yet. Unlike Xen, a device may follow the target at once:
 * what is no format is one.
 */
function takeNext(parts: Parts, word: string, fail: Complaint): void {
  const isFormatOver = parts.hasPrefix || parts.vdev !== undefined;
  const hasNoFormat = isFormatOver || !formats.includes(word);
  const name = positions.find(
    (position) => parts[position] === undefined && !(position === 'format' && hasNoFormat),
  );
  if (name === undefined) {
    throw fail(`has "${word}" too many.`);
  }
  const [, device, type] = /^(.*):(cdrom|disk)$/.exec(word) ?? [];
  if (name === 'vdev' && device !== undefined) {
    parts.vdev = device;
    parts.isCdrom = type === 'cdrom';
  } else {
    parts[name] = word;
  }
}

function setPart(
  parts: Parts,
  name: (typeof positions)[number],
  value: string,
  fail: Complaint,
): void {
  if (parts[name] !== undefined) {
    throw fail(`gives ${name} twice.`);
  }
  parts[name] = value;
}
