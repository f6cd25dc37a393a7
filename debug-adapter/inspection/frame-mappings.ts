/** Who maps a machine frame: every linear address in every address space that leads to it. */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { allows, eachPage, frameOfTranslation, modeFrom, rootsOf } from './address-space.ts';
import type { FrameMapping, FrameMappingsData } from './data/pages.ts';
import type { RowsWanted } from './data/rows.ts';
import { FrameReader } from './frame-reader.ts';
import { boundsOf } from './row-selection.ts';

const PAGE = 4096;
const LAST = 0xffff_ffff;
/** Address spaces that one question looks through, over all domains. */
const MOST_ROOTS = 64;
const MOST_GRANTS = 64;
/** Linear pages that one question looks at, mapped ones. */
const MOST_PAGES = 1 << 22;

export function whoMaps(
  machine: Machine,
  frame: number,
  wanted: RowsWanted = {},
): FrameMappingsData {
  const { first, count } = boundsOf(wanted);
  const rows: FrameMapping[] = [];
  let total = 0;
  const all = rootsOfAll(machine);
  const roots = all.slice(0, MOST_ROOTS);
  let pages = 0;
  const looked: { domain: number; root: number }[] = [];
  for (const { domain, root } of roots) {
    if (pages >= MOST_PAGES) {
      break;
    }
    looked.push({ domain: domain.id, root });
    const mode = modeFrom(machine.xen, domain, root);
    eachPage(machine.xen.ram, domain, mode, 0, LAST, (linear, translation, size) => {
      pages++;
      const distance = frame - frameOfTranslation(translation);
      if (distance < 0 || distance >= size / PAGE) {
        return;
      }
      if (total >= first && total < first + count) {
        rows.push(mapping(domain, root, linear + distance * PAGE, translation, size));
      }
      total++;
    });
  }
  return {
    frame: new FrameReader(machine).of(frame),
    rows,
    first,
    total,
    roots: looked,
    grants: grantsOf(machine, frame),
    isCutOff: looked.length < all.length,
  };
}

function grantsOf({ xen }: Machine, frame: number): FrameMappingsData['grants'] {
  const found: { domain: number; handle: number }[] = [];
  for (const { id, grants } of xen.domains.values()) {
    for (const [handle, mapping] of grants.mappings()) {
      if (mapping.frame === frame && found.length < MOST_GRANTS) {
        found.push({ domain: id, handle });
      }
    }
  }
  return found;
}

function rootsOfAll({ xen }: Machine): { readonly domain: Domain; readonly root: number }[] {
  return [...xen.domains.values()].flatMap((domain) =>
    rootsOf(xen, domain).map((root) => ({ domain, root })),
  );
}

function mapping(
  domain: Domain,
  root: number,
  address: number,
  translation: number,
  size: number,
): FrameMapping {
  return {
    domain: domain.id,
    root,
    address,
    isWritable: allows(translation, 'writable'),
    isUser: allows(translation, 'user'),
    isExecutable: !allows(translation, 'noExecute'),
    pageSize: size,
  };
}
