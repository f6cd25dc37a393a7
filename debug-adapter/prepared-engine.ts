/** The processor's engine from the code that a build has written. */

import { coldTier, compileColdTier } from '../emulator/cpu/cold-tier/cold-tier.ts';
import type { EngineMaker } from '../emulator/cpu/engine.ts';

/** @param code the contents of `cold-tier.wasm` of this very build */
export function preparedEngineOf(code: Uint8Array): EngineMaker {
  return coldTier(compileColdTier(new Uint8Array(code)));
}
