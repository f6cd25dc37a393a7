/** What a kernel file says of itself, as text for a reader: the answer of `info KERNEL`. */

import { XEN_ELFNOTE } from '../../emulator/abi/elfnote.ts';
import { XENFEAT } from '../../emulator/abi/features.ts';
import { nameOf } from '../../emulator/abi/names.ts';
import type { Section } from '../../emulator/image/elf.ts';
import { GUEST_SECTION, guestFieldsOf } from '../../emulator/image/guest-section.ts';
import { type KernelImage, readKernel } from '../../emulator/image/kernel.ts';
import { type XenNote, xenNotesOf } from '../../emulator/image/xen-notes.ts';
import { modelFor, profileFor, tableFormatFor } from '../configuration/configuration.ts';
import type { KernelFile } from '../kernel-file/kernel-file.ts';

type Row = readonly [name: string, value: string];

/** Lines with an end each. Throws a `KernelError` when the file is no kernel. */
export function describeKernel(file: string, { elf, wrappings }: KernelFile): string {
  const kernel = readKernel(elf);
  const blocks = [
    table(overview(file, wrappings, kernel)),
    titled('Load ranges', loadRanges(kernel)),
    titled('ELF notes', xenNotesOf(kernel.elf).map(noteRow).map(line)),
    titled(GUEST_SECTION, [...(guestFieldsOf(kernel.elf) ?? [])].map(line)),
    titled('Sections', kernel.elf.sections.slice(1).map(sectionLine)),
  ];
  return blocks.filter((block) => block !== '').join('\n');
}

function overview(file: string, wrappings: readonly string[], kernel: KernelImage): readonly Row[] {
  const { required, supported } = kernel.features;
  const model = modelFor(kernel);
  const format = tableFormatFor(kernel);
  return [
    ['File', wrappings.length === 0 ? file : `${file} (${wrappings.join(', ')})`],
    ['Guest', [kernel.guestOs, kernel.guestVersion].filter((text) => text !== '').join(' ')],
    ['Loader', kernel.loader],
    ['Xen interface', kernel.xenVersion],
    ['Described by', kernel.format === 'elf notes' ? 'ELF notes' : `section ${GUEST_SECTION}`],
    ['PAE', kernel.paeMode],
    ['Required features', featureNames(required)],
    ['Supported features', featureNames(supported & ~required)],
    ['Virtual base', hex(kernel.virtBase)],
    ['Physical offset', hex(kernel.paddrOffset)],
    ['Entry', placeText(kernel, kernel.entry)],
    ['Hypercall page', optional(kernel.hypercallPage, (page) => placeText(kernel, page))],
    ['Hypervisor from', optional(kernel.hvStartLow, hex)],
    ['Kernel', `${hex(kernel.virtualStart)} to ${hex(kernel.virtualEnd)}`],
    ['Symbols', symbolsText(kernel)],
    ['Runs as', `a ${model} domain of ${profileFor(kernel)} with ${format} page tables`],
  ];
}

function symbolsText({ symbols }: KernelImage): string {
  return symbols.problem === undefined
    ? `${symbols.count}`
    : `none that can be read: ${symbols.problem}`;
}

/** An address with the symbol there. */
function placeText({ symbols }: KernelImage, address: number): string {
  const place = symbols.symbolAt(address);
  if (place === undefined) {
    return hex(address);
  }
  const { name, offset } = place;
  return `${hex(address)} ${name}${offset === 0 ? '' : `+0x${offset.toString(16)}`}`;
}

function loadRanges({ segments }: KernelImage): readonly string[] {
  return segments.map(({ virtualAddress, bytes, memorySize }) => {
    const zeros = memorySize - bytes.length;
    return (
      `${hex(virtualAddress)} to ${hex(virtualAddress + memorySize)}  ${bytes.length} bytes` +
      `${zeros === 0 ? '' : ` and ${zeros} zeros`}`
    );
  });
}

const textNotes: readonly number[] = [
  XEN_ELFNOTE.XEN_VERSION,
  XEN_ELFNOTE.GUEST_OS,
  XEN_ELFNOTE.GUEST_VERSION,
  XEN_ELFNOTE.LOADER,
  XEN_ELFNOTE.PAE_MODE,
  XEN_ELFNOTE.FEATURES,
  XEN_ELFNOTE.BSD_SYMTAB,
];

/** Texts in quotes, numbers in hexadecimal, everything else byte for byte. */
function noteRow({ type, bytes }: XenNote): Row {
  const name = nameOf(XEN_ELFNOTE, type) ?? `note ${hex(type)}`;
  if (textNotes.includes(type)) {
    const end = bytes.indexOf(0);
    return [name, JSON.stringify(latin1(end === -1 ? bytes : bytes.subarray(0, end)))];
  }
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
  const isNumber = bytes.length === 4 || bytes.length === 8;
  return [name, isNumber ? `0x${digits.reverse().join('')}` : digits.join(' ')];
}

function sectionLine({ index, name, virtualAddress, size }: Section): string {
  return `${String(index).padStart(3)}  ${hex(virtualAddress)}  ${String(size).padStart(9)}  ${name}`;
}

function featureNames(bits: number): string {
  const names = Object.entries(XENFEAT)
    .filter(([, bit]) => (bits & (1 << bit)) !== 0)
    .map(([name]) => name);
  return names.length === 0 ? 'none' : names.join(', ');
}

function optional<Value>(value: Value | undefined, text: (value: Value) => string): string {
  return value === undefined ? 'none' : text(value);
}

function table(rows: readonly Row[]): string {
  return rows.map(([name, value]) => `${`${name}:`.padEnd(20)}${value}\n`).join('');
}

function line([name, value]: Row): string {
  return `${name.padEnd(18)} ${value}`;
}

/** Nothing at all without lines. */
function titled(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}:\n${lines.map((text) => `  ${text}\n`).join('')}`;
}

function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}

/** Eight digits, as addresses are printed. */
function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
