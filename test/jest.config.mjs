// Named on the command line, spec files run one by one; else as suites: see test/README.md.
const isChosen = process.argv.slice(2).some((argument) => !argument.startsWith('-'));

export default {
  rootDir: '..',
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testRegex: isChosen ? '(?<!/suite)\\.spec\\.ts$' : '/suite\\.spec\\.ts$',
  moduleNameMapper: { '^(\\.{1,2}/.*\\.service)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'test/tsconfig.json' }] },
  setupFiles: ['<rootDir>/test/harness/frozen-rows.ts'],
  globalSetup: '<rootDir>/test/harness/global-setup.ts',
  globalTeardown: '<rootDir>/test/harness/global-teardown.ts',
  maxWorkers: 3,
  testTimeout: 120_000,
  workerIdleMemoryLimit: '1GB',
  // A worker that has run whole suites has much to give back before it is gone.
  workerGracefulExitTimeout: 10_000,
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.spec.ts', '!src/main.ts'],
  coverageProvider: 'babel',
  // Of a whole run: some specs alone reach less.
  coverageThreshold: Object.fromEntries(
    ['engine', 'books', 'proof'].map((wing) => [`./src/${wing}/`, { lines: 95 }]),
  ),
  coverageReporters: [['text', { skipFull: true }], 'text-summary'],
};
