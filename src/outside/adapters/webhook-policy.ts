import { parse, parseCIDR, isValid, type IPv4, type IPv6 } from 'ipaddr.js';
import type { WebhookPolicy } from './adapter-config';

const MAX_URL_LENGTH = 2_000;
/** Ports below are other services', which must not be spoken to in a stranger's name. */
const FIRST_FREE_PORT = 1_024;
const WEB_PORTS = [80, 443];

/** What `WEBHOOK_ALLOW_PRIVATE_ADDRESSES` opens: hosts of one's own, and no metadata services. */
const OWN_RANGES = ['loopback', 'private', 'carrierGradeNat', 'uniqueLocal'];

/**
 * Where clouds answer machines of theirs with credentials, in ranges that are otherwise one's own
 * or everybody's. The others are link-local, or reserved, and refused as such.
 */
const METADATA_SERVICES = [
  'fd00:ec2::/32', // Amazon
  'fd20:ce::/32', // Google
  'fd00:42::/32', // Scaleway
  '100.100.100.200/32', // Alibaba
  '168.63.129.16/32', // Azure
].map((range) => parseCIDR(range));

/** Global unicast, 2000::/3: what the registries give out. RFC 4291, section 2.4. */
const GLOBAL_UNICAST = [parse('2000::'), 3] as const;

/**
 * What can be said of a webhook's URL without a look at the network. The address that its name
 * resolves to is checked again with every delivery.
 * @returns a sentence that does not repeat the URL; undefined where nothing is wrong
 */
export function checkWebhookUrl(url: string, policy: WebhookPolicy): string | undefined {
  if (url.length > MAX_URL_LENGTH) return `must have at most ${MAX_URL_LENGTH} characters`;
  const parsed = URL.parse(url);
  // The parser would remove white space and control characters without a word.
  if (!parsed || !/^[\x21-\x7e]+$/.test(url)) return 'must be an absolute URL';
  if (!isAllowedScheme(parsed.protocol, policy)) {
    return policy.allowHttp ? 'must begin with https:// or http://' : 'must begin with https://';
  }
  if (parsed.username !== '' || parsed.password !== '')
    return 'must not contain a user or password';
  if (url.includes('#')) return 'must not contain a fragment';
  const port = Number(parsed.port || 443);
  if (port < FIRST_FREE_PORT && !WEB_PORTS.includes(port)) {
    return `must have the port 80 or 443, or one from ${FIRST_FREE_PORT}`;
  }
  const host = hostOf(parsed);
  const isForbidden = isValid(host) ? isForbiddenAddress(host, policy) : isLocalName(host, policy);
  return isForbidden ? 'must not lead to a private or reserved address' : undefined;
}

/** The name or address that a URL leads to; an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/**
 * Whether webhooks must not be sent to an address: everything but public unicast, so also every
 * way to write an IPv4 address as an IPv6 one, which would lead round the check (::ffff:0:0/96,
 * NAT64, 6to4, Teredo). Addresses of one's own network can be allowed; those where clouds keep
 * credentials, link-local ones (169.254.169.254) among them, cannot.
 */
export function isForbiddenAddress(address: string, policy: WebhookPolicy): boolean {
  if (!isValid(address)) return true;
  const parsed = parse(address);
  if (METADATA_SERVICES.some((range) => isWithin(parsed, range))) return true;
  const range = parsed.range();
  if (policy.allowPrivateAddresses && OWN_RANGES.includes(range)) return false;
  if (range !== 'unicast') return true;
  // The library calls unicast what it has no other name for, as ::7f00:1 and unassigned blocks.
  return parsed.kind() === 'ipv6' && !parsed.match(...GLOBAL_UNICAST);
}

function isWithin(address: IPv4 | IPv6, range: readonly [IPv4 | IPv6, number]): boolean {
  return address.kind() === range[0].kind() && address.match(range as [IPv4 & IPv6, number]);
}

function isAllowedScheme(protocol: string, policy: WebhookPolicy): boolean {
  return protocol === 'https:' || (protocol === 'http:' && policy.allowHttp);
}

/** Names that mean this machine everywhere: RFC 6761, section 6.3. */
function isLocalName(host: string, policy: WebhookPolicy): boolean {
  return !policy.allowPrivateAddresses && /(^|\.)localhost\.?$/.test(host);
}
