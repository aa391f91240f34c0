/**
 * Builds the Go programs that the tests and the local cluster run (etcd, Kubernetes, containerd,
 * helm and so on), because a bare machine has none of them. Versions are pinned by the go.mod and
 * go.sum of each folder beside this file. What was built stays in a cache folder keyed by version,
 * so a machine builds each tool once.
 */
import { access, constants, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { families, linkerFlags, pinnedVersion, toolSource } from './catalogue.ts';
import type { ToolName } from './catalogue.ts';
import { runCommand, type CommandResult } from '../../terminal/run-command.ts';
import { ClusterError } from './cluster-error.ts';

export type { ToolName } from './catalogue.ts';

export interface ToolProgress {
  tool: ToolName;
  state: 'cached' | 'building' | 'built';
  /** How long the build took; 0 until it is built. */
  seconds: number;
}

const outputTailChars = 4000;
/** A slow machine that builds Kubernetes, or waits for another process that does. */
const buildTimeoutMs = 60 * 60_000;
/** What the shell says for a command that is not there. */
const notFoundCode = 127;

/** The folder of everything this project keeps on a machine: tools, cluster state, images. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'cqrs-operator');
}

/**
 * Gives the absolute path of each tool, building those that are not in the cache, one after the
 * other: the Go compiler uses every core by itself. Throws CLUSTER_GO_MISSING, CLUSTER_GO_TOO_OLD
 * or CLUSTER_TOOL_BUILD_FAILED.
 */
export async function ensureTools<Name extends ToolName>(
  names: readonly Name[],
  report: (line: ToolProgress) => void,
): Promise<Record<Name, string>> {
  const paths: [Name, string][] = [];
  for (const name of names) {
    paths.push([name, await ensureTool(name, report)]);
  }
  return Object.fromEntries(paths) as Record<Name, string>;
}

/** The version that the go.mod of a tool's family pins, with its leading `v`. */
export async function toolVersion(tool: ToolName): Promise<string> {
  const { family } = toolSource(tool);
  const goMod = await readFile(join(import.meta.dirname, family, 'go.mod'), 'utf8');
  const version = pinnedVersion(goMod, families[family].module);
  if (version === undefined) {
    throw new ClusterError('CLUSTER_TOOL_BUILD_FAILED', `${family}/go.mod pins no ${tool}.`);
  }
  return version;
}

async function ensureTool(tool: ToolName, report: (line: ToolProgress) => void): Promise<string> {
  const { family, packagePath } = toolSource(tool);
  const sourceFolder = join(import.meta.dirname, family);
  const version = await toolVersion(tool);
  const binFolder = join(cacheFolder(), 'tools', `${family}-${version}`, 'bin');
  const target = join(binFolder, tool);
  if (await isExecutable(target)) {
    report({ tool, state: 'cached', seconds: 0 });
    return target;
  }
  await requireGo(sourceFolder);
  report({ tool, state: 'building', seconds: 0 });
  const startedAtMs = performance.now();
  await mkdir(binFolder, { recursive: true });
  await build({ target, sourceFolder, packagePath, flags: linkerFlags(family, version) });
  report({ tool, state: 'built', seconds: (performance.now() - startedAtMs) / 1000 });
  return target;
}

interface Build {
  target: string;
  sourceFolder: string;
  packagePath: string;
  flags: string;
}

/**
 * `flock` lets one process build a tool while others wait for the result, and the kernel drops the
 * lock of one that dies. The finished program is renamed into place, so an interrupted build never
 * leaves half a tool.
 */
async function build({ target, sourceFolder, packagePath, flags }: Build): Promise<void> {
  const script =
    'test -x "$1" || { go build -mod=readonly -buildvcs=false -trimpath -ldflags "$2" -o "$1.partial" "$3" && mv "$1.partial" "$1"; }';
  const args = [`${target}.lock`, 'sh', '-c', script, 'sh', target, flags, packagePath];
  const { code, output } = await runForGo('flock', args, sourceFolder);
  if (code !== 0) {
    throw new ClusterError(
      'CLUSTER_TOOL_BUILD_FAILED',
      `${packagePath} (pinned in ${sourceFolder}) ended with ${code}:\n${output.slice(-outputTailChars)}`,
    );
  }
}

/**
 * Go itself knows whether it satisfies the `go` line of the go.mod it stands before, or can fetch a
 * release that does.
 */
async function requireGo(sourceFolder: string): Promise<void> {
  const { code, output } = await runForGo('go', ['version'], sourceFolder);
  if (code === 0) {
    return;
  }
  const advice =
    "Install Debian's package golang-go (from backports when the release is old) and set GOTOOLCHAIN=auto, " +
    'with which any Go from 1.21 on fetches the release it needs by itself.';
  if (code === notFoundCode) {
    throw new ClusterError('CLUSTER_GO_MISSING', advice);
  }
  throw new ClusterError('CLUSTER_GO_TOO_OLD', `${output.trim()}\n${advice}`);
}

async function runForGo(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<CommandResult> {
  const env = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
  return runCommand(command, args, { cwd, env, timeoutMs: buildTimeoutMs });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
