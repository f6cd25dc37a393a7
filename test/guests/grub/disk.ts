/** File systems for GRUB to read, made by e2fsprogs from nothing but what a test names. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const MIB = 1024 * 1024;

/** The bytes of a file system of 16 MiB, as large as the disk in our recordings. */
export function ext2(files: Readonly<Record<string, Uint8Array | string>>): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-disk-'));
  try {
    const root = join(folder, 'root');
    const image = join(folder, 'disk.img');
    mkdirSync(root);
    for (const [name, content] of Object.entries(files)) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    execFileSync('mke2fs', ['-q', '-t', 'ext2', '-d', root, image, `${DISK_SIZE / MIB}M`]);
    return new Uint8Array(readFileSync(image));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In bytes. */
const DISK_SIZE = 16 * MIB;
