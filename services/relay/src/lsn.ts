/** A place in the WAL, as the unsigned 64-bit number that Postgres writes as two hexadecimal halves. */
export type Lsn = bigint;

const text = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;

export function parseLsn(lsn: string): Lsn {
  const [, high, low] = text.exec(lsn) ?? [];
  if (high === undefined || low === undefined) throw new RangeError(`"${lsn}" is no LSN`);
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function formatLsn(lsn: Lsn): string {
  return `${half(lsn >> 32n)}/${half(lsn & 0xffff_ffffn)}`;
}

function half(part: bigint): string {
  return part.toString(16).toUpperCase();
}
