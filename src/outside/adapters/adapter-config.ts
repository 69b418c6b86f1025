/** How the outside world is reached. */
export interface AdapterConfig {
  /** Absolute path of the folder of the files that stand for services that are not set. */
  readonly dataDir: string;
  /** `smtp://` (STARTTLS where the server has it) or `smtps://`; unset: `.eml` files. */
  readonly smtpUrl: string | undefined;
  /** The sender of every mail; its domain is that of the Message-IDs too. */
  readonly mailFrom: string;
  /** Unset: files. */
  readonly objectStore: ObjectStoreConfig | undefined;
  readonly webhooks: WebhookPolicy;
  /** 32 bytes that seal secrets in the log; unset: made and kept in the data directory. */
  readonly secretsKey: Uint8Array | undefined;
}

/** A bucket of a server that speaks S3. */
export interface ObjectStoreConfig {
  /** Unset: Amazon's, by the region. With one, the bucket is part of the path. */
  readonly endpoint: string | undefined;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Where webhooks may go besides public addresses over HTTPS. */
export interface WebhookPolicy {
  /** Whether `http://` is accepted: for development. */
  readonly allowHttp: boolean;
  /**
   * Whether loopback, private (RFC 1918), shared (RFC 6598) and unique local addresses are
   * accepted: for development, and for receivers in one's own network. Everybody who may make
   * a subscription can then send requests there.
   */
  readonly allowPrivateAddresses: boolean;
}
