import { createHash } from 'node:crypto';

// RFC 1123: a label is at most 63 octets, a name at most 253.
const labelLengthMax = 63;
const subdomainLengthMax = 253;
const hashLength = 8;

type NameRule = { lengthMax: number; clean: (wanted: string) => string };

const labelRule: NameRule = {
  lengthMax: labelLengthMax,
  clean: (wanted) => trimEdges(wanted.toLowerCase().replace(/[^a-z0-9-]+/g, '-')),
};

const subdomainRule: NameRule = {
  lengthMax: subdomainLengthMax,
  // A dot beside a dot or a dash would make an empty or dash-edged label, which the API refuses.
  clean: (wanted) =>
    trimEdges(
      wanted
        .toLowerCase()
        .replace(/[^a-z0-9.-]+/g, '-')
        .replace(/-*\.[.-]*/g, '.'),
    ),
};

const labelValueRule: NameRule = {
  lengthMax: labelLengthMax,
  clean: (wanted) => trimEdges(wanted.replace(/[^A-Za-z0-9_.-]+/g, '-')),
};

/**
 * A DNS label (≤ 63) of the parts joined with `-`. Whenever something had to be replaced or cut, a hash of the
 * parts ends the name, so that two inputs that look alike after cutting stay two names.
 */
export function dnsLabel(parts: readonly string[]): string {
  return safeName(parts, labelRule);
}

/** A DNS subdomain (≤ 253, dots allowed) of the parts joined with `-`; same hash rule as `dnsLabel`. */
export function dnsSubdomain(parts: readonly string[]): string {
  return safeName(parts, subdomainRule);
}

/** A label value (≤ 63; letters of either case, digits, `-`, `_`, `.`); same hash rule as `dnsLabel`. */
export function labelValue(value: string): string {
  return value === '' ? '' : safeName([value], labelValueRule);
}

function safeName(parts: readonly string[], rule: NameRule): string {
  const wanted = parts.join('-');
  const clean = rule.clean(wanted);
  if (clean === wanted && clean.length <= rule.lengthMax && clean !== '') return clean;
  const hash = createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, hashLength);
  const kept = trimEdges(clean.slice(0, rule.lengthMax - hashLength - 1));
  return kept === '' ? `x${hash}` : `${kept}-${hash}`;
}

function trimEdges(name: string): string {
  return name.replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}
