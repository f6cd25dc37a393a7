/**
 * sysenter and syscall: the processor shows neither, so their callbacks may be registered and are
 * never called; and no guest can point sysenter, which goes to ring 0, anywhere.
 */

import { beforeEach, describe, expect, test } from 'vitest';
import { CALLBACKOP, CALLBACKTYPE, callback_register } from '../../../emulator/abi/callback.ts';
import { HYPERVISOR } from '../../../emulator/abi/xen.ts';
import { ARGUMENTS, CODE, DirectGuest } from '../../support/direct-guest.ts';

const SYSENTER = [0x0f, 0x34];
const SYSCALL = [0x0f, 0x05];
/** mov $SYSENTER_CS, %ecx; mov $8, %eax; xor %edx, %edx; wrmsr */
const SET_SYSENTER_CS = [
  ...[0xb9, 0x74, 0x01, 0x00, 0x00, 0xb8, 0x08, 0x00, 0x00, 0x00, 0x31, 0xd2, 0x0f, 0x30],
];
const WRITES = 4;
const UNDEFINED_HANDLER = CODE + 0x800;
const PROTECTION_HANDLER = CODE + 0x900;

let guest: DirectGuest;

const setHandlers = (): void => {
  const cs = 0xe019 << 16;
  guest.words(ARGUMENTS, [6 | cs, UNDEFINED_HANDLER, 13 | cs, PROTECTION_HANDLER, 0, 0]);
  expect(guest.call(HYPERVISOR.set_trap_table, ARGUMENTS)).toBe(0);
};

function register(type: number): number {
  const bytes = new DataView(new ArrayBuffer(callback_register.size));
  const fields = callback_register.at(bytes);
  fields.type = type;
  fields.address.cs = 0xe019;
  fields.address.eip = CODE + 0xa00;
  guest.put(ARGUMENTS, [...new Uint8Array(bytes.buffer)]);
  return guest.call(HYPERVISOR.callback_op, CALLBACKOP.register, ARGUMENTS);
}

/** Where the guest goes on after code whose last instruction counts. */
function runTo(code: readonly number[], instructions: number): number {
  guest.execute(code, instructions);
  expect(guest.xen.cpu.state.cpl).toBe(1);
  return guest.xen.cpu.state.eip;
}

describe('under Xen 4.17', () => {
  beforeEach(() => {
    guest = new DirectGuest('xen-4.17');
    setHandlers();
  });

  test('callbacks are taken and not called', () => {
    expect([register(CALLBACKTYPE.sysenter), register(CALLBACKTYPE.syscall32)]).toEqual([0, 0]);
    expect(runTo(SYSENTER, 1)).toBe(PROTECTION_HANDLER);
    expect(runTo(SYSCALL, 1)).toBe(UNDEFINED_HANDLER);
  });

  test('IA32_SYSENTER_CS is not the guest’s to write', () => {
    expect(runTo(SET_SYSENTER_CS, WRITES)).toBe(PROTECTION_HANDLER);
    expect(guest.xen.cpu.state.sysenterCs).toBe(0);
  });
});

describe('under Xen of 2006', () => {
  beforeEach(() => {
    guest = new DirectGuest('xen-3.0');
    setHandlers();
  });

  test('there are no such callbacks', () => {
    expect([register(CALLBACKTYPE.sysenter), register(CALLBACKTYPE.syscall32)]).toEqual([-22, -22]);
    expect(runTo(SYSENTER, 1)).toBe(PROTECTION_HANDLER);
  });

  test('a write to IA32_SYSENTER_CS is ignored', () => {
    expect(runTo(SET_SYSENTER_CS, WRITES)).toBe(CODE + SET_SYSENTER_CS.length);
    expect(guest.xen.cpu.state.sysenterCs).toBe(0);
    expect(runTo(SYSENTER, 1)).toBe(PROTECTION_HANDLER);
  });
});
