/**
 * What Linux tells of processes: time on the processor, and memory.
 *
 * Time on the processor is what to compare on a machine that has other work too. Elsewhere the
 * clock has to do, and memory remains unknown.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import process from 'node:process';

/** Whether times are those on the processor. */
export const tellsProcessorTime = existsSync('/proc/self/schedstat');

/**
 * Of this process's main thread, in seconds. What an engine compiles in the background on other
 * threads costs no one time, and is left out.
 */
export function mainThreadSeconds(): number {
  return tellsProcessorTime
    ? threadSeconds(`/proc/self/task/${process.pid}`)
    : performance.now() / 1000;
}

/** Of a process and those that it started, in seconds. */
export function treeSeconds(root: number): number {
  if (!tellsProcessorTime) {
    return performance.now() / 1000;
  }
  return sum(processTree(root).flatMap(threads).map(threadSeconds));
}

/** The most memory that a process and those that it started have had resident. */
export function treePeakBytes(root: number): number | undefined {
  const sizes = processTree(root).map((pid) => {
    const [, kilobytes = '0'] = /^VmHWM:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`)) ?? [];
    return Number(kilobytes) * 1024;
  });
  return sum(sizes) || undefined;
}

/** A process and all below it; those that have just ended are missing. */
export function processTree(root: number): number[] {
  const children = threads(root)
    .flatMap((thread) => textOf(`${thread}/children`).trim().split(' '))
    .filter((pid) => pid !== '');
  return [root, ...children.flatMap((pid) => processTree(Number(pid)))];
}

function threads(pid: number): string[] {
  const folder = `/proc/${pid}/task`;
  try {
    return readdirSync(folder).map((thread) => `${folder}/${thread}`);
  } catch {
    return [];
  }
}

function threadSeconds(folder: string): number {
  const [nanoseconds = ''] = textOf(`${folder}/schedstat`).split(' ');
  return Number(nanoseconds) / 1e9;
}

/** Nothing, when the process has ended in between. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
