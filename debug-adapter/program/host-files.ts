/** The user's files and the prepared code, as Node.js has them. */

import {
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { coldTier, compileColdTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import type { EngineMaker } from '../../emulator/cpu/engine.ts';
import type { BlockHost } from '../../emulator/devices/block/block-host.ts';
import type { Files } from '../machine-files.ts';
import { UserError } from '../user-error.ts';

export function reason(error: unknown): string {
  // "ENOENT: no such file or directory, open 'x'": the file is named before it.
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/^[A-Z]+: /, '').replace(/, \w+(?: '.*')?$/, '');
}

function open(path: string, mode: 'r' | 'r+'): number {
  try {
    return openSync(path, mode);
  } catch (error) {
    throw new UserError(`${path} cannot be opened: ${reason(error)}.`);
  }
}

export const files: Files = {
  read(path) {
    try {
      return new Uint8Array(readFileSync(path));
    } catch (error) {
      throw new UserError(`${path} cannot be read: ${reason(error)}.`);
    }
  },
  openDisk(path, isWritable) {
    const file = open(path, isWritable ? 'r+' : 'r');
    const size = sizeOf(file);
    const disk: BlockHost = {
      size,
      read: (offset, length) => readWhole(file, offset, length),
    };
    return isWritable
      ? {
          ...disk,
          write: (offset, bytes) =>
            writeSync(file, bytes, 0, bytes.length, offset) === bytes.length,
          flush() {
            fsyncSync(file);
            return true;
          },
        }
      : disk;
  },
};

function sizeOf(file: number): number {
  return fstatSync(file).size;
}

function readWhole(file: number, offset: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, length - done, offset + done);
    if (count === 0) {
      return undefined;
    }
    done += count;
  }
  return bytes;
}

/** The cold tier's code as the build prepared it, beside this program. */
export function preparedEngine(): EngineMaker {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'cold-tier.wasm');
  return existsSync(file)
    ? coldTier(compileColdTier(new Uint8Array(readFileSync(file))))
    : coldTier();
}
