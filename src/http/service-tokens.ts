/**
 * What every feature may ask for besides classes; `app.module.ts` gives it. Of the configuration a
 * feature declares the part that it reads:
 * `@Inject(CONFIG) config: { readonly tasks: TaskLimits }`.
 */
export const CONFIG = Symbol('the configuration');
/** The {@link OpenLedger}, for those whom its parts are not enough. */
export const OPEN_LEDGER = Symbol('the open ledger');
/** `DatabaseReader<LogDatabase>`, for what callers read; a controller asks {@link Reads}. */
export const CALLERS_LOG = Symbol('the reader of the log for callers');
/** `Kysely<LogDatabase>`, under a role that only reads, for what the service reads for itself. */
export const LOG_READER = Symbol('the reader of the log');
/** `StateReader`, for what the service reads for itself: it waits for no caller's reads. */
export const STATE_READER = Symbol('the reader of the state');
/** The {@link DatabaseUrls}, for those who need connections of their own. */
export const DATABASE_URLS = Symbol('the URLs of the databases');
/** The program's {@link EngineLog}. */
export const SERVICE_LOG = Symbol('the log of the service');
/** The `FeatureService` of every feature, in order. */
export const FEATURE_SERVICES = Symbol('what the features bring to the service');
