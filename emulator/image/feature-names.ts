/**
 * The features that a kernel names: what it can live with, and after `!` what it cannot do without.
 *
 * Sources: `xen/common/libelf/libelf-dominfo.c`, `xen/include/public/features.h`.
 */

import { XENFEAT } from '../abi/features.ts';
import { KernelError } from './kernel-error.ts';

/** One bit for each feature, by its number in `XENFEAT`. */
export interface KernelFeatures {
  readonly required: number;
  readonly supported: number;
}

/** The features that have a name; the others go into the note SUPPORTED_FEATURES. */
const named = [
  'writable_page_tables',
  'writable_descriptor_tables',
  'auto_translated_physmap',
  'supervisor_mode_kernel',
  'pae_pgdir_above_4gb',
  'hvm_callback_vector',
  'dom0',
] as const satisfies readonly (keyof typeof XENFEAT)[];

/** What no domain of ours is, so that a kernel that insists on it cannot run here. */
const impossible: Readonly<Record<string, string>> = {
  supervisor_mode_kernel: 'kernels run in ring 1',
  hvm_callback_vector: 'the domain is paravirtual',
  dom0: 'the domain is unprivileged',
};

/**
 * Reads names joined by `|`. What is required is also supported; a name that is not known counts
 * only when it is required, and then as an error.
 */
export function parseFeatures(text: string): KernelFeatures {
  let required = 0;
  let supported = 0;
  for (const word of text.split('|')) {
    const isRequired = word.startsWith('!');
    const name = isRequired ? word.slice(1) : word;
    const bit = bitOf(name);
    if (isRequired) {
      refuse(name, bit);
    }
    supported |= bit;
    required |= isRequired ? bit : 0;
  }
  return { required: required >>> 0, supported: supported >>> 0 };
}

/** Whether a set of features has one of them. */
export function hasFeature(features: number, name: keyof typeof XENFEAT): boolean {
  return (features & (1 << XENFEAT[name])) !== 0;
}

/** 0 for a name that is not known. */
function bitOf(name: string): number {
  const known = named.find((feature) => feature === name);
  return known === undefined ? 0 : 1 << XENFEAT[known];
}

function refuse(name: string, bit: number): void {
  if (bit === 0) {
    throw new KernelError(`The kernel requires the feature "${name}", which Xen does not have.`);
  }
  const reason = impossible[name];
  if (reason !== undefined) {
    throw new KernelError(`The kernel requires the feature "${name}", but ${reason}.`);
  }
}
