import { freezeRows } from '../../src/engine/session/frozen-rows';

// Loaded before every spec: see `setupFiles` in test/jest.config.mjs.
freezeRows();
