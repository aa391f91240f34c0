import { defineConfig } from 'vitest/config';

const secondsMs = (seconds: number): number => seconds * 1000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{operator,services,test}/**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.{int,api,e2e}.test.ts'],
          // Pure code has no state for a test to leave behind, and loading it anew for each file took most of the time.
          isolate: false,
          testTimeout: secondsMs(20),
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.int.test.ts'],
          testTimeout: secondsMs(60),
          hookTimeout: secondsMs(180),
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'apiserver',
          include: ['test/apiserver/**/*.api.test.ts'],
          testTimeout: secondsMs(60),
          hookTimeout: secondsMs(300),
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.e2e.test.ts'],
          testTimeout: secondsMs(300),
          hookTimeout: secondsMs(900),
          fileParallelism: false,
        },
      },
    ],
  },
});
