/** Runs the image of privileged cases on the emulated bare machine. */

import { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import { coldTier, compileColdTier } from '../../../emulator/cpu/cold-tier/cold-tier.ts';
import type { StopReason } from '../../../emulator/cpu/stop-reason.ts';
import { linesIn } from './bochs.ts';
import { skipping } from './build.ts';
import { STOPPED } from './compare.ts';

const RAM_BYTES = 32 << 20;
const IMAGE_BASE = 0x1_0000;
const STACK_TOP = 0x9_0000;
const PORT = { debug: 0xe9, shutdown: 0x8900 } as const;
const SLICE = 1_000_000;
/** Far more than the whole table takes: a case that loops must not hang the run. */
const PATIENCE = 2_000_000_000;
const engine = coldTier(compileColdTier());

/**
 * Answers the lines that the image printed until it shut down or could go on no longer; the
 * case in which it could not has a line without an end. After a case that the processor does not
 * support the image is started again with the next one.
 */
export function runEmulated(image: Uint8Array): string[] {
  const lines: string[] = [];
  for (;;) {
    const { output, stop } = runOnce(skipping(image, lines.length));
    lines.push(...linesIn(output));
    if (stop.kind !== 'unsupported') {
      return lines;
    }
    lines.push(`${lines.pop()} ${STOPPED}=${stop.kind}`);
  }
}

function runOnce(image: Uint8Array): { output: string; stop: StopReason } {
  let output = '';
  let isOver = false;
  const machine = new BareMachine(RAM_BYTES, {
    engine,
    ports: {
      read: (_port, size) => 2 ** (8 * size) - 1,
      write(port, _size, value) {
        output += port === PORT.debug ? String.fromCharCode(value & 0xff) : '';
        isOver ||= port === PORT.shutdown;
      },
    },
  });
  machine.load(IMAGE_BASE, image);
  machine.cpu.state.eip = IMAGE_BASE;
  machine.cpu.state.esp = STACK_TOP;
  let stop: StopReason;
  do {
    stop = machine.cpu.run(SLICE);
  } while (stop.kind === 'budget' && !isOver && machine.cpu.state.retired < PATIENCE);
  return { output, stop };
}
