/**
 * Lets `npm ci` inside a build use what npm on this machine uses: its registry, its credentials, its certificates. They
 * reach the build as secrets, so no layer keeps them and no file of this project names a host.
 */
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../tools/command.ts';

const systemBundlePath = '/etc/ssl/certs/ca-certificates.crt';
const bundlePathInBuild = '/run/secrets/ca';

/** Runs `build` with the flags `--secret …` that both docker and buildah take; the files behind them live that long only. */
export async function withNpmSecrets<T>(build: (flags: string[]) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'cqrs-npm-'));
  try {
    const bundle = await certificateBundlePath();
    const npmrcPath = join(folder, 'npmrc');
    await writeFile(npmrcPath, await npmSettings(bundle !== undefined), { mode: 0o600 });
    const flags = ['--secret', `id=npmrc,src=${npmrcPath}`];
    return await build(
      bundle === undefined ? flags : [...flags, '--secret', `id=ca,src=${bundle}`],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The certificates that programs of this machine trust, where it keeps them apart from the program. */
export async function certificateBundlePath(): Promise<string | undefined> {
  const candidates = [
    process.env['NODE_EXTRA_CA_CERTS'],
    process.env['SSL_CERT_FILE'],
    systemBundlePath,
  ];
  for (const path of candidates) {
    if (path !== undefined && (await isReadable(path))) {
      return path;
    }
  }
  return undefined;
}

/** Later lines win in an npmrc: the user's over the machine's, and over both what npm says is in force right now. */
async function npmSettings(hasBundle: boolean): Promise<string> {
  const files = [await npmConfig('globalconfig'), await npmConfig('userconfig')];
  const contents = await Promise.all(
    files.map(async (path) => readFile(path, 'utf8').catch(() => '')),
  );
  const registry = `registry=${await npmConfig('registry')}`;
  const certificates = hasBundle ? [`cafile=${bundlePathInBuild}`] : [];
  return [...contents, registry, ...certificates, ''].join('\n');
}

async function npmConfig(name: string): Promise<string> {
  return (await run('npm', ['config', 'get', name])).trim();
}

async function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
