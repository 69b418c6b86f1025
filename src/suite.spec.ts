import { declareSuite } from '../test/harness/suite';

declareSuite(__dirname);
