import type { Reporter, TestModule } from 'vitest/node';

/** Closes a run with what was left out and why: Vitest alone would only count it. */
export class SkippedTestsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = (result.state === 'skipped' && result.note) || 'gives no reason';
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of counts) {
      process.stdout.write(`skipped: ${reason}, ${count} ${count === 1 ? 'test' : 'tests'}\n`);
    }
  }
}
