/** What a session needs of the program that it is part of. */

import type { EngineMaker } from '../../emulator/cpu/engine.ts';
import type { BlockHost } from '../../emulator/devices/block/block-host.ts';

/** The user's files, wherever they are. Both throw a `UserError` that names the file. */
export interface AsyncFiles {
  read(path: string): Promise<Uint8Array>;
  /** Opens an image for as long as the machine runs. */
  openDisk(path: string, isWritable: boolean): Promise<BlockHost>;
}

export interface SessionHost {
  readonly files: AsyncFiles;
  engine(): Promise<EngineMaker>;
  /** Milliseconds of the host's time, from any moment. */
  now(): number;
  /** Ends after so many milliseconds; with 0, as soon as messages that have come were taken. */
  delay(milliseconds: number): Promise<void>;
}
