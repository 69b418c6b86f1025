import { isIPv6 } from 'node:net';

/** Addresses that are remembered; the one that was not seen for longest is forgotten first. */
const MAX_ADDRESSES = 10_000;

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** A token bucket for each address: so many requests a second, and a second's worth at once. */
export class AddressLimit {
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether an address may go on. @param cost how many requests this one counts for */
  take(address: string, cost = 1): boolean {
    const key = networkOf(address);
    const now = this.now();
    const bucket = this.buckets.get(key) ?? { tokens: this.perSecond, filledAt: now };
    const added = ((now - bucket.filledAt) / 1000) * this.perSecond;
    bucket.tokens = Math.min(this.perSecond, bucket.tokens + added);
    bucket.filledAt = now;
    // Behind all others again.
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size > MAX_ADDRESSES) this.forgetOldest();
    if (bucket.tokens < 1) return false;
    // Below zero, so that what counts for many is paid for before the next one.
    bucket.tokens -= cost;
    return true;
  }

  /** Whether an address has taken more than a tenth of what it may take in a second. */
  isPressing(address: string): boolean {
    const bucket = this.buckets.get(networkOf(address));
    return bucket !== undefined && bucket.tokens < this.perSecond * 0.9;
  }

  private forgetOldest(): void {
    for (const key of this.buckets.keys()) {
      this.buckets.delete(key);
      return;
    }
  }
}

/** Who has one IPv6 address has 2^64 of them: the first half tells who it is. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const rest = tail?.split(':').filter(Boolean) ?? [];
  while (tail !== undefined && groups.length + rest.length < 8) groups.push('0');
  return [...groups, ...rest].slice(0, 4).join(':');
}
