/** Schemathesis, which makes requests from an OpenAPI document and holds the answers against it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandSucceeds } from '../../cluster/tools/command.ts';
import { installPackages } from '../../cluster/tools/debian-packages.ts';
import { cacheFolder } from '../../cluster/tools/tools.ts';
import { runCommand } from '../../terminal/run-command.ts';
import { run, temporaryFolder } from '../process.ts';

const installMsMax = 300_000;
const runMsMax = 120_000;
const digestCharacters = 12;
const requirements = join(import.meta.dirname, 'requirements.txt');

/** How one API is tried. `settings` is what schemathesis.toml says. */
export type Trial = { readonly url: string; readonly settings: string; readonly seed: number };

/** Runs it against a service; gives what it printed, and throws with that when it found a fault. */
export async function trySchema({ url, settings, seed }: Trial): Promise<string> {
  const program = await schemathesis();
  const folder = await temporaryFolder('schemathesis');
  const file = join(folder, 'schemathesis.toml');
  await writeFile(file, settings);
  const args = ['--config-file', file, 'run', `${url}/openapi.json`, '--seed', String(seed)];
  const { code, stdout } = await runCommand(program, args, {
    cwd: folder,
    timeoutMs: runMsMax,
    killSignal: 'SIGKILL',
  });
  await rm(folder, { recursive: true, force: true });
  if (code !== 0) throw new Error(`Schemathesis (seed ${seed}) says:\n${stdout}`);
  return stdout;
}

/** Its program, from the cache or by pip into a folder that its pinned requirements name; installs Python on a Debian machine without. */
async function schemathesis(): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const folder = join(cacheFolder(), 'tools', `schemathesis-${digest.slice(0, digestCharacters)}`);
  const program = join(folder, 'bin', 'schemathesis');
  if (existsSync(join(folder, 'complete'))) return program;
  await installPython();
  await mkdir(join(cacheFolder(), 'tools'), { recursive: true });
  // A virtual environment knows its own path, so it is made in place and not renamed into it.
  await run(['flock', `${folder}.lock`, 'sh', '-c', script, 'sh', folder, requirements], {
    timeoutMs: installMsMax,
  });
  return program;
}

/** Debian's Python comes without what makes environments. */
async function installPython(): Promise<void> {
  const canMakeThem = await commandSucceeds('python3', ['-c', 'import ensurepip, venv']);
  if (!canMakeThem) await installPackages(['python3-venv']);
}

const script =
  'test -e "$1/complete" || { python3 -m venv --clear "$1" && "$1/bin/pip" install --quiet --requirement "$2" && touch "$1/complete"; }';
