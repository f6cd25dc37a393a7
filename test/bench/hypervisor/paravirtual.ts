/** Our hypervisor with one guest of its kind: acts measured, and GRUB started to its prompt. */

import { readFileSync } from 'node:fs';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { Machine } from '../../../emulator/machine/machine.ts';
import type { MachineHost } from '../../../emulator/machine/parts.ts';
import { imageFile } from '../../guests/build.ts';
import { grubImage } from '../../support/oracle.ts';
import { actIndexOf } from '../benchmarks.ts';
import { mainThreadSeconds } from '../host-process.ts';
import { preparedColdTier } from '../prepared-code.ts';
import { milliseconds, Stopwatch, type Timing } from '../stopwatch.ts';

/** How far a guest came when it asked for its first command. */
export interface Prompt {
  /** When it did, in milliseconds since 1970. */
  readonly at: number;
  readonly instructions: number;
}

const PAGES_A_MIB = 256;
const GUEST_MIB = 32;
/** What `ringside run` gives a guest that nothing is said about. */
const GRUB_MIB = 128;
/** So many instructions between two looks whether the guest is done. */
const SLICE = 1_000_000;
/** Far more than GRUB needs to its prompt. */
const PROMPT_LIMIT = 1_000_000_000;
const PROMPT = 'grub>';

/** Lets the guest repeat an act, in this very process. */
export async function runActHere(act: string, times: number): Promise<Timing> {
  let isDone = false;
  const stopwatch: Stopwatch = new Stopwatch({
    seconds: mainThreadSeconds,
    instructions: () => machine.xen.cpu.instructionCount,
  });
  const file = imageFile({ guest: 'bench', variant: 'direct' });
  const machine = aMachine(file, GUEST_MIB, `${actIndexOf(act)} ${times}`, {
    consoleOutput: () => {},
    emergencyOutput(_domain, bytes) {
      for (const byte of bytes) {
        isDone ||= stopwatch.write(byte);
      }
    },
  });
  while (!isDone) {
    const stop = machine.run(SLICE);
    if (stop.kind !== 'budget' && !isDone) {
      const sentence = stop.kind === 'shutdown' ? stop.domain.shutdown?.sentence : undefined;
      throw new Error(`The guest stopped: ${stop.kind}, ${sentence ?? 'for no known reason'}`);
    }
  }
  return await stopwatch.finished;
}

/** Starts GRUB and waits until it asks for a command. */
export function grubHere(): Prompt {
  let output = '';
  const machine = aMachine(grubImage, GRUB_MIB, '', {
    consoleOutput(_domain, bytes) {
      output += new TextDecoder('latin1').decode(bytes);
    },
    emergencyOutput: () => {},
  });
  while (!output.includes(PROMPT)) {
    const { kind } = machine.run(SLICE);
    if (kind === 'shutdown' || kind === 'idle' || machine.instructions > PROMPT_LIMIT) {
      throw new Error(`GRUB came to no prompt: ${kind}. It said: ${output}`);
    }
  }
  return { at: milliseconds(), instructions: machine.instructions };
}

function aMachine(file: string, mib: number, commandLine: string, host: MachineHost): Machine {
  const domain = {
    name: 'guest',
    uuid: '00000000-0000-0000-0000-000000000001',
    kernel: readKernel(new Uint8Array(readFileSync(file))),
    kernelFile: file,
    commandLine,
    pages: mib * PAGES_A_MIB,
    maxPages: mib * PAGES_A_MIB,
    vcpus: 1,
    onlineVcpus: 1,
    profile: 'xen-4.17',
    model: 'direct',
    format: 'pae',
    disks: [],
  } as const;
  return new Machine({ domains: [domain], engine: preparedColdTier() }, host);
}
