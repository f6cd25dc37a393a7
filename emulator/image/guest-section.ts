/**
 * The section `__xen_guest`: one text in which kernels described themselves before there were notes.
 *
 * `NAME=value` or `NAME`, with commas between, ended by a zero. `HYPERCALL_PAGE` is not an address
 * but the number of a page, in hexadecimal.
 *
 * Sources: `xen/common/libelf/libelf-dominfo.c` and, for the year 2006, `tools/libxc/xc_load_elf.c`
 * and `tools/libxc/xc_linux_build.c`.
 */

import type { BootClaims, PaeMode } from './boot-claims.ts';
import { contentsOf, type ElfFile } from './elf.ts';
import { KernelError } from './kernel-error.ts';

export const GUEST_SECTION = '__xen_guest';

/** Real ones have some 200 characters. */
const LONGEST_TEXT = 4096;

/** The fields by name; `undefined` when there is no such section. Of two the later one counts. */
export function guestFieldsOf(file: ElfFile): ReadonlyMap<string, string> | undefined {
  const section = file.sections.find(({ name }) => name === GUEST_SECTION);
  if (section === undefined) {
    return undefined;
  }
  const bytes = contentsOf(file, section);
  const end = bytes.indexOf(0);
  const text = end === -1 ? bytes : bytes.subarray(0, end);
  if (text.length > LONGEST_TEXT) {
    throw new KernelError(`The text in ${section.label} has ${text.length} bytes.`);
  }
  const fields = String.fromCharCode(...text).split(',');
  return new Map(
    fields
      .filter((field) => field !== '')
      .map((field) => {
        const [name = '', ...value] = field.split('=');
        return [name, value.join('=')];
      }),
  );
}

/** What the section says; `undefined` when there is none. */
export function claimsOfGuestSection(file: ElfFile): BootClaims | undefined {
  const fields = guestFieldsOf(file);
  if (fields === undefined) {
    return undefined;
  }
  const text = (name: string) => fields.get(name) ?? '';
  const number = (name: string) => numberOf(name, fields.get(name));
  const page = fields.get('HYPERCALL_PAGE');
  return {
    format: 'legacy section',
    virtBase: number('VIRT_BASE'),
    paddrOffset: number('ELF_PADDR_OFFSET'),
    entry: number('VIRT_ENTRY'),
    hypercallPage: page === undefined ? undefined : { page: pageNumberOf(page) },
    features: text('FEATURES'),
    supportedFeatures: 0,
    paeMode: paeModeOf(text('PAE')),
    loader: text('LOADER'),
    guestOs: text('GUEST_OS'),
    guestVersion: text('GUEST_VER'),
    xenVersion: text('XEN_VER'),
    hvStartLow: undefined,
    l1MfnValid: [],
    suspendCancel: false,
    modStartPfn: false,
    initP2m: undefined,
    bsdSymtab: fields.has('BSD_SYMTAB'),
  };
}

/** As C's `strtoul` reads it with base 0: hexadecimal after 0x, octal after 0, else decimal. */
function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) {
    return undefined;
  }
  const isOctal = /^0[0-7]+$/.test(text);
  const isNumber = /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text);
  const value = Number(isOctal ? `0o${text.slice(1)}` : text);
  if (!isNumber || value > 0xffff_ffff) {
    throw new KernelError(`${name} in ${GUEST_SECTION} is "${text}", which is no 32-bit number.`);
  }
  return value;
}

function pageNumberOf(text: string): number {
  const page = /^(?:0[xX])?[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
  if (!(page <= 0xf_ffff)) {
    throw new KernelError(
      `HYPERCALL_PAGE in ${GUEST_SECTION} is "${text}", which is no page number in hexadecimal.`,
    );
  }
  return page;
}

function paeModeOf(text: string): PaeMode {
  if (text === 'yes[extended-cr3]') {
    return 'extended-cr3';
  }
  return text.startsWith('yes') ? 'yes' : 'no';
}
