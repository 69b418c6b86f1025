export type Direction = 'debit' | 'credit';

/** Minor units of a decimal string. */
export function minorOf(text: string, digits: number): bigint {
  const [whole, fraction = ''] = text.replace('-', '').split('.') as [string, string?];
  const minor = BigInt(whole + fraction.padEnd(digits, '0'));
  return text.startsWith('-') ? -minor : minor;
}

/** A decimal string with all digits. */
export function shown(minor: bigint, digits: number): string {
  const unit = 10n ** BigInt(digits);
  const size = minor < 0n ? -minor : minor;
  const fraction = digits === 0 ? '' : `.${String(size % unit).padStart(digits, '0')}`;
  return `${minor < 0n ? '-' : ''}${size / unit}${fraction}`;
}

export function opposite(direction: Direction): Direction {
  return direction === 'debit' ? 'credit' : 'debit';
}
