import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ociArchive } from './oci-archive.ts';

const source = {
  name: 'cqrs.local/greeting:1',
  entrypoint: ['/bin/hello'],
  user: '1000:1000',
  files: [
    { path: 'bin', kind: 'folder', mode: 0o755 },
    { path: 'bin/hello', kind: 'file', mode: 0o755, content: Buffer.from('hello\n'.repeat(100)) },
    { path: 'bin/hi', kind: 'link', target: 'hello' },
  ],
} as const;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oci-archive-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function unpack(archive: Buffer): void {
  writeFileSync(join(folder, 'archive.tar'), archive);
  execFileSync('tar', ['-xf', 'archive.tar'], { cwd: folder });
}

const blob = (digest = ''): string => `blobs/sha256/${digest.replace('sha256:', '')}`;

function readJson(path: string): Record<string, unknown> {
  const value: Record<string, unknown> = JSON.parse(readFileSync(join(folder, path), 'utf8'));
  return value;
}

it('names every blob by what is in it', () => {
  unpack(ociArchive(source, 'amd64'));
  const listing = execFileSync('ls', [join(folder, 'blobs/sha256')], { encoding: 'utf8' });
  const blobs = listing.trim().split('\n');
  expect(blobs).toHaveLength(3);
  for (const name of blobs) {
    const content = readFileSync(join(folder, 'blobs/sha256', name));
    expect(createHash('sha256').update(content).digest('hex')).toBe(name);
  }
});

it('leads from the index over the manifest to a layer with the files', () => {
  unpack(ociArchive(source, 'amd64'));
  const index = readJson('index.json') as { manifests: { digest: string; annotations: object }[] };
  expect(index.manifests[0]?.annotations).toEqual({ 'io.containerd.image.name': source.name });
  const manifest = readJson(blob(index.manifests[0]?.digest)) as { layers: { digest: string }[] };
  execFileSync('tar', ['-xf', blob(manifest.layers[0]?.digest)], { cwd: folder });
  expect(readFileSync(join(folder, 'bin/hi'), 'utf8')).toBe('hello\n'.repeat(100));
});

it('gives the same bytes for the same source', () => {
  expect(ociArchive(source, 'amd64').equals(ociArchive(source, 'amd64'))).toBe(true);
});

it('refuses a path that the format has no room for', () => {
  const files = [{ path: 'a'.repeat(101), kind: 'folder', mode: 0o755 } as const];
  expect(() => ociArchive({ ...source, files }, 'amd64')).toThrow(/100 bytes/);
});
