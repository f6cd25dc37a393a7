/** Runs test guests on our own machine and says what they printed and how they ended. */

import { readFileSync } from 'node:fs';
import {
  modelFor,
  profileFor,
  tableFormatFor,
} from '../../debug-adapter/configuration/configuration.ts';
import { coldTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import type { BlockHost } from '../../emulator/devices/block/block-host.ts';
import { readKernel } from '../../emulator/image/kernel.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import type { DomainPart } from '../../emulator/machine/parts.ts';
import { type Image, imageFile } from './build.ts';

/** A guest, and how its domain is to be. */
export interface GuestPart extends Image {
  readonly commandLine?: string;
  readonly vcpus?: number;
  /** Of memory, 4 KiB each. */
  readonly pages?: number;
  /** Becomes xvda. */
  readonly disk?: BlockHost;
  /** Typed on its console at the start. */
  readonly input?: string;
}

export interface GuestEnd {
  /** On its console. */
  readonly output: string;
  /** On the hypervisor's console. */
  readonly emergencyOutput: string;
  /** SHUTDOWN_*; undefined: it still runs, or sleeps for ever. */
  readonly reason: number | undefined;
  /** Why the hypervisor ended it, if it did. */
  readonly sentence: string | undefined;
}

const PAGES = 8192;
const SLICE = 2_000_000;
const XVDA = 51_712;
const engine = coldTier();

/** Domains 1, 2, …, until all have ended, nobody can go on, or the instructions are used up. */
export function runGuests(parts: readonly GuestPart[], instructions = 500_000_000): GuestEnd[] {
  const outputs = parts.map(() => '');
  const emergencies = parts.map(() => '');
  const appendTo =
    (texts: string[]) =>
    (domain: number, bytes: Uint8Array): void => {
      texts[domain - 1] += Buffer.from(bytes).toString('latin1');
    };
  const machine = new Machine(
    { domains: parts.map(domainPart), engine },
    { consoleOutput: appendTo(outputs), emergencyOutput: appendTo(emergencies) },
  );
  for (const [index, { input }] of parts.entries()) {
    if (input !== undefined) {
      machine.consoleInput(index + 1, Buffer.from(input, 'latin1'));
    }
  }
  let running = parts.length;
  while (running > 0 && machine.instructions < instructions) {
    const { kind } = machine.run(SLICE);
    if (kind === 'idle') {
      break;
    }
    running -= kind === 'shutdown' ? 1 : 0;
  }
  return outputs.map((output, index) => {
    const shutdown = machine.xen.domains.get(index + 1)?.shutdown;
    const emergencyOutput = emergencies[index] ?? '';
    return { output, emergencyOutput, reason: shutdown?.reason, sentence: shutdown?.sentence };
  });
}

/** A guest's domain in a machine. */
export function domainPart(part: GuestPart): DomainPart {
  const file = imageFile(part);
  const kernel = readKernel(new Uint8Array(readFileSync(file)));
  const { disk, vcpus = 1, pages = PAGES } = part;
  return {
    name: part.guest,
    uuid: '00000000-0000-0000-0000-000000000001',
    kernel,
    kernelFile: file,
    commandLine: part.commandLine ?? '',
    pages,
    maxPages: pages + 256,
    vcpus,
    onlineVcpus: vcpus,
    profile: profileFor(kernel),
    model: modelFor(kernel),
    format: tableFormatFor(kernel),
    disks: disk
      ? [{ id: XVDA, name: 'xvda', file: 'disk', isCdrom: false, host: disk, isOverlay: true }]
      : [],
  };
}
