import { declareSuite } from '../harness/suite';

declareSuite(__dirname);
