/** A number that is watched from outside, such as `truebook_tasks`. */
export interface Metric {
  /** In the words of Prometheus: lower-case, begins with `truebook_`, unit last. */
  readonly name: string;
  readonly help: string;
  /** `counter`: only rises, as long as the process lives; default `gauge`. */
  readonly kind?: 'gauge' | 'counter';
  /** What its series differ in; few values each. */
  readonly labels?: readonly string[];
}

/** What a metric was when it was looked at. */
export interface Sample {
  readonly metric: string;
  readonly value: number;
  /** A value for each label of the metric. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Metrics that one question answers. */
export interface Measurement {
  readonly metrics: readonly Metric[];
  /**
   * Asked for every time that somebody looks, once for all its metrics. Of a metric without a
   * sample nothing is said, nor of any where this fails or takes too long: an old number would look
   * like a new one.
   */
  read(): readonly Sample[] | Promise<readonly Sample[]>;
}
