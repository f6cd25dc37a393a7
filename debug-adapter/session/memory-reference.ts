/**
 * Memory references: which space, and where in it. Clients hand them back as they are.
 *
 *     d1:va:0xc0100000     virtual address, through the page tables of domain 1
 *     d1.1:va:0xc0100000   the same, through those of its vCPU 1
 *     d1:pfn:0x1a0         pseudo-physical frame, from its beginning
 *     ma:0x20a000          machine address
 */

import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { UserError } from '../user-error.ts';

export type MemoryReference =
  | {
      readonly space: 'va';
      readonly domain: number | undefined;
      readonly vcpu: number;
      readonly address: number;
    }
  | { readonly space: 'pfn'; readonly domain: number; readonly address: number }
  | { readonly space: 'ma'; readonly address: number };

const PAGE = 4096;

export function parseMemoryReference(text: string): MemoryReference {
  const [, domain, vcpu, space, digits = ''] =
    /^(?:(?:d(\d{1,5})(?:\.(\d{1,2}))?:)?(va|pfn|ma):)?(0x[0-9a-f]{1,13}|\d{1,15})$/i.exec(
      text.trim(),
    ) ?? [];
  if (digits === '') {
    throw new UserError(
      `${JSON.stringify(text)} is no memory reference: write d1:va:0xc0100000, d1:pfn:0x10 or ma:0x1000.`,
    );
  }
  const value = Number(digits);
  switch (space) {
    case 'ma':
      return { space, address: value };
    case 'pfn':
      return { space, domain: Number(domain ?? 1), address: value * PAGE };
    default:
      return {
        space: 'va',
        domain: domain === undefined ? undefined : Number(domain),
        vcpu: Number(vcpu ?? 0),
        address: value % 0x1_0000_0000,
      };
  }
}

/** The reference of a virtual address as a virtual processor sees it. */
export function virtualReference({ domain, id }: Vcpu, address: number): string {
  const vcpu = id === 0 ? '' : `.${id}`;
  return `d${domain.id}${vcpu}:va:0x${(address >>> 0).toString(16).padStart(8, '0')}`;
}

/** A reference so many bytes further on, of the same space. */
export function referenceText(reference: MemoryReference, address: number): string {
  const hex = `0x${address.toString(16).padStart(8, '0')}`;
  switch (reference.space) {
    case 'ma':
      return `ma:${hex}`;
    case 'pfn':
      return `d${reference.domain}:pfn:0x${Math.floor(address / PAGE).toString(16)}`;
    case 'va': {
      const { domain, vcpu } = reference;
      return domain === undefined ? hex : `d${domain}${vcpu === 0 ? '' : `.${vcpu}`}:va:${hex}`;
    }
  }
}
