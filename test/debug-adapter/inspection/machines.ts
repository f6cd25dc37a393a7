/** Machines with test guests, run to a point where there is something to look at. */

import type { CustomRequestName } from '../../../debug-adapter/custom-requests.ts';
import { Inspector } from '../../../debug-adapter/inspection/inspector.ts';
import { coldTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import type { Domain } from '../../../emulator/hypervisor/domains/domain.ts';
import type { Vcpu } from '../../../emulator/hypervisor/domains/vcpu.ts';
import { Machine } from '../../../emulator/machine/machine.ts';
import { domainPart, type GuestPart } from '../../guests/run.ts';

const engine = coldTier();

export const noSymbols = () => undefined;

export const emptyDisk = {
  size: 1 << 20,
  read: (_offset: number, length: number) => new Uint8Array(length),
};

/** Guests of 4 MiB each, unless they say otherwise, before their first instruction. */
export function machineOf(...parts: readonly GuestPart[]): Machine {
  const machine = new Machine(
    { domains: parts.map((part) => domainPart({ pages: 1024, ...part })), engine },
    { consoleOutput: () => {}, emergencyOutput: () => {} },
  );
  for (const [index, { input }] of parts.entries()) {
    if (input !== undefined) {
      machine.consoleInput(index + 1, Buffer.from(input));
    }
  }
  return machine;
}

/** Runs on for so many instructions, past the ends of domains; ends early when all sleep for ever. */
export function runFor(machine: Machine, instructions: number): void {
  const end = machine.instructions + instructions;
  while (machine.instructions < end && machine.run(end - machine.instructions).kind !== 'idle') {
    // Goes on behind each domain that ends.
  }
}

/** Runs until something holds behind an instruction. */
export function runUntil(machine: Machine, holds: () => boolean, most = 3_000_000): void {
  for (let i = 0; i < most; i++) {
    if (holds()) {
      return;
    }
    machine.run(1);
  }
  throw new Error(`It did not hold within ${most} instructions.`);
}

export function domainOf(machine: Machine, id = 1): Domain {
  const domain = machine.xen.domains.get(id);
  if (domain === undefined) {
    throw new Error(`There is no domain ${id}.`);
  }
  return domain;
}

export function vcpuOf(machine: Machine, id = 1, vcpu = 0): Vcpu {
  const found = domainOf(machine, id).vcpus[vcpu];
  if (found === undefined) {
    throw new Error(`Domain ${id} has no vCPU ${vcpu}.`);
  }
  return found;
}

/** Every request that only looks, with arguments that reach into what there is. */
export function looks(machine: Machine): (readonly [CustomRequestName, object])[] {
  const all: (readonly [CustomRequestName, object])[] = [
    ['ringside/machine', {}],
    ['ringside/journal', {}],
    ['ringside/xenstoreConnections', {}],
    ['ringside/time', {}],
    ['ringside/hypercalls', { last: true, filter: { errno: 'any' } }],
    ['ringside/xenstore', { path: '/' }],
    ['ringside/xenstore', { path: '/local/domain' }],
  ];
  for (const domain of machine.xen.domains.values()) {
    const of = { domain: domain.id };
    all.push(
      ['ringside/eventChannels', { ...of, count: 4096 }],
      ['ringside/explainPort', { ...of, port: 1 }],
      ['ringside/explainPort', { ...of, port: 3 }],
      ['ringside/explainPort', { ...of, port: 5000 }],
      ['ringside/grants', { ...of, count: 4096 }],
      ['ringside/grants', { ...of, usedOnly: true }],
      ['ringside/grantMappings', of],
      ['ringside/devices', of],
      ...domain.vcpus.flatMap((vcpu) => looksAtVcpu({ ...of, vcpu: vcpu.id }, vcpu)),
    );
  }
  return all;
}

function looksAtVcpu(of: object, vcpu: Vcpu): (readonly [CustomRequestName, object])[] {
  const addresses = [0, 0x1000, 0x10_0000, 0xc000_0000, 0xc010_0123, 0xf580_0000, 0xffff_ffff];
  const accesses = ['read', 'write', 'fetch'].flatMap((access) =>
    [false, true].map((isUser) => ({ access, isUser })),
  );
  const frames = [Math.max(0, vcpu.baseFrame), 0, 0x400, 0x7fff_ffff];
  return [
    ...addresses.flatMap((address) =>
      accesses.map((how) => ['ringside/walk', { ...of, address, ...how }] as const),
    ),
    ['ringside/addressMap', { ...of, count: 4096 }],
    ...frames.flatMap((frame) =>
      [1, 2, 3].map((level) => ['ringside/tableEntries', { ...of, frame, level }] as const),
    ),
    ...frames.map((frame) => ['ringside/frame', { frame }] as const),
    ['ringside/whoMaps', { frame: Math.max(0, vcpu.baseFrame) }],
    ['ringside/traps', of],
    ['ringside/entryPoints', of],
    ['ringside/descriptors', { ...of, table: 'gdt' }],
    ['ringside/descriptors', { ...of, table: 'ldt' }],
    ['ringside/segments', of],
    ...['shared_info', 'vcpu_info', 'vcpu_time_info', 'vcpu_runstate_info', 'start_info'].map(
      (name) => ['ringside/struct', { ...of, name }] as const,
    ),
  ];
}

/** Asks everything. Answers each body under its request, as JSON. */
export function lookAtEverything(inspector: Inspector): Map<string, string> {
  return new Map(
    looks(inspector.machine).map(([command, given]) => [
      `${command} ${JSON.stringify(given)}`,
      JSON.stringify(inspector.answer(command, given)),
    ]),
  );
}

export const inspectorOf = (machine: Machine): Inspector => new Inspector(machine, noSymbols);
