/**
 * A conversation with Debian's GRUB on our own machine: boots it, types commands, reads answers.
 *
 * Each command is typed when the prompt is there and no sooner: GRUB's `cat` looks for an Escape
 * among what was typed ahead and throws the rest away.
 */

import { readFileSync } from 'node:fs';
import {
  modelFor,
  profileFor,
  tableFormatFor,
} from '../../../debug-adapter/configuration/configuration.ts';
import { unwrapKernel } from '../../../debug-adapter/kernel-file/kernel-file.ts';
import { coldTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import { readKernel } from '../../../emulator/image/kernel.ts';
import { Machine } from '../../../emulator/machine/machine.ts';
import type { DiskPart } from '../../../emulator/machine/parts.ts';
import { grubImage } from '../../support/oracle.ts';

export interface GrubPlan {
  /** In MiB. */
  readonly memory?: number;
  /** The bytes of xvda; without them there is no disk. */
  readonly disk?: Uint8Array;
  /** As the kernel's file has it, perhaps packed. */
  readonly kernel?: Uint8Array;
}

const PAGES_A_MIB = 256;
/** Pages that a toolstack lets a domain grow by. */
const SLACK = 256;
const XVDA = 51_712;
const DOMAIN = 1;
const PROMPT = 'grub> ';
/** Between two looks at the console. */
const SLICE = 500_000;
/** Far more than any command here takes. */
const PATIENCE = 400_000_000;
/** Written once, as each machine takes the same. */
const engine = coldTier();

/** GRUB's domain, from its first instruction on. */
export class GrubSession {
  readonly machine: Machine;
  /** All that the console has shown, terminal control included. */
  output = '';

  constructor({ memory = 64, disk, kernel = readFileSync(grubImage) }: GrubPlan = {}) {
    const image = readKernel(unwrapKernel(new Uint8Array(kernel), grubImage).elf);
    const pages = memory * PAGES_A_MIB;
    this.machine = new Machine(
      {
        domains: [
          {
            name: 'grub',
            uuid: '00000000-0000-0000-0000-000000000001',
            kernel: image,
            kernelFile: grubImage,
            commandLine: '',
            pages,
            maxPages: pages + SLACK,
            vcpus: 1,
            onlineVcpus: 1,
            profile: profileFor(image),
            model: modelFor(image),
            format: tableFormatFor(image),
            disks: disk === undefined ? [] : [xvda(disk)],
          },
        ],
        engine,
      },
      {
        consoleOutput: (_domain, bytes) => {
          this.output += Buffer.from(bytes).toString('latin1');
        },
        emergencyOutput: () => {},
      },
    );
  }

  /** SHUTDOWN_*; undefined while the domain runs. */
  get shutdown(): number | undefined {
    return this.machine.xen.domains.get(DOMAIN)?.shutdown?.reason;
  }

  /** Runs until GRUB waits for a command, or its domain has ended. Answers what was printed. */
  untilPrompt(): string {
    return this.until((printed) => printed.endsWith(PROMPT));
  }

  /**
   * Runs until what was printed meanwhile is as wanted, until the domain has ended, or until it
   * sleeps and only input can wake it. Answers what was printed.
   */
  until(isWanted: (printed: string) => boolean = () => false): string {
    const { length } = this.output;
    const limit = this.machine.instructions + PATIENCE;
    for (let seen = length, isRunning = this.shutdown === undefined; isRunning; ) {
      if (this.machine.instructions > limit) {
        throw new Error(`Nothing after ${PATIENCE} instructions but: ${this.#tail()}`);
      }
      isRunning = this.machine.run(SLICE).kind === 'budget';
      if (this.output.length > seen && isWanted(plainText(this.output.slice(length)))) {
        break;
      }
      seen = this.output.length;
    }
    return plainText(this.output.slice(length));
  }

  /** Types lines one by one, each at a prompt, and answers what was printed after each. */
  command(...lines: readonly string[]): string[] {
    return lines.map((line) => {
      this.type(`${line}\n`);
      const printed = this.untilPrompt();
      const echo = `${line}\n`;
      if (!printed.startsWith(echo)) {
        throw new Error(`"${line}" was not echoed, but "${printed}"`);
      }
      return printed.slice(echo.length).replace(new RegExp(`\n?${PROMPT}$`), '');
    });
  }

  type(text: string): void {
    this.machine.consoleInput(DOMAIN, Buffer.from(text, 'latin1'));
  }

  #tail(): string {
    return plainText(this.output.slice(-500));
  }
}

function xvda(bytes: Uint8Array): DiskPart {
  return {
    id: XVDA,
    name: 'xvda',
    file: 'disk.img',
    isCdrom: false,
    isOverlay: true,
    host: {
      size: bytes.length,
      read: (offset, length) => bytes.slice(offset, offset + length),
    },
  };
}

const CONTROL = String.raw`\x1b\[[\d;?]*[A-Za-z]`;
/** What GRUB draws at the right margin while it reads a file, and the way there and back. */
const PROGRESS = String.raw`${CONTROL} *\[ [^\]\n]*/s \]${CONTROL}`;
const INVISIBLE = new RegExp(`${PROGRESS}|${CONTROL}|\\r`, 'g');

/** Console output without terminal control and progress indicators. */
export function plainText(output: string): string {
  return output.replace(INVISIBLE, '');
}
