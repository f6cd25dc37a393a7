/** What a guest has told of its handlers, stacks and segments: its virtual IDT, GDT and LDT. */

import { FIRST_RESERVED_GDT_ENTRY, TI_DPL_MASK, TI_IF } from '../../emulator/abi/arch-x86-32.ts';
import { nameOf } from '../../emulator/abi/names.ts';
import {
  baseOf,
  type Descriptor,
  gateOffset,
  gateSelector,
  isCode,
  isPresent,
  isSystem,
  limitOf,
  privilegeOf,
  RIGHTS,
  TYPE,
  typeOf,
} from '../../emulator/cpu/descriptor.ts';
import { VECTOR } from '../../emulator/cpu/exceptions.ts';
import { SEGMENTS, type WordName } from '../../emulator/cpu/state.ts';
import type { Callback, Vcpu } from '../../emulator/hypervisor/domains/vcpu.ts';
import type { Xen } from '../../emulator/hypervisor/xen.ts';
import { SYSTEM_PAGE } from '../../emulator/hypervisor/xen-tables.ts';
import { machineAddress, modeOf } from './address-space.ts';
import type {
  CallbackData,
  DescriptorData,
  DescriptorTableData,
  EntryPointsData,
  SegmentData,
  TrapData,
  TrapTableData,
} from './data/descriptors.ts';
import type { RowsWanted } from './data/rows.ts';
import { registerOf } from './registers.ts';
import { rowsOf } from './row-selection.ts';
import { entryPlace, type Symbols } from './symbols.ts';

const PAGE = 4096;
const DESCRIPTORS_A_PAGE = 512;
const SIZE = 8;
/** Of Xen's page of the GDT, those that it uses. */
const XEN_DESCRIPTORS = 8;

/** Mnemonics of exceptions (SDM 3A table 6-1). */
const MNEMONICS: Readonly<Record<keyof typeof VECTOR, string>> = {
  divide: '#DE',
  debug: '#DB',
  nmi: 'NMI',
  breakpoint: '#BP',
  overflow: '#OF',
  bound: '#BR',
  undefined: '#UD',
  noMath: '#NM',
  doubleFault: '#DF',
  invalidTss: '#TS',
  notPresent: '#NP',
  stack: '#SS',
  protection: '#GP',
  page: '#PF',
  math: '#MF',
  alignment: '#AC',
  simd: '#XM',
};

/** The mnemonic of an exception, or undefined for any other vector. */
export function exceptionName(vector: number): string | undefined {
  const name = nameOf(VECTOR, vector);
  return name && MNEMONICS[name];
}

/** Vectors that have a handler. */
export function trapTable(vcpu: Vcpu, symbols: Symbols, wanted: RowsWanted = {}): TrapTableData {
  const { traps, domain } = vcpu;
  const vectors = [...traps.addresses.keys()].filter((vector) => traps.addresses[vector] !== 0);
  const rows = rowsOf(vectors, wanted, (vector): TrapData => {
    const flags = traps.flags[vector] ?? 0;
    const cs = traps.selectors[vector] ?? 0;
    return {
      vector,
      exception: exceptionName(vector),
      handler: entryPlace(symbols, domain.id, cs, traps.addresses[vector] ?? 0),
      dpl: flags & TI_DPL_MASK,
      masks: (flags & TI_IF) !== 0,
    };
  });
  return { domain: domain.id, vcpu: vcpu.id, ...rows };
}

export function entryPoints(vcpu: Vcpu, symbols: Symbols): EntryPointsData {
  const { domain, traps } = vcpu;
  const place = ({ cs, eip, masks }: Callback): CallbackData | undefined =>
    cs === 0 && eip === 0 ? undefined : { ...entryPlace(symbols, domain.id, cs, eip), masks };
  const nmi = {
    cs: traps.selectors[VECTOR.nmi] ?? 0,
    eip: traps.addresses[VECTOR.nmi] ?? 0,
    masks: ((traps.flags[VECTOR.nmi] ?? 0) & TI_IF) !== 0,
  };
  return {
    domain: domain.id,
    vcpu: vcpu.id,
    event: place(vcpu.eventCallback),
    failsafe: place(vcpu.failsafeCallback),
    sysenter: place(vcpu.sysenterCallback),
    syscall: place(vcpu.syscallCallback),
    nmi: nmi.eip === 0 ? undefined : place(nmi),
    kernelStack: { ss: vcpu.kernelSs, esp: vcpu.kernelEsp },
    gdt: { entries: vcpu.gdtEntries, frames: [...vcpu.gdtFrames] },
    ldt: { base: vcpu.ldtBase, entries: vcpu.ldtEntries },
    iopl: vcpu.iopl,
  };
}

/** The guest's descriptors and, of the GDT, those that Xen keeps at its end. */
export function descriptorTable(
  xen: Xen,
  vcpu: Vcpu,
  table: 'gdt' | 'ldt',
  symbols: Symbols,
  wanted: RowsWanted = {},
): DescriptorTableData {
  const isGlobal = table === 'gdt';
  const guests = isGlobal ? vcpu.gdtEntries : vcpu.ldtEntries;
  const own = Array.from({ length: guests }, (_, index) => index);
  const xens = Array.from({ length: XEN_DESCRIPTORS }, (_, i) => FIRST_RESERVED_GDT_ENTRY + i);
  const rows = rowsOf(isGlobal ? [...own, ...xens] : own, wanted, (index) => {
    const address = isGlobal ? globalAddress(xen, vcpu, index) : localAddress(xen, vcpu, index);
    return descriptorData(xen, vcpu, table, index, address, symbols);
  });
  return { domain: vcpu.domain.id, vcpu: vcpu.id, table, ...rows };
}

/** Machine address of a descriptor of the GDT. */
function globalAddress(xen: Xen, { gdtFrames }: Vcpu, index: number): number | undefined {
  const page = Math.floor(index / DESCRIPTORS_A_PAGE);
  const frame = page < SYSTEM_PAGE.xen ? gdtFrames[page] : xen.tables.frameOf(page);
  return frame === undefined ? undefined : frame * PAGE + (index % DESCRIPTORS_A_PAGE) * SIZE;
}

/** Machine address of a descriptor of the LDT; undefined where its page is not mapped. */
function localAddress(xen: Xen, vcpu: Vcpu, index: number): number | undefined {
  const offset = index * SIZE;
  const known = vcpu.ldtFrames.get(Math.floor(offset / PAGE));
  if (known !== undefined) {
    return known * PAGE + (offset % PAGE);
  }
  const mode = modeOf(xen, vcpu);
  return mode && machineAddress(xen.ram, mode, (vcpu.ldtBase + offset) >>> 0);
}

function descriptorData(
  { ram }: Xen,
  vcpu: Vcpu,
  table: 'gdt' | 'ldt',
  index: number,
  address: number | undefined,
  symbols: Symbols,
): DescriptorData {
  const owner = table === 'gdt' && index >= FIRST_RESERVED_GDT_ENTRY ? 'Xen' : 'guest';
  const low = address === undefined ? 0 : ram.read32(address);
  const high = address === undefined ? 0 : ram.read32(address + 4);
  const descriptor: Descriptor = { low, high, address: address ?? 0 };
  const dpl = privilegeOf(descriptor);
  const kind = kindOf(descriptor);
  const isSegment = kind === 'code' || kind === 'data';
  return {
    index,
    selector: index * SIZE + (table === 'ldt' ? 4 : 0) + dpl,
    value: `0x${digits(high)}${digits(low)}`,
    kind,
    description:
      address === undefined
        ? 'its page of the table is not mapped'
        : describeDescriptor(descriptor),
    isPresent: isPresent(descriptor),
    dpl,
    ...(isSegment && { base: baseOf(descriptor), limit: limitOf(descriptor) }),
    ...(kind === 'call gate' && {
      target: entryPlace(symbols, vcpu.domain.id, gateSelector(descriptor), gateOffset(descriptor)),
    }),
    owner,
  };
}

const digits = (word: number): string => word.toString(16).padStart(8, '0');

function kindOf(descriptor: Descriptor): DescriptorData['kind'] {
  if (descriptor.low === 0 && descriptor.high === 0) {
    return 'null';
  }
  if (!isSystem(descriptor)) {
    return isCode(descriptor) ? 'code' : 'data';
  }
  const type = typeOf(descriptor);
  return type === TYPE.callGate16 || type === TYPE.callGate32 ? 'call gate' : 'system';
}

/** The manual's names of the types of system descriptors (SDM 3A table 3-2). */
const SYSTEM_TYPES: Readonly<Record<keyof typeof TYPE, string>> = {
  tss16: '16-bit TSS (available)',
  ldt: 'LDT',
  tss16Busy: '16-bit TSS (busy)',
  callGate16: '16-bit call gate',
  taskGate: 'task gate',
  interruptGate16: '16-bit interrupt gate',
  trapGate16: '16-bit trap gate',
  tss32: '32-bit TSS (available)',
  tss32Busy: '32-bit TSS (busy)',
  callGate32: '32-bit call gate',
  interruptGate32: '32-bit interrupt gate',
  trapGate32: '32-bit trap gate',
};

function describeDescriptor(descriptor: Descriptor): string {
  const { low, high } = descriptor;
  if (low === 0 && high === 0) {
    return 'null';
  }
  if (isSystem(descriptor)) {
    const type = nameOf(TYPE, typeOf(descriptor));
    return type === undefined ? `reserved type ${typeOf(descriptor)}` : SYSTEM_TYPES[type];
  }
  return describeRights(high);
}

/** What the rights of a segment say. */
function describeRights(rights: number): string {
  const has = (bit: number): boolean => (rights & bit) !== 0;
  const size = has(RIGHTS.big) ? '32-bit' : '16-bit';
  if (has(RIGHTS.code)) {
    const conforming = has(RIGHTS.direction) ? ', conforming' : '';
    return `code, ${has(RIGHTS.readWrite) ? 'execute/read' : 'execute only'}${conforming}, ${size}`;
  }
  const down = has(RIGHTS.direction) ? ', expand down' : '';
  return `data, ${has(RIGHTS.readWrite) ? 'read/write' : 'read only'}${down}, ${size}`;
}

/** What the segment registers of a virtual processor hold; nothing while it has no registers. */
export function segmentsOf(xen: Xen, vcpu: Vcpu): SegmentData[] {
  if (vcpu.context === undefined) {
    return [];
  }
  return [...SEGMENTS, 'ldt' as const, 'tr' as const].map((name): SegmentData => {
    const word = (field: 'Selector' | 'Base' | 'Limit' | 'Rights'): number =>
      registerOf(xen, vcpu, `${name}${field}` as WordName) ?? 0;
    const rights = word('Rights');
    const isUsable = (rights & RIGHTS.valid) !== 0;
    return {
      register: name === 'ldt' ? 'ldtr' : name,
      selector: word('Selector'),
      isUsable,
      base: word('Base'),
      limit: word('Limit'),
      description: describeRegister(vcpu, isUsable, rights),
    };
  });
}

function describeRegister({ isFresh }: Vcpu, isUsable: boolean, rights: number): string {
  if (isFresh) {
    return 'loaded when the virtual processor first runs';
  }
  if (!isUsable) {
    return 'null';
  }
  return rights & RIGHTS.segment
    ? describeRights(rights)
    : describeDescriptor({ low: 1, high: rights, address: 0 });
}
