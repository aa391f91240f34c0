/**
 * Composes a container image of one layer as an archive that `ctr images import` reads, so that an
 * image needs neither a registry nor a builder. Formats: OCI image layout and image specification
 * v1.1, POSIX ustar.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

/** One entry of the root file system; a folder must come before what lies in it. */
export type ImageFile =
  | { path: string; kind: 'folder'; mode: number }
  | { path: string; kind: 'file'; mode: number; content: Buffer }
  | { path: string; kind: 'link'; target: string };

export interface ImageSource {
  /** The full name, with registry and tag. */
  name: string;
  files: readonly ImageFile[];
  entrypoint: readonly string[];
  /** `uid:gid` that the process runs as unless the pod says otherwise. */
  user: string;
}

const blockBytes = 512;
const pathBytesMax = 100;

/** Writes the archive of an image. The same source always gives the same bytes. */
export async function writeOciArchive(path: string, source: ImageSource): Promise<void> {
  await writeFile(path, ociArchive(source, process.arch === 'x64' ? 'amd64' : process.arch));
}

export function ociArchive(source: ImageSource, architecture: string): Buffer {
  const layer = tar(source.files);
  const config = json({
    architecture,
    os: 'linux',
    config: { Entrypoint: source.entrypoint, User: source.user, Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const annotations = { 'io.containerd.image.name': source.name };
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        platform: { os: 'linux', architecture },
        annotations,
      },
    ],
  });
  const mode = 0o644;
  const blobs = [layer, config, manifest].map((content): ImageFile => ({
    path: blobPath(content),
    kind: 'file',
    mode,
    content,
  }));
  const layout = json({ imageLayoutVersion: '1.0.0' });
  return tar([
    { path: 'oci-layout', kind: 'file', mode, content: layout },
    { path: 'index.json', kind: 'file', mode, content: index },
    ...blobs,
  ]);
}

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function hash(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

const digest = (content: Buffer): string => `sha256:${hash(content)}`;
const blobPath = (content: Buffer): string => `blobs/sha256/${hash(content)}`;

function descriptor(mediaType: string, content: Buffer) {
  return { mediaType, digest: digest(content), size: content.length };
}

function tar(files: readonly ImageFile[]): Buffer {
  const entries = files.map((file) => {
    const content = file.kind === 'file' ? file.content : Buffer.alloc(0);
    const padding = Buffer.alloc((blockBytes - (content.length % blockBytes)) % blockBytes);
    return Buffer.concat([header(file, content.length), content, padding]);
  });
  return Buffer.concat([...entries, Buffer.alloc(2 * blockBytes)]);
}

const typeFlags = { file: '0', link: '2', folder: '5' } as const;

/**
 * One header block: fixed fields, numbers as octal text; the checksum counts its own field as
 * blanks.
 */
function header(file: ImageFile, sizeBytes: number): Buffer {
  if (Buffer.byteLength(file.path) > pathBytesMax) {
    throw new RangeError(`A path in an archive may have ${pathBytesMax} bytes: ${file.path}`);
  }
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), offset, 'ascii');
  };
  block.write(file.path, 0, 'utf8');
  octal(file.kind === 'link' ? 0o777 : file.mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(sizeBytes, 124, 11);
  octal(0, 136, 11);
  block.fill(' ', 148, 156);
  block.write(typeFlags[file.kind], 156, 'ascii');
  block.write(file.kind === 'link' ? file.target : '', 157, 'utf8');
  block.write('ustar\u000000', 257, 'ascii');
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block.write('\u0000', 154, 'ascii');
  return block;
}
