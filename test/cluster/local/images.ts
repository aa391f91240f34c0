/**
 * The images that the cluster itself needs: one that only waits, under which each pod's namespaces
 * live, and a small shell.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasImage, importImage, sandboxImage } from './containerd.ts';
import { stateFolders } from './layout.ts';
import { ensureBusybox } from './machine.ts';
import { writeOciArchive } from './oci-archive.ts';
import type { ImageFile } from './oci-archive.ts';

export const busyboxImage = 'cqrs.local/busybox:1';

const applets = ['cat', 'id', 'ls', 'nc', 'nslookup', 'sh', 'sleep', 'stat', 'tail', 'wget'];
applets.push('env', 'hostname', 'httpd', 'mkdir', 'rm', 'test', 'touch');
const nobody = '65534:65534';

/** Imports the images that the runtime does not have yet; `ctr` talks to a running containerd. */
export async function ensureImages(ctr: string): Promise<void> {
  const waits = ['/bin/tail', '-f', '/dev/null'];
  for (const [name, entrypoint] of [
    [sandboxImage, waits],
    [busyboxImage, ['/bin/sh']],
  ] as const) {
    if (await hasImage(ctr, name)) {
      continue;
    }
    const { images } = stateFolders();
    await mkdir(images, { recursive: true });
    const archive = join(images, `${name.replaceAll(/[/:]/g, '-')}.tar`);
    const files = busyboxFiles(await readFile(await ensureBusybox()));
    await writeOciArchive(archive, { name, files, entrypoint, user: nobody });
    await importImage(ctr, archive);
  }
}

function busyboxFiles(busybox: Buffer): ImageFile[] {
  const folders = ['bin', 'etc', 'dev', 'proc', 'sys', 'var'].map((path): ImageFile => ({
    path,
    kind: 'folder',
    mode: 0o755,
  }));
  const users = 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n';
  return [
    ...folders,
    { path: 'tmp', kind: 'folder', mode: 0o1777 },
    { path: 'etc/passwd', kind: 'file', mode: 0o644, content: Buffer.from(users) },
    { path: 'bin/busybox', kind: 'file', mode: 0o755, content: busybox },
    ...applets.map((name): ImageFile => ({ path: `bin/${name}`, kind: 'link', target: 'busybox' })),
  ];
}
