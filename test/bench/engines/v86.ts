/** v86, which translates to WebAssembly as we do. */

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MEMORY_SIZE, romWith } from '../guest/image.ts';
import { mainThreadSeconds } from '../host-process.ts';
import { Stopwatch, type Timing } from '../stopwatch.ts';
import type { HostedEngine } from './child-process.ts';

const require = createRequire(import.meta.url);

export const v86: HostedEngine = {
  name: 'v86',
  title: 'v86',
  isInterpreter: false,
  isHypervisor: false,
  missing: () => (folder() === undefined ? 'needs v86 (npm ci)' : undefined),
  version: () => String(require('v86/package.json').version),
  runHere,
};

/** v86 prints on stdout what it thinks of its settings. */
async function runHere(image: Uint8Array): Promise<Timing> {
  const { V86 } = await import('v86');
  const stopwatch = new Stopwatch({ seconds: mainThreadSeconds });
  const emulator = new V86({
    wasm_path: join(folder() ?? '', 'v86.wasm'),
    memory_size: MEMORY_SIZE,
    bios: { buffer: romWith(image).buffer },
    autostart: true,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
  });
  emulator.add_listener('serial0-output-byte', (byte) => {
    stopwatch.write(byte);
  });
  const timing = await stopwatch.finished;
  await emulator.destroy();
  return timing;
}

function folder(): string | undefined {
  try {
    return dirname(require.resolve('v86'));
  } catch {
    return undefined;
  }
}
