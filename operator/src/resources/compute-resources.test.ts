import { describe, expect, test } from 'vitest';
import { computeResources, quantityBytes } from './compute-resources.ts';
import type { Resources } from '../api/v1alpha1/schema.ts';

const defaults = { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } };

describe('computeResources', () => {
  test.each<[string, Resources | undefined, object]>([
    ['nothing named: the defaults', undefined, defaults],
    ['an empty object names nothing', {}, defaults],
    [
      'a memory limit replaces our request of memory too, which might exceed it',
      { limits: { memory: '32Mi' } },
      { requests: { cpu: '20m' }, limits: { memory: '32Mi' } },
    ],
    [
      'a memory request replaces our limit of memory too, which might be lower',
      { requests: { memory: '1Gi' } },
      { requests: { cpu: '20m', memory: '1Gi' } },
    ],
    [
      'CPU and memory are independent',
      { requests: { cpu: 1 }, limits: { cpu: 2 } },
      { requests: { cpu: 1, memory: '64Mi' }, limits: { cpu: 2, memory: '256Mi' } },
    ],
  ])('%s', (_, wanted, expected) => {
    expect(computeResources(defaults, wanted)).toEqual(expected);
  });
});

describe('quantityBytes', () => {
  test.each<[string | number, number | undefined]>([
    ['1Gi', 2 ** 30],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['512Mi', 2 ** 29],
    ['64Ki', 65_536],
    ['2Ti', 2 ** 41],
    ['1G', 1e9],
    ['100M', 1e8],
    ['128974848', 128_974_848],
    [128_974_848, 128_974_848],
    ['128974848000m', 128_974_848],
    ['129e6', undefined],
    ['1Gb', undefined],
  ])('%s is %s bytes', (quantity, bytes) => {
    expect(quantityBytes(quantity)).toBe(bytes);
  });
});
