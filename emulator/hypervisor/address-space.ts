/** What the processor needs to know of the tables of the virtual processor that it runs. */

import { RIGHTS } from '../cpu/descriptor.ts';
import type { Processor } from '../cpu/processor.ts';
import { STATE } from '../cpu/state.ts';
import { CR0, CR4, EFER_NXE, updateControl } from '../cpu/system/control-registers.ts';
import { ALL_FRAMES, type PagingMode } from '../memory/page-walk.ts';
import type { Ram } from '../memory/ram.ts';
import type { Domain } from './domains/domain.ts';
import type { Vcpu } from './domains/vcpu.ts';
import { SYSTEM_PAGE } from './xen-tables.ts';

/** Index of the first PAE pointer among the words of the state. */
const FIRST_POINTER = STATE.pdpte0 >>> 2;
const POINTERS = 4;
const PAGE = 4096;
const PRESENT = 1;
/** Frames of a PAE pointer beyond 4 GB are never RAM here. */
const FOUR_GB_FRAMES = 0x10_0000;

/**
 * Loads the base pointer. The four PAE pointers are read like entries of a long-mode table: bits
 * that PAE reserves are ignored (guests have R/W, U/S and A set there). Hot.
 */
export function setAddressSpace(cpu: Processor, vcpu: Vcpu): void {
  const { state, ram } = cpu;
  const { domain, baseFrame } = vcpu;
  numberFrames(cpu, vcpu);
  state.cr3 = baseFrame * PAGE;
  if (domain.format === 'pae') {
    for (let i = 0; i < POINTERS; i++) {
      state.words[FIRST_POINTER + i] = pointerAt(ram, domain, baseFrame * PAGE + 8 * i);
    }
  }
  updateControl(cpu);
}

/** What the processor is given for a PAE pointer that stands at a machine address; 0: nothing. Hot. */
function pointerAt(ram: Ram, domain: Domain, address: number): number {
  const low = ram.read32(address);
  const high = ram.read32(address + 4);
  const frame = domain.machineFrame(low >>> 12);
  const isUsable = low & PRESENT && high === 0 && frame !== undefined && frame < FOUR_GB_FRAMES;
  return isUsable ? frame * PAGE + PRESENT : 0;
}

/** How frame numbers in page tables are meant: a translated domain counts its own from 0. */
export function numberFrames({ access }: Processor, { domain }: Vcpu): void {
  access.mode.firstFrame = firstFrameOf(domain);
  access.mode.frameCount = frameCountOf(domain);
  access.mode.ignoredHigh = ignoredHighOf(domain);
}

const firstFrameOf = (domain: Domain): number => (domain.isTranslated ? domain.firstFrame : 0);
const frameCountOf = (domain: Domain): number =>
  domain.isTranslated ? domain.frameCount : ALL_FRAMES;

/** What is neither part of a frame number nor refused in an entry is the guest's own to use. */
const ignoredHighOf = ({ rules }: Domain): number =>
  ~(rules.frameHighMask | rules.disallowed[1].high | NO_EXECUTE);

/**
 * How the processor would read the page tables of a domain from some root, in whatever address space
 * it is now. Changes nothing.
 *
 * @param root machine frame
 */
export function pagingModeOf(
  ram: Ram,
  domain: Domain,
  root: number,
  { cr0, cr4, efer }: { readonly cr0: number; readonly cr4: number; readonly efer: number },
): PagingMode {
  const pae = domain.format === 'pae';
  return {
    paging: true,
    pae,
    largePages: (cr4 & CR4.pageSizeExtensions) !== 0,
    noExecute: pae && (efer & EFER_NXE) !== 0,
    writeProtect: (cr0 & CR0.writeProtect) !== 0,
    globalPages: (cr4 & CR4.pageGlobal) !== 0,
    root: root * PAGE,
    pointers: Uint32Array.from({ length: POINTERS }, (_, i) =>
      pae ? pointerAt(ram, domain, root * PAGE + 8 * i) : 0,
    ),
    firstFrame: firstFrameOf(domain),
    frameCount: frameCountOf(domain),
    ignoredHigh: ignoredHighOf(domain),
  };
}

const NO_EXECUTE = 0x8000_0000;

const LDT_SELECTOR = 0xe050;
const LDT_TYPE = 0x200;

/** Loads the LDT register as MMUEXT_SET_LDT asks. */
export function setLocalTable({ state }: Processor, { ldtEntries }: Vcpu): void {
  const isSet = ldtEntries > 0;
  state.ldtSelector = isSet ? LDT_SELECTOR : 0;
  state.ldtBase = isSet ? SYSTEM_PAGE.ldt * PAGE : 0;
  state.ldtLimit = isSet ? ldtEntries * 8 - 1 : 0;
  state.ldtRights = isSet ? RIGHTS.valid | RIGHTS.present | LDT_TYPE : 0;
}
