/** Long work in the one thread that all extensions share. */

import * as vscode from 'vscode';
import type { Progress } from '../debug-adapter/disassembly/listing.ts';

/** Nothing that a user does may wait longer, in milliseconds. */
const SLICE = 30;

/** Node.js and browsers have it, the language itself has not. */
declare function setTimeout(callback: () => void, milliseconds: number): unknown;

/** Runs work that pauses, under a notification with a bar. `undefined` when the user cancels. */
export function runInSlices<Result>(
  title: string,
  work: Generator<Progress, Result>,
): Thenable<Result | undefined> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, async (bar, cancellation) => {
    let shown = 0;
    while (!cancellation.isCancellationRequested) {
      const step = runUntil(work, Date.now() + SLICE);
      if (step.done === true) {
        return step.value;
      }
      const percent = (100 * step.value.done) / step.value.total;
      bar.report({ increment: percent - shown, message: `${Math.floor(percent)} %` });
      shown = percent;
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    }
    return undefined;
  });
}

function runUntil<Result>(
  work: Generator<Progress, Result>,
  end: number,
): IteratorResult<Progress, Result> {
  let step = work.next();
  while (step.done !== true && Date.now() < end) {
    step = work.next();
  }
  return step;
}
