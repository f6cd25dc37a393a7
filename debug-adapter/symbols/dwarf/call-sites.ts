/**
 * What a register held when a function was entered, as the place of the call tells it.
 *
 * Optimised code forgets arguments that it needs no more, and the debug information then says "what
 * eax was at the entry". The caller may still be able to compute it: its call site has an expression
 * for each argument, of values that outlive the call.
 *
 * Source: DWARF 5, 3.4 and 2.5.1.7; the same by GNU before, under other numbers.
 */

import type { CallFrames } from './call-frames.ts';
import type { CodeMap } from './code-map.ts';
import { type Die, DieCursor } from './die.ts';
import { nameOf } from './name-index.ts';
import { AT, TAG } from './numbers.ts';
import { OP } from './operations.ts';
import { rangesOf } from './ranges.ts';
import type { Units } from './units.ts';
import type { FrameMachine } from './variable-location.ts';

/** The frame of a call, and what it passes in a register. */
export interface PassedValue {
  readonly expression: Uint8Array;
  /** Of the caller, inside of the call. */
  readonly machine: FrameMachine;
  /** The entry of the caller, whose unit and frame base the expression uses. */
  readonly caller: Die;
}

interface CallSiteSources {
  readonly units: Units;
  readonly code: CodeMap;
  readonly frames: CallFrames;
}

/**
 * What the caller of a frame passed in a register; `undefined` where no call site says, or where the
 * function was reached by a jump from another one.
 */
export function passedValue(
  register: number,
  machine: FrameMachine,
  sources: CallSiteSources,
): PassedValue | undefined {
  const { code, frames } = sources;
  const callee = code.functionAt(machine.pc);
  const frame = frames.unwind(machine);
  if (callee === undefined || frame === undefined || frame.isSignalFrame) {
    return undefined;
  }
  const { returnAddress, registers } = frame;
  const pc = (returnAddress - 1) >>> 0;
  const caller = code.functionAt(pc);
  const site = caller && callSiteAt(caller, returnAddress);
  if (caller === undefined || site === undefined || !isCallTo(site, callee, sources.units)) {
    return undefined;
  }
  const expression = valueOfParameter(site, register);
  const outer: FrameMachine = {
    pc,
    register: (number) => registers.get(number),
    read: (address, size) => machine.read(address, size),
    cfa: () => frames.cfaOf(outer),
  };
  return expression && { expression, machine: outer, caller };
}

/** The call in a function that returns to an address. */
function callSiteAt(caller: Die, returnAddress: number): Die | undefined {
  const cursor = new DieCursor(caller.unit, caller.offset);
  cursor.next();
  while (cursor.next() && cursor.depth > 0) {
    const attribute = returnAttribute(cursor.tag);
    const value = attribute === undefined ? undefined : cursor.value(attribute);
    if (value?.kind === 'address' && value.value === returnAddress) {
      return cursor.die();
    }
  }
  return undefined;
}

function returnAttribute(tag: number): number | undefined {
  switch (tag) {
    case TAG.call_site:
      return AT.call_return_pc;
    case TAG.GNU_call_site:
      return AT.low_pc;
    default:
      return undefined;
  }
}

/** A function that was called may have jumped to another as its last act. */
function isCallTo(site: Die, callee: Die, units: Units): boolean {
  const target = site.reference(AT.call_origin) ?? site.reference(AT.abstract_origin);
  if (target === undefined) {
    // Through a pointer that the call site would have to compute again: not taken for certain.
    return false;
  }
  const called = units.dieAt(target);
  const [own] = rangesOf(called);
  const [actual] = rangesOf(callee);
  return own === undefined
    ? nameOf(called, units) === nameOf(callee, units)
    : own.start === actual?.start;
}

function valueOfParameter(site: Die, register: number): Uint8Array | undefined {
  for (const child of site.children()) {
    const isParameter =
      child.tag === TAG.call_site_parameter || child.tag === TAG.GNU_call_site_parameter;
    const place = isParameter ? child.block(AT.location) : undefined;
    if (place?.length === 1 && place[0] === OP.reg0 + register) {
      return child.block(AT.call_value) ?? child.block(AT.GNU_call_site_value);
    }
  }
  return undefined;
}
