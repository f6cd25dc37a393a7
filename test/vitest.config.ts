import { defineConfig } from 'vitest/config';
import { SkippedTestsReporter } from './support/skipped-tests-reporter.ts';

const isCi = Boolean(process.env['CI']);

export default defineConfig({
  test: {
    dir: 'test',
    // Only a test that hangs may fail by time, on a busy computer too.
    testTimeout: 120_000,
    reporters: [
      'default',
      new SkippedTestsReporter(),
      // `.ci/run` takes its closing count from this file.
      ...(isCi ? [['json', { outputFile: 'out/tests.json' }] satisfies [string, object]] : []),
    ],
  },
});
