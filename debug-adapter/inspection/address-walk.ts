/** How the processor comes from a linear address to a machine address, level by level. */

import type { Domain } from '../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import { TABLE_SHAPES } from '../../emulator/hypervisor/memory/page-table-entry.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import {
  type Access,
  errorCodeOf,
  type PagingMode,
  walk,
} from '../../emulator/memory/page-walk.ts';
import { allows, frameOfTranslation, modeOf, rootOf } from './address-space.ts';
import type {
  AccessWanted,
  TableEntryData,
  TableLevel,
  WalkData,
  WalkOutcome,
} from './data/pages.ts';
import { FrameReader, pseudoPhysicalFrame } from './frame-reader.ts';
import { registerOf } from './registers.ts';
import { EntryDecoder } from './table-entries.ts';

const PAGE = 4096;
const USER_RING = 3;

/** Bits of a page fault's error code by their letters (SDM 3A §4.7). */
const ERROR_BITS = ['P', 'W/R', 'U/S', 'RSVD', 'I/D'] as const;
const ERROR = { present: 1, write: 2, user: 4, reserved: 8, fetch: 16 } as const;

/** What becomes of an access to a linear address at this moment, the TLB left aside. */
export function walkAddress(
  machine: Machine,
  vcpu: Vcpu,
  address: number,
  { access = 'read', isUser }: AccessWanted = {},
): WalkData {
  const { domain } = vcpu;
  const { xen } = machine;
  const mode = modeOf(xen, vcpu);
  const root = rootOf(vcpu);
  const base = { domain: domain.id, vcpu: vcpu.id, address, tableFormat: domain.format, root };
  if (mode === undefined || root === undefined) {
    const reason = `vCPU ${vcpu.id} of domain ${domain.id} has no page tables.`;
    return { ...base, levels: [], outcome: { kind: 'fault', errorCode: 0, errorBits: [], reason } };
  }
  const levels = levelsOf(machine, domain, mode, root, address);
  const isByUser = isUser ?? registerOf(xen, vcpu, 'cpl') === USER_RING;
  const found = walk(xen.ram, mode, address, access, isByUser, true);
  const outcome =
    found < 0
      ? fault(domain, mode, levels, access, errorCodeOf(found))
      : mapped(machine, domain, address, found);
  return { ...base, levels, outcome };
}

type Level = WalkData['levels'][number];

/** As far as the processor looks; a PAE root's entries were looked at when CR3 was loaded. */
function levelsOf(
  machine: Machine,
  domain: Domain,
  mode: PagingMode,
  root: number,
  address: number,
): readonly Level[] {
  const reader = new FrameReader(machine);
  const decoder = new EntryDecoder(machine, domain, reader);
  const levels: Level[] = [];
  let table: number | undefined = root;
  for (let level: number = decoder.rootLevel; level > 0 && table !== undefined; level--) {
    const shift = shiftOf(domain, level);
    const size = level === decoder.rootLevel ? 2 ** (32 - shift) : decoder.entries(1);
    const index = (address >>> shift) & (size - 1);
    const covered = shift + Math.log2(size);
    const start = covered >= 32 ? 0 : address - (address % 2 ** covered);
    const entry: TableEntryData = decoder.decode(table, level as TableLevel, index, start);
    levels.push({ ...entry, tableFrame: reader.of(table) });
    const isLeaf = level === 1 || (entry.isLarge && (mode.pae || mode.largePages));
    table = isLeaf ? undefined : entry.machineFrame;
  }
  return levels;
}

function shiftOf(domain: Domain, level: number): number {
  switch (level) {
    case 1:
      return 12;
    case 2:
      return TABLE_SHAPES[domain.format].directoryShift;
    default:
      return 30;
  }
}

function mapped(
  { xen }: Machine,
  domain: Domain,
  address: number,
  translation: number,
): WalkOutcome {
  const frame = frameOfTranslation(translation);
  const offset = address % PAGE;
  const own = pseudoPhysicalFrame(xen, frame);
  const large = 2 ** TABLE_SHAPES[domain.format].directoryShift;
  return {
    kind: 'mapped',
    machineAddress: frame * PAGE + offset,
    pseudoPhysicalAddress: own === undefined ? undefined : own * PAGE + offset,
    pageSize: allows(translation, 'large') ? large : PAGE,
    isWritable: allows(translation, 'writable'),
    isUser: allows(translation, 'user'),
    isExecutable: !allows(translation, 'noExecute'),
    isGlobal: allows(translation, 'global'),
  };
}

function fault(
  domain: Domain,
  mode: PagingMode,
  levels: readonly Level[],
  access: Access,
  errorCode: number,
): WalkOutcome {
  return {
    kind: 'fault',
    errorCode,
    errorBits: ERROR_BITS.filter((_, bit) => (errorCode >>> bit) & 1),
    reason: reasonOf(domain, mode, levels, access, errorCode),
  };
}

const nameOf = ({ name, index, table }: Level): string =>
  `the ${name} (entry ${index} of frame 0x${table.toString(16)})`;

function reasonOf(
  domain: Domain,
  mode: PagingMode,
  levels: readonly Level[],
  access: Access,
  errorCode: number,
): string {
  const last = levels.at(-1) as Level;
  if (errorCode & ERROR.reserved) {
    return `A bit that must be 0 is set in ${nameOf(last)}: ${last.value}.`;
  }
  if (!(errorCode & ERROR.present)) {
    return absenceOf(domain, levels, last);
  }
  const refusing = refusingLevel(mode, levels, access, errorCode) ?? last;
  const what =
    errorCode & ERROR.user && !refusing.bits.US
      ? 'allows the kernel alone'
      : access === 'write'
        ? 'does not allow writing'
        : 'does not allow execution';
  return `The page is there, but ${nameOf(refusing)} ${what}.`;
}

function absenceOf(domain: Domain, levels: readonly Level[], last: Level): string {
  if (!last.bits.P) {
    return `Not mapped: ${nameOf(last)} is not present.`;
  }
  const beyond = levels.find(({ machineFrame }) => machineFrame === undefined);
  return beyond === undefined
    ? `Not mapped: the processor was not given ${nameOf(levels[0] as Level)} with CR3, or cannot use it.`
    : `Not mapped: ${nameOf(beyond)} names frame 0x${beyond.frame?.toString(16)}, which domain ${domain.id} has not.`;
}

/** The first level that forbids the access. Entries of a PAE root have no say in that. */
function refusingLevel(
  mode: PagingMode,
  levels: readonly Level[],
  access: Access,
  errorCode: number,
): Level | undefined {
  const asked = mode.pae ? levels.slice(1) : levels;
  return (
    (errorCode & ERROR.user ? asked.find(({ bits }) => !bits.US) : undefined) ??
    asked.find(({ bits }) => (access === 'write' ? !bits.RW : bits.NX))
  );
}
