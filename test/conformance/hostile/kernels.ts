/**
 * Damaged kernels, from the file to a running machine: a sentence about the file, or a machine that
 * runs what is there.
 */

import { XEN_ELFNOTE } from '../../../emulator/abi/elfnote.ts';
import type { EngineMaker } from '../../../emulator/cpu/engine.ts';
import { DomainError } from '../../../emulator/hypervisor/domains/domain-builder.ts';
import { type KernelImage, readKernel } from '../../../emulator/image/kernel.ts';
import { KernelError } from '../../../emulator/image/kernel-error.ts';
import { Machine } from '../../../emulator/machine/machine.ts';
import type { DomainPart } from '../../../emulator/machine/parts.ts';
import { aKernel, type KernelPlan, probeSegment } from '../../support/a-kernel.ts';
import { Dice, integer } from '../silicon/values.ts';
import { type Failures, guarded } from './failures.ts';

const PAGES = 1100;
/** Instructions that each machine executes. */
const RUN = 10_000;

/** How far damaged kernels came. */
export interface KernelCounts {
  refused: number;
  unfit: number;
  ran: number;
}

/** Damages kernels, and makes machines of at most so many of those that can still be read. */
export function fuzzKernels(
  count: number,
  machines: number,
  seed: number,
  engine: EngineMaker,
  failures: Failures,
): KernelCounts {
  const counts: KernelCounts = { refused: 0, unfit: 0, ran: 0 };
  for (let i = 0; i < count && !failures.isEnough; i++) {
    const dice = new Dice(seed + 15_485_863 * i);
    guarded(failures, `kernel ${i}`, () => {
      const kernel = reading(damaged(dice));
      if (kernel === undefined) {
        counts.refused++;
      } else if (counts.ran + counts.unfit < machines) {
        counts[start(kernel, dice, engine)]++;
      }
    });
  }
  return counts;
}

function reading(file: Uint8Array): KernelImage | undefined {
  try {
    return readKernel(file);
  } catch (error) {
    if (error instanceof KernelError) {
      return undefined;
    }
    throw error;
  }
}

function start(kernel: KernelImage, dice: Dice, engine: EngineMaker): 'unfit' | 'ran' {
  const ignore = () => {};
  try {
    const machine = new Machine(
      { domains: [domainPart(kernel, dice)], engine },
      { consoleOutput: ignore, emergencyOutput: ignore },
    );
    machine.run(RUN);
    return 'ran';
  } catch (error) {
    if (error instanceof KernelError || error instanceof DomainError) {
      return 'unfit';
    }
    throw error;
  }
}

function domainPart(kernel: KernelImage, dice: Dice): DomainPart {
  return {
    name: 'damaged',
    uuid: '00000000-0000-0000-0000-000000000001',
    ...{ kernel, kernelFile: 'kernel', commandLine: dice.oneIn(8) ? 'x'.repeat(1023) : '' },
    ramdisk: dice.oneIn(4) ? new Uint8Array(dice.below(0x1_0000)) : undefined,
    ...{ pages: dice.oneIn(8) ? dice.below(64) : PAGES, maxPages: PAGES },
    ...{ vcpus: 1, onlineVcpus: 1, disks: [] },
    profile: dice.pick(['xen-3.0', 'xen-4.17']),
    model: dice.pick(['direct', 'direct', 'translated']),
    format: dice.pick(['pae', 'two-level']),
  };
}

/** Values that notes about addresses and features have, or should not have. */
function noteNumber(dice: Dice): number {
  return dice.pick([
    ...([0, 0x10_0000, 0xc000_0000, 0xc010_0000, 0xffff_f000, 0xffff_ffff, 0x1000, 1] as const),
    integer(dice, 32),
  ]);
}

const TEXTS: readonly [string, ...string[]] = [
  ...(['yes', 'no', 'bimodal', 'xen-3.0', 'linux', 'generic', ''] as const),
  ...['auto_translated_physmap', '!writable_page_tables|pae_pgdir_above_4gb', 'yes,bimodal'],
];

/** A kernel that says other things than most do. */
function unusual(dice: Dice): KernelPlan {
  const names = Object.keys(XEN_ELFNOTE) as (keyof typeof XEN_ELFNOTE)[];
  const notes: Record<string, number | string | bigint | undefined> = {};
  for (let i = dice.below(4); i > 0; i--) {
    const name = names[dice.below(names.length)] ?? 'ENTRY';
    notes[name] = dice.pick<number | string | undefined>([
      noteNumber(dice),
      dice.pick(TEXTS),
      undefined,
    ]);
  }
  const code = Uint8Array.from({ length: 256 }, () => dice.below(256));
  const segments = Array.from({ length: 1 + dice.below(2) }, (_, i) => ({
    ...probeSegment,
    virtualAddress: dice.oneIn(4) ? noteNumber(dice) : 0x10_0000 + i * 0x4_0000,
    memorySize: dice.oneIn(8) ? integer(dice, 32) : 0x1_0000,
    bytes: code,
  }));
  const legacy = `GUEST_OS=x,XEN_VER=xen-3.0,VIRT_BASE=0x${noteNumber(dice).toString(16)},PAE=${dice.pick(TEXTS)}`;
  return {
    ...{ notes, segments },
    ...(dice.oneIn(4) && { legacy }),
    ...(dice.oneIn(4) && { entry: noteNumber(dice) }),
  };
}

/** The file of an unusual kernel, cut short or with some of its bytes others. */
function damaged(dice: Dice): Uint8Array {
  const file = aKernel(unusual(dice));
  if (dice.oneIn(8)) {
    return file.slice(0, dice.below(file.length));
  }
  const view = new DataView(file.buffer);
  for (let i = dice.oneIn(2) ? 0 : dice.below(4); i > 0; i--) {
    const at = dice.oneIn(2) ? dice.below(52) : dice.below(file.length - 4);
    switch (dice.below(3)) {
      case 0:
        file[at] = dice.below(256);
        break;
      case 1:
        view.setUint16(at, integer(dice, 16), true);
        break;
      case 2:
        view.setUint32(at, noteNumber(dice), true);
        break;
    }
  }
  return file;
}
