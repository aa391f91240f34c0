import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { dnsLabel, dnsSubdomain, labelValue } from './names.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const value = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const anything = fc.string({ unit: 'binary', maxLength: 400 });
const nearlyName = fc.string({
  unit: fc.constantFrom('a', 'Z', '0', '-', '.', '_'),
  maxLength: 300,
});
const parts = fc.array(fc.oneof(anything, nearlyName), { minLength: 1, maxLength: 4 });

test('a name that is safe already stays as it is', () => {
  expect(dnsLabel(['orders', 'query'])).toBe('orders-query');
  expect(dnsSubdomain(['orders.shop', 'query'])).toBe('orders.shop-query');
  expect(labelValue('Orders_v1.2')).toBe('Orders_v1.2');
});

test('a cut name ends with a hash of the whole', () => {
  const long = 'x'.repeat(70);
  expect(dnsLabel([long])).toMatch(/^x{54}-[0-9a-f]{8}$/);
  expect(dnsLabel([`${long}a`])).not.toBe(dnsLabel([`${long}b`]));
});

test('names that differ only in what had to be replaced stay different', () => {
  expect(dnsLabel(['a_b'])).not.toBe(dnsLabel(['a.b']));
  expect(dnsLabel(['Orders'])).not.toBe('orders');
});

test('whatever goes in, the API accepts what comes out', () => {
  fc.assert(
    fc.property(parts, (given) => {
      expect(dnsLabel(given)).toMatch(label);
      expect(dnsLabel(given).length).toBeLessThanOrEqual(63);
      expect(dnsSubdomain(given)).toMatch(subdomain);
      expect(dnsSubdomain(given).length).toBeLessThanOrEqual(253);
      expect(labelValue(given[0] ?? '')).toMatch(value);
      expect(labelValue(given[0] ?? '').length).toBeLessThanOrEqual(63);
    }),
  );
});
