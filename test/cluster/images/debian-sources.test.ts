import { expect, test } from 'vitest';
import { debianSources } from './debian-sources.ts';

test('the package sources of this Debian are said for another release', () => {
  const targets = [
    'Debian http://mirror.test/debian/ bookworm',
    'Debian http://mirror.test/debian/ bookworm-updates',
    'Debian http://mirror.test/security/ bookworm-security',
    'Debian http://mirror.test/debian/ bookworm',
    '',
  ].join('\n');
  expect(debianSources(targets, 'trixie')).toEqual([
    'deb http://mirror.test/debian/ trixie main',
    'deb http://mirror.test/debian/ trixie-updates main',
    'deb http://mirror.test/security/ trixie-security main',
  ]);
});

test('sources of others, and parts that the other release need not have, are left out', () => {
  const targets = [
    'Debian http://mirror.test/debian/ sid',
    'Debian http://mirror.test/debian/ bookworm-backports',
    'Docker http://docker.test/ bookworm',
  ].join('\n');
  expect(debianSources(targets, 'trixie')).toEqual(['deb http://mirror.test/debian/ trixie main']);
});

test('a machine that is no Debian has none to tell', () => {
  expect(debianSources('Ubuntu http://mirror.test/ubuntu/ noble', 'trixie')).toEqual([]);
  expect(debianSources('Debian http://mirror.test/s/ bookworm-security', 'trixie')).toEqual([]);
  expect(debianSources('', 'trixie')).toEqual([]);
});
