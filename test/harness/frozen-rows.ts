import { freezeRows } from '../../src/engine/session/frozen-rows';

// Loaded before every spec: see "setupFiles" in package.json.
freezeRows();
