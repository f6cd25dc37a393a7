/** Runs the image of privileged cases on the emulated bare machine. */

import { BareMachine } from '../../../emulator/bare-metal/bare-machine.ts';
import type { StopReason } from '../../../emulator/cpu/stop-reason.ts';
import { linesIn } from './bochs.ts';

const RAM_BYTES = 32 << 20;
const IMAGE_BASE = 0x1_0000;
const STACK_TOP = 0x9_0000;
const PORT = { debug: 0xe9, shutdown: 0x8900 } as const;
const SLICE = 1_000_000;
/** Far more than the whole table takes: a case that loops must not hang the run. */
const PATIENCE = 2_000_000_000;

/**
 * Answers the lines that the image printed until it shut down or could go on no longer; the
 * case in which it could not has a line without an end.
 */
export function runEmulated(image: Uint8Array): string[] {
  let output = '';
  let isOver = false;
  const machine = new BareMachine(RAM_BYTES, {
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
  return linesIn(output);
}
