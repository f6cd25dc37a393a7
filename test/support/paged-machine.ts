/**
 * Machine frames and domains with page tables as a domain builder leaves them, without a processor:
 * enough to ask memory management anything.
 */

import { newBase } from '../../emulator/hypervisor/memory/base-pointer.ts';
import {
  frameDiscrepancies,
  type Holdings,
} from '../../emulator/hypervisor/memory/frame-invariants.ts';
import { MachineFrames } from '../../emulator/hypervisor/memory/machine-frames.ts';
import {
  type MemoryRules,
  RULES_3_0,
  RULES_4_17,
} from '../../emulator/hypervisor/memory/memory-rules.ts';
import {
  TABLE_SHAPES,
  type TableFormat,
} from '../../emulator/hypervisor/memory/page-table-entry.ts';
import {
  updateEntry,
  updateVaMapping,
} from '../../emulator/hypervisor/memory/page-table-update.ts';
import { PageTypes } from '../../emulator/hypervisor/memory/page-types.ts';
import {
  NO_FRAME,
  type PagedDomain,
  type PagedVcpu,
} from '../../emulator/hypervisor/memory/paged-domain.ts';
import { LinearMemory } from '../../emulator/memory/linear-memory.ts';
import { Ram } from '../../emulator/memory/ram.ts';

const PAGE = 4096;

export interface TestDomain extends PagedDomain {
  readonly vcpus: readonly [PagedVcpu];
  /** Machine frames by the guest's own frame number. */
  readonly frames: readonly number[];
  /** The guest's own frame number of the root; the other tables follow it. */
  readonly firstTable: number;
  /** How many tables follow, the root included. */
  readonly tables: number;
  readonly crashes: string[];
}

export const XEN = {
  'xen-4.17 PAE': { format: 'pae', rules: RULES_4_17 },
  'xen-3.0 PAE': { format: 'pae', rules: RULES_3_0 },
  'xen-3.0 two-level': { format: 'two-level', rules: RULES_3_0 },
} as const satisfies Record<string, { format: TableFormat; rules: MemoryRules }>;

export class PagedMachine {
  readonly ram: Ram;
  readonly frames: MachineFrames;
  readonly types: PageTypes;
  readonly domains: TestDomain[] = [];
  /** How often the TLB was to be flushed. */
  flushes = 0;

  /** @param ramSize bytes */
  constructor(ramSize = 12 * 2 ** 20) {
    this.ram = new Ram(new LinearMemory(ramSize));
    this.frames = new MachineFrames(this.ram);
    const flush = () => {
      this.flushes++;
    };
    this.types = new PageTypes(this.frames, { flushAll: flush, flushPage: flush }, (id) =>
      this.domains.find((domain) => domain.id === id),
    );
  }

  /**
   * A domain whose memory is mapped from linear address 0 on, its tables read-only at the end, the
   * root pinned and in use.
   */
  addDomain(id: number, xen: keyof typeof XEN, pages: number): TestDomain {
    const { format, rules } = XEN[xen];
    const shape = TABLE_SHAPES[format];
    const l1Tables = Math.ceil(pages / shape.entries);
    const tables = (format === 'pae' ? 5 : 1) + l1Tables;
    const frames = [...(this.frames.allocateMany(id, pages) ?? [])];
    const crashes: string[] = [];
    const domain: TestDomain = {
      id,
      format,
      rules,
      model: 'direct',
      firstFrame: 0,
      frameCount: pages,
      vcpus: [newVcpu()],
      frames,
      firstTable: pages - tables,
      tables,
      crashes,
      crash: (reason) => crashes.push(reason),
    };
    this.domains.push(domain);
    frames.forEach((mfn, pfn) => {
      this.frames.setM2p(mfn, pfn);
      this.frames.scrub(mfn);
    });
    this.#buildTables(domain, l1Tables);
    return domain;
  }

  #buildTables(domain: TestDomain, l1Tables: number): void {
    const { format, firstTable, frames } = domain;
    const shape = TABLE_SHAPES[format];
    const put = (mfn: number, index: number, value: number) =>
      this.ram.write32(mfn * PAGE + index * shape.entrySize, value);
    const root = frames[firstTable] ?? 0;
    const directory = format === 'pae' ? (frames[firstTable + 1] ?? 0) : root;
    const flags = domain.rules.refinesErrors ? 0x67 : 1;
    for (let slot = 0; format === 'pae' && slot < 4; slot++) {
      put(root, slot, (frames[firstTable + 1 + slot] ?? 0) * PAGE + flags);
    }
    const firstL1 = firstTable + domain.tables - l1Tables;
    for (let index = 0; index < l1Tables; index++) {
      put(directory, index, (frames[firstL1 + index] ?? 0) * PAGE + 0x67);
    }
    frames.forEach((mfn, pfn) => {
      const table = frames[firstL1 + Math.floor(pfn / shape.entries)] ?? 0;
      put(table, pfn % shape.entries, mfn * PAGE + (pfn >= firstTable ? 0x21 : 0x63));
    });
    const level = format === 'pae' ? 3 : 2;
    const answers = [
      this.types.pin(root, domain.id, level),
      newBase(this.types, domain, domain.vcpus[0], root),
    ];
    if (answers.some((answer) => answer !== 0)) {
      throw new Error(`The first page tables are refused: ${answers.join(', ')}`);
    }
  }

  /** Changes the mapping of a linear address, as update_va_mapping does. */
  map(domain: TestDomain, linear: number, low: number, high = 0, frameOwner = domain.id): number {
    return updateVaMapping(
      this.types,
      { domain, frameOwner, preservesAccessed: false },
      domain.vcpus[0].baseFrame,
      linear,
      { low: low >>> 0, high: high >>> 0 },
    );
  }

  /** Changes an entry of a table by its frame and index, as mmu_update does. */
  update(domain: TestDomain, mfn: number, index: number, low: number, high = 0): number {
    return updateEntry(
      this.types,
      { domain, frameOwner: domain.id, preservesAccessed: false },
      mfn * PAGE + index * TABLE_SHAPES[domain.format].entrySize,
      { low: low >>> 0, high: high >>> 0 },
    );
  }

  /** An entry of a table as hexadecimal digits, the low word of two-level tables alone. */
  entry(domain: TestDomain, mfn: number, index: number): string {
    const size = TABLE_SHAPES[domain.format].entrySize;
    const address = mfn * PAGE + index * size;
    const digits = (word: number) => word.toString(16).padStart(8, '0');
    const low = digits(this.ram.read32(address));
    return size === 8 ? digits(this.ram.read32(address + 4)) + low : low;
  }

  discrepancies(more: Omit<Holdings, 'domains'> = {}): string[] {
    return frameDiscrepancies(this.frames, { domains: this.domains, ...more });
  }
}

function newVcpu(): PagedVcpu {
  return {
    baseFrame: NO_FRAME,
    gdtFrames: [],
    gdtEntries: 0,
    ldtBase: 0,
    ldtEntries: 0,
    ldtFrames: new Map(),
  };
}
