/** The cold tier's code as a build has prepared it, beside the bundled program. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { coldTier, compileColdTier } from '../../emulator/cpu/cold-tier/cold-tier.ts';
import type { EngineMaker } from '../../emulator/cpu/engine.ts';

/** Falls back on writing it now, which takes longer than everything else at start. */
export function preparedColdTier(): EngineMaker {
  const file = join(dirname(fileURLToPath(import.meta.url)), 'cold-tier.wasm');
  return existsSync(file)
    ? coldTier(compileColdTier(new Uint8Array(readFileSync(file))))
    : coldTier();
}
