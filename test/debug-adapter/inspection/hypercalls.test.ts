/** The trace of hypercalls, and what a guest has told of its handlers. */

import { expect, test } from 'vitest';
import { traceHypercalls } from '../../../debug-adapter/hypercall-trace.ts';
import {
  descriptorTable,
  entryPoints,
  exceptionName,
  segmentsOf,
  trapTable,
} from '../../../debug-adapter/inspection/descriptors.ts';
import { HypercallTrace } from '../../../debug-adapter/inspection/hypercall-trace-buffer.ts';
import { sharedStruct } from '../../../debug-adapter/inspection/shared-structs.ts';
import { shared_info } from '../../../emulator/abi/xen.ts';
import { domainOf, machineOf, noSymbols, runFor, runUntil, vcpuOf } from './machines.ts';

const symbols = (address: number): string => `at_${address.toString(16)}`;

test('the trace has the calls that are traced as lines, and nothing is heard when it is off', () => {
  const machine = machineOf({ guest: 'multicall', variant: 'direct' });
  const trace = new HypercallTrace(machine, symbols);
  expect(machine.xen.probes.wants['hypercall-result']).toBe(false);
  trace.begin();
  const lines: Record<string, unknown>[] = [];
  const stop = traceHypercalls(machine, symbols, (line) => lines.push(JSON.parse(line)));
  runFor(machine, 300_000);
  stop();
  trace.end();
  expect(machine.xen.probes.wants['hypercall-result']).toBe(false);
  const { rows, seen } = trace.rows({}, { count: 4096 });
  expect(seen).toBe(lines.length);
  expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, i) => i));
  expect(
    rows.map(({ name, operation, result, caller, arguments: given, isContinued }) => [
      name,
      operation,
      isContinued ? 'continued' : result,
      `0x${caller.address.toString(16)}`,
      caller.symbol,
      given,
    ]),
  ).toEqual(
    lines
      .slice(0, rows.length)
      .map((line) => [
        line['hypercall'],
        line['operation'],
        line['result'],
        line['caller'],
        line['symbol'],
        line['arguments'],
      ]),
  );
});

test('filters narrow the trace, and only the newest calls are kept', () => {
  const machine = machineOf({ guest: 'mmu', variant: 'direct' });
  const trace = new HypercallTrace(machine, noSymbols);
  trace.begin(50);
  runFor(machine, 200_000);
  const all = trace.rows();
  expect(all.seen).toBeGreaterThan(60);
  expect(all.rows.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 50 }, (_, i) => all.seen - 50 + i),
  );
  const failed = trace.rows({ errno: 'any' });
  expect(failed.rows).toEqual(all.rows.filter(({ result }) => result < 0));
  expect(failed.total).toBeGreaterThan(0);
  const named = trace.rows({ errno: failed.rows[0]?.errno ?? '' }).rows;
  expect(named).toEqual(all.rows.filter(({ errno }) => errno === failed.rows[0]?.errno));
  expect(trace.rows({ domain: 2 }).total).toBe(0);
  const last = trace.rows({}, { count: 5 }, true);
  expect(last.rows).toEqual(all.rows.slice(-5));
  expect(trace.rows({}, { first: last.first, count: 5 }).rows).toEqual(last.rows);
  trace.clear();
  expect(trace.rows().total).toBe(0);
});

test('traps, callbacks and stacks are those that the guest registered', () => {
  const machine = machineOf({ guest: 'traps', variant: 'direct' });
  const calls = new HypercallTrace(machine, noSymbols);
  calls.begin();
  runFor(machine, 60_000);
  const vcpu = vcpuOf(machine);
  const { rows } = trapTable(vcpu, symbols, { count: 256 });
  for (const { vector, handler, dpl, masks } of rows) {
    expect(handler).toMatchObject({
      cs: vcpu.traps.selectors[vector],
      address: vcpu.traps.addresses[vector],
      symbol: symbols(vcpu.traps.addresses[vector] ?? 0),
    });
    expect(dpl | (masks ? 4 : 0)).toBe(vcpu.traps.flags[vector]);
  }
  expect(rows.find(({ vector }) => vector === 14)?.exception).toBe('#PF');
  expect(exceptionName(0x80)).toBeUndefined();
  const given = calls.rows({ name: 'set_callbacks' }, { count: 1 }).rows.at(-1)?.arguments?.[
    'event_address'
  ];
  const event = entryPoints(vcpu, symbols).event?.address;
  expect(given === undefined || given === `0x${event?.toString(16)}`).toBe(true);
  expect(event).toBe(vcpu.eventCallback.eip);
});

test('descriptors are decoded as the processor loaded them', () => {
  const machine = machineOf({ guest: 'descriptors', variant: 'direct' });
  runUntil(machine, () => vcpuOf(machine).gdtEntries > 0);
  runFor(machine, 2000);
  const { xen } = machine;
  const vcpu = vcpuOf(machine);
  const gdt = descriptorTable(xen, vcpu, 'gdt', noSymbols, { count: 4096 });
  const flat = gdt.rows.filter(({ owner, kind }) => owner === 'Xen' && kind !== 'null');
  expect(flat.map(({ selector, description }) => [selector, description])).toEqual([
    [0xe019, 'code, execute/read, 32-bit'],
    [0xe021, 'data, read/write, 32-bit'],
    [0xe02b, 'code, execute/read, 32-bit'],
    [0xe033, 'data, read/write, 32-bit'],
  ]);
  expect(gdt.total).toBe(vcpu.gdtEntries + 8);
  for (const { register, selector, base, limit, isUsable } of segmentsOf(xen, vcpu)) {
    const row = gdt.rows.find((each) => (each.selector & ~7) === (selector & ~7));
    if (isUsable && row !== undefined && register !== 'tr' && !(selector & 4)) {
      expect([register, base, limit]).toEqual([register, row.base, row.limit]);
    }
  }
});

test('shared structs are read where they lie', () => {
  const machine = machineOf({ guest: 'console', variant: 'direct' });
  runFor(machine, 5000);
  const vcpu = vcpuOf(machine);
  const at = domainOf(machine).fields.sharedInfo * 4096 + shared_info.offsets.wc_sec;
  expect(sharedStruct(machine, vcpu, 'shared_info')?.fields).toMatchObject({
    wc_sec: machine.xen.ram.read32(at),
  });
  const start = sharedStruct(machine, vcpu, 'start_info');
  expect(start?.fields).toMatchObject({
    magic: 'xen-3.0-x86_32p',
    nr_pages: 1024,
    store_evtchn: machine.servicesOf(1)?.built.storePort,
    store_mfn: machine.servicesOf(1)?.built.storeFrame,
  });
  machine.xen.ram.write8(start?.address ?? 0, 0);
  expect(sharedStruct(machine, vcpu, 'start_info')?.note).toContain('something else');
  const time = sharedStruct(machine, vcpu, 'vcpu_runstate_info')?.fields;
  expect(time).toMatchObject({ state: 0 });
});
