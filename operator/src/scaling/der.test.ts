import { describe, expect, it } from 'vitest';
import { integer, objectIdentifier, octetString, sequence, time } from './der.ts';

const hex = (bytes: Buffer): string => bytes.toString('hex');

describe('DER', () => {
  it('writes lengths in one octet below 128, then in as many as needed', () => {
    expect(hex(octetString(Buffer.alloc(127))).slice(0, 4)).toBe('047f');
    expect(hex(octetString(Buffer.alloc(128))).slice(0, 6)).toBe('048180');
    expect(hex(octetString(Buffer.alloc(255))).slice(0, 6)).toBe('0481ff');
    expect(hex(octetString(Buffer.alloc(256))).slice(0, 8)).toBe('04820100');
    expect(hex(octetString(Buffer.alloc(70_000))).slice(0, 10)).toBe('0483011170');
  });

  it('writes whole numbers without needless zeros and never as negative', () => {
    expect(hex(integer(Buffer.from([0])))).toBe('020100');
    expect(hex(integer(Buffer.from([0, 0])))).toBe('020100');
    expect(hex(integer(Buffer.from([0x7f])))).toBe('02017f');
    expect(hex(integer(Buffer.from([0x80])))).toBe('02020080');
    expect(hex(integer(Buffer.from([0, 1, 0])))).toBe('02020100');
  });

  it('writes object identifiers as X.690 8.19 shows', () => {
    expect(hex(objectIdentifier('2.5.29.17'))).toBe('0603551d11');
    expect(hex(objectIdentifier('1.2.840.10045.4.3.2'))).toBe('06082a8648ce3d040302');
  });

  it('writes times with two digits of the year before 2050, four from then on', () => {
    expect(
      time(Date.UTC(2049, 11, 31, 23, 59, 59, 999))
        .subarray(2)
        .toString(),
    ).toBe('491231235959Z');
    expect(
      time(Date.UTC(2050, 0, 1))
        .subarray(2)
        .toString(),
    ).toBe('20500101000000Z');
  });

  it('nests', () => {
    expect(hex(sequence(sequence(), integer(Buffer.from([5]))))).toBe('30053000020105');
  });
});
