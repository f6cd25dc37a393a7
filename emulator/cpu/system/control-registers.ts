/** CR0 to CR4 and EFER: which bits there are, and what follows from them (SDM 3A §2.5, §4.1). */

import { VECTOR } from '../exceptions.ts';
import type { Processor } from '../processor.ts';
import { updateAlignmentCheck } from './segmentation.ts';

export const CR0 = {
  protection: 1,
  monitorMath: 2,
  emulation: 4,
  taskSwitched: 8,
  extensionType: 0x10,
  numericError: 0x20,
  writeProtect: 0x1_0000,
  alignmentMask: 0x4_0000,
  notWriteThrough: 0x2000_0000,
  cacheDisable: 0x4000_0000,
  paging: 0x8000_0000,
} as const;

export const CR4 = {
  virtual8086: 1,
  protectedVirtualInterrupts: 2,
  timeStampDisable: 4,
  debugExtensions: 8,
  pageSizeExtensions: 0x10,
  physicalAddressExtension: 0x20,
  machineCheck: 0x40,
  pageGlobal: 0x80,
  performanceCounters: 0x100,
  osFxsr: 0x200,
  osXmmExceptions: 0x400,
} as const;

const CR0_WRITABLE = 0xe005_003f;
/** What CPUID offers: neither virtual-8086 extensions nor machine checks. */
const CR4_WRITABLE = 0x7bc;
export const EFER_NXE = 0x800;

/** A change of these reads the PAE pointers again (SDM 3A §4.4.1). */
const CR0_RELOADING = CR0.paging | CR0.cacheDisable | CR0.notWriteThrough;
const CR0_FLUSHING = CR0.paging | CR0.writeProtect | CR0.protection;
const CR4_FLUSHING = CR4.pageSizeExtensions | CR4.physicalAddressExtension | CR4.pageGlobal;
/** Reserved bits of a page-directory-pointer entry: 2:1, 8:5 and all above MAXPHYADDR (SDM 3A §4.4.1). */
const POINTER_RESERVED = 0x1e6;
const POINTER_RESERVED_HIGH = 0xffff_fff0;

/** Puts the digest of the control registers where the page walk looks for it. */
export function updateControl(cpu: Processor): void {
  const { state } = cpu;
  const { mode } = cpu.access;
  mode.paging = (state.cr0 & CR0.paging) !== 0;
  mode.writeProtect = (state.cr0 & CR0.writeProtect) !== 0;
  mode.pae = (state.cr4 & CR4.physicalAddressExtension) !== 0;
  mode.largePages = (state.cr4 & CR4.pageSizeExtensions) !== 0;
  mode.globalPages = (state.cr4 & CR4.pageGlobal) !== 0;
  mode.noExecute = mode.pae && (state.efer & EFER_NXE) !== 0;
  mode.root = (state.cr3 & ~0xfff) >>> 0;
  mode.pointers[0] = state.pdpte0;
  mode.pointers[1] = state.pdpte1;
  mode.pointers[2] = state.pdpte2;
  mode.pointers[3] = state.pdpte3;
  updateAlignmentCheck(cpu);
}

export function setCr0(cpu: Processor, value: number): void {
  const { state } = cpu;
  const before = state.cr0;
  const next = ((value & CR0_WRITABLE) | CR0.extensionType) >>> 0;
  const isBroken =
    (next & CR0.paging && !(next & CR0.protection)) ||
    (next & CR0.notWriteThrough && !(next & CR0.cacheDisable));
  if (isBroken) {
    cpu.fault(VECTOR.protection);
  }
  if (!(next & CR0.protection)) {
    cpu.stopHere({
      kind: 'unsupported',
      sentence: 'The guest switched to real mode (CR0.PE = 0).',
    });
  }
  if (next & CR0.paging && (before ^ next) & CR0_RELOADING) {
    loadPointers(cpu, state.cr3, state.cr4);
  }
  state.cr0 = next;
  updateControl(cpu);
  if ((before ^ next) & CR0_FLUSHING) {
    cpu.tlb.flush(false);
  }
}

export function setCr3(cpu: Processor, value: number): void {
  const { state } = cpu;
  if (state.cr0 & CR0.paging) {
    loadPointers(cpu, value, state.cr4);
  }
  state.cr3 = value >>> 0;
  updateControl(cpu);
  cpu.tlb.flush((state.cr4 & CR4.pageGlobal) !== 0);
}

export function setCr4(cpu: Processor, value: number): void {
  const { state } = cpu;
  if (value & ~CR4_WRITABLE) {
    cpu.fault(VECTOR.protection);
  }
  const changed = (state.cr4 ^ value) & CR4_FLUSHING;
  if (state.cr0 & CR0.paging && changed) {
    loadPointers(cpu, state.cr3, value);
  }
  state.cr4 = value >>> 0;
  updateControl(cpu);
  if (changed) {
    cpu.tlb.flush(false);
  }
  cpu.debug.refresh();
}

/** lmsw: MP, EM and TS; PE can be set, not cleared (SDM 2A, LMSW). */
export function setMachineStatus(cpu: Processor, value: number): void {
  setCr0(cpu, (cpu.state.cr0 & ~0xe) | (value & 0xf));
}

export function setEfer(cpu: Processor, value: number): void {
  cpu.state.efer = value >>> 0;
  updateControl(cpu);
  cpu.tlb.flush(false);
}

/** With PAE the four pointers are read when CR3 is loaded; reserved bits in them are #GP(0). */
function loadPointers(cpu: Processor, cr3: number, cr4: number): void {
  if (!(cr4 & CR4.physicalAddressExtension)) {
    return;
  }
  const table = (cr3 & ~31) >>> 0;
  const entries = [0, 1, 2, 3].map((i) => {
    const low = cpu.ram.read32(table + 8 * i);
    const high = cpu.ram.read32(table + 8 * i + 4);
    if (low & 1 && (low & POINTER_RESERVED || high & POINTER_RESERVED_HIGH)) {
      cpu.fault(VECTOR.protection);
    }
    return low;
  });
  const { state } = cpu;
  [state.pdpte0 = 0, state.pdpte1 = 0, state.pdpte2 = 0, state.pdpte3 = 0] = entries;
}
