/**
 * Writes what a program would otherwise have to work out each time it starts.
 *
 * `node prepare.js FILE` writes the cold tier's WebAssembly code to FILE.
 */

import { writeFileSync } from 'node:fs';
import process from 'node:process';

import { writeColdTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';

const [file] = process.argv.slice(2);
if (file === undefined) {
  process.stderr.write('Say which file to write: node prepare.js FILE\n');
  process.exitCode = 2;
} else {
  writeFileSync(file, writeColdTier());
}
