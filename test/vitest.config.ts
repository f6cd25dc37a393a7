import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    dir: 'test',
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: 'out/tests.json' }]]
      : ['default'],
  },
});
