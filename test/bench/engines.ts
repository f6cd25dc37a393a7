/** The emulators to compare. The first that is there is the one that the others are compared with. */

import type { Engine } from './engine.ts';
import { bochs } from './engines/bochs.ts';
import { type HostedEngine, inChildProcess } from './engines/child-process.ts';
import { qemu } from './engines/qemu.ts';
import { ringside } from './engines/ringside.ts';
import { v86 } from './engines/v86.ts';

export const hostedEngines: readonly HostedEngine[] = [ringside, v86];

export const engines: readonly Engine[] = [...hostedEngines.map(inChildProcess), qemu, bochs];
