/**
 * Segments of 4 GB in a hypervisor that cuts them short of its own part (32-bit Xen).
 *
 * User programs reach below the base of such a segment with offsets near 4 GB, which lie beyond the
 * limit that was left of it. With the assist `4gb_segments` the descriptor is turned over at the
 * #GP: from expanding up, which has the offsets from 0 on, to expanding down, which has those below
 * 4 GB; and back when it is used the other way. Xen 3.0: `arch/x86/x86_32/seg_fixup.c`.
 */

import { VMASST_TYPE } from '../../abi/xen.ts';
import { baseOf, type Descriptor, RIGHTS } from '../../cpu/descriptor.ts';
import { DS, EBP, ES, ESP, FS, GS, REGISTERS } from '../../cpu/state.ts';
import { setSegment, updateSegments } from '../../cpu/system/segmentation.ts';
import type { Vcpu } from '../domains/vcpu.ts';
import { segmentBounds } from '../memory/domain-tables.ts';
import { findGuestDescriptor } from '../selectors.ts';
import type { Xen } from '../xen.ts';
import { CODE, fetchCode } from './instruction-bytes.ts';

const PAGE = 4096;
/** An address size of 16 bits, and all segments but GS. */
const REFUSED_PREFIXES: readonly number[] = [0x67, 0x2e, 0x3e, 0x26, 0x64, 0x36];
const PASSED_PREFIXES: readonly number[] = [0x66, 0xf0, 0xf2, 0xf3];
const GS_PREFIX = 0x65;

/** A memory operand as it is found in the code. */
interface Found {
  readonly offset: number;
  /** How many bytes were looked at: immediate operands are not among them. */
  readonly length: number;
}

/**
 * Turns the segment in GS over if the instruction at EIP, which raised #GP(0), can be executed then.
 * Answers how many bytes of it were decoded, or `undefined` when nothing was done.
 */
export function turnSegmentOver(xen: Xen, vcpu: Vcpu): number | undefined {
  const { cpu } = xen;
  const { domain } = vcpu;
  const isAsked = domain.hasAssist(VMASST_TYPE['4gb_segments']);
  if (!isAsked || domain.rules.segments !== 'truncated' || cpu.state.cpl !== 3) {
    return undefined;
  }
  const found = findOperand(xen);
  const selector = cpu.state.gsSelector;
  const entries = selector & 4 ? vcpu.ldtEntries : vcpu.gdtEntries;
  const descriptor = selector >>> 3 < entries ? findGuestDescriptor(cpu, selector) : undefined;
  if (found === undefined || descriptor === undefined) {
    return undefined;
  }
  const { segmentEnd } = segmentBounds(domain);
  const turned = turnedOver(descriptor, found.offset, segmentEnd);
  const isWritten =
    turned !== undefined &&
    cpu.systemSpace?.writeWord(turned.address, turned.low) === true &&
    cpu.systemSpace.writeWord(turned.address + 4, turned.high);
  if (!isWritten) {
    return undefined;
  }
  reload(xen, selector, turned);
  return found.length;
}

/** The way back to the guest loads the data segments anew. */
function reload({ cpu }: Xen, selector: number, descriptor: Descriptor): void {
  const { dsSelector, esSelector, fsSelector, gsSelector } = cpu.state;
  const loaded = [
    [DS, dsSelector],
    [ES, esSelector],
    [FS, fsSelector],
    [GS, gsSelector],
  ] as const;
  for (const [index, own] of loaded) {
    if ((own & ~3) === (selector & ~3)) {
      setSegment(cpu, index, own, descriptor);
    }
  }
  updateSegments(cpu);
}

const NEEDED = RIGHTS.present | RIGHTS.segment | RIGHTS.big | RIGHTS.granular | (3 << 13);

/** Undefined: it is none of these segments, or turning it over would not help. */
function turnedOver(
  descriptor: Descriptor,
  offset: number,
  segmentEnd: number,
): Descriptor | undefined {
  const { low, high, address } = descriptor;
  if ((high & (NEEDED | RIGHTS.code)) !== NEEDED) {
    return undefined;
  }
  const base = baseOf(descriptor);
  const size = ((((high & 0xf_0000) | (low & 0xffff)) + 1) << 12) >>> 0;
  const isDown = (high & RIGHTS.direction) !== 0;
  const isCut = isDown
    ? (base + size) >>> 0 < PAGE && offset <= size
    : (segmentEnd - base - size) >>> 0 < PAGE && offset > size;
  if (!isCut) {
    return undefined;
  }
  const turned = isDown ? segmentEnd - base : -(base - (base % PAGE));
  const limit = ((turned >>> 12) - 1) >>> 0;
  return {
    low: (low & ~0xffff) | (limit & 0xffff),
    high: ((high & ~0xf_0000) | (limit & 0xf_0000)) ^ RIGHTS.direction,
    address,
  };
}

/** The operand of an instruction with a GS prefix, if it is of a form that Xen decodes. */
function findOperand(xen: Xen): Found | undefined {
  const available = fetchCode(xen);
  const code = new DataView(CODE.buffer, CODE.byteOffset, available);
  let at = 0;
  let isOfGs = false;
  for (; at < available; at++) {
    const byte = code.getUint8(at);
    if (REFUSED_PREFIXES.includes(byte)) {
      return undefined;
    }
    if (byte === GS_PREFIX) {
      isOfGs = true;
    } else if (!PASSED_PREFIXES.includes(byte)) {
      break;
    }
  }
  if (!isOfGs || at >= available) {
    return undefined;
  }
  const opcode = code.getUint8(at);
  const rest = new DataView(CODE.buffer, CODE.byteOffset + at + 1, available - at - 1);
  const found = hasOffset(opcode)
    ? immediateOffset(rest)
    : hasModrm(opcode)
      ? addressOf(xen, rest)
      : undefined;
  return found && { offset: found.offset, length: at + 1 + found.length };
}

/** mov between the accumulator and an offset in the code. */
const hasOffset = (opcode: number): boolean => opcode >= 0xa0 && opcode <= 0xa3;

/** Instructions of one opcode byte with a ModRM byte, as Xen lists them. */
const hasModrm = (opcode: number): boolean =>
  (opcode < 0x40 && (opcode & 7) < 4) ||
  (opcode >= 0x80 && opcode <= 0x8e) ||
  (opcode >= 0xd0 && opcode <= 0xd3) ||
  OTHERS_WITH_MODRM.includes(opcode);
const OTHERS_WITH_MODRM: readonly number[] = [0x69, 0x6b, 0xc0, 0xc1, 0xc6, 0xc7, 0xfe, 0xff];

const immediateOffset = (code: DataView): Found | undefined =>
  code.byteLength < 4 ? undefined : { offset: code.getUint32(0, true), length: 4 };

/** An address of at most one register and a displacement: a SIB byte is not understood. */
function addressOf({ cpu }: Xen, code: DataView): Found | undefined {
  if (code.byteLength < 1) {
    return undefined;
  }
  const modrm = code.getUint8(0);
  const mode = modrm >>> 6;
  const register = modrm & 7;
  const isAbsolute = mode === 0 && register === EBP;
  const size = isAbsolute || mode === 2 ? 4 : mode;
  if (mode === 3 || register === ESP || code.byteLength < 1 + size) {
    return undefined;
  }
  const displacement = size === 4 ? code.getInt32(1, true) : size === 1 ? code.getInt8(1) : 0;
  const base = isAbsolute ? 0 : cpu.state[REGISTERS[register] as (typeof REGISTERS)[number]];
  return { offset: (base + displacement) >>> 0, length: 1 + size };
}
