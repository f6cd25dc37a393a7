import { defineConfig } from 'vitest/config';
import { SkippedTestsReporter } from './support/skipped-tests-reporter.ts';

const isCi = Boolean(process.env['CI']);

export default defineConfig({
  test: {
    dir: 'test',
    reporters: [
      'default',
      new SkippedTestsReporter(),
      // `.ci/run` takes its closing count from this file.
      ...(isCi ? [['json', { outputFile: 'out/tests.json' }] satisfies [string, object]] : []),
    ],
  },
});
