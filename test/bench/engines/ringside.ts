/** Ringside's own tiers on its bare machine, and its hypervisor. */

import { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import { MEMORY_SIZE } from '../guest/image.ts';
import { mainThreadSeconds } from '../host-process.ts';
import { grubHere, runActHere } from '../hypervisor/paravirtual.ts';
import { preparedColdTier } from '../prepared-code.ts';
import { Stopwatch, type Timing } from '../stopwatch.ts';
import type { HostedEngine } from './child-process.ts';

/** Where the image is loaded and entered. */
const IMAGE_BASE = 0x10_0000;
/** Where the guest prints. */
const DEBUG_PORT = 0xe9;
/** So many instructions between two looks whether the guest is done. */
const SLICE = 8_000_000;
const STEPS = 2_000_000;

export const ringside: HostedEngine = {
  name: 'ringside',
  title: 'Ringside cold tier',
  isInterpreter: false,
  isHypervisor: true,
  missing: () => undefined,
  version: () => 'of this checkout',
  runHere,
  runActHere,
  singleStepHere,
  grubHere,
};

async function runHere(image: Uint8Array): Promise<Timing> {
  let isDone = false;
  const stopwatch: Stopwatch = new Stopwatch({
    seconds: mainThreadSeconds,
    instructions: () => machine.cpu.retiredNow,
  });
  const machine = new BareMachine(MEMORY_SIZE, {
    engine: preparedColdTier(),
    ports: {
      read: (_port, size) => (size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff),
      write(port, _size, value) {
        isDone ||= port === DEBUG_PORT && stopwatch.write(value & 0xff);
      },
    },
  });
  start(machine, image);
  while (!isDone) {
    const stop = machine.cpu.run(SLICE);
    if (stop.kind !== 'budget' && !isDone) {
      throw new Error(`The benchmark stopped: ${JSON.stringify(stop)}`);
    }
  }
  return await stopwatch.finished;
}

/** The guest starts in protected mode, where a multiboot loader would leave it. */
function start({ cpu }: BareMachine, image: Uint8Array): void {
  cpu.ram.load(IMAGE_BASE, image);
  cpu.state.eip = IMAGE_BASE;
}

/** Steps through a loop of register and memory instructions. */
async function singleStepHere(): Promise<number> {
  const machine = new BareMachine(MEMORY_SIZE, { engine: preparedColdTier() });
  const loop = [0x40, 0x03, 0x05, 0, 0x20, 0, 0, 0xa3, 0, 0x20, 0, 0, 0xeb, 0xf2];
  machine.load(0x1000, Uint8Array.from(loop));
  machine.cpu.state.eip = 0x1000;
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const before = mainThreadSeconds();
    for (let i = 0; i < STEPS; i++) {
      machine.cpu.step();
    }
    times.push(mainThreadSeconds() - before);
  }
  return (Math.min(...times) / STEPS) * 1e9;
}
