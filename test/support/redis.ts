import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { installPackages } from '../cluster/tools/debian-packages.ts';
import { freePort } from './loopback-port.ts';
import { eventually } from './eventually.ts';
import { startChild, temporaryFolder, type Child } from './process.ts';
import { mountSmallDisk, unmountBelow, type SmallDisk } from './small-disk.ts';

const readyMsMax = 60_000;
const answerMsMax = 1_000;

/** A real Redis on loopback with the embedded one's settings: append-only file, synced every second, no eviction. */
export type TestRedis = {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly password: string;
  /** The CQRS_REDIS_* variables of a program. */
  readonly env: Readonly<Record<string, string>>;
  /** A client for tests to look and to meddle; ended by `stop`. */
  readonly client: Redis;
  readonly kill: () => Promise<void>;
  /** Starts it again on the same port and data. */
  readonly start: () => Promise<void>;
  readonly restart: () => Promise<void>;
  /** Freezes the process, as a lost node does: connections stay open and nothing answers. */
  readonly pause: () => void;
  readonly resume: () => void;
  /** Keeps a copy of the data as it is now. */
  readonly copyData: () => Promise<void>;
  /** Kills Redis and starts it on the kept copy: what was written since is lost, as a crash loses what was not synced. */
  readonly rollBack: () => Promise<void>;
  readonly running: () => boolean;
  /** Whether it has read its data and serves it. */
  readonly answers: () => Promise<boolean>;
  /** Where its data lies, when that is a disk of its own. */
  readonly disk: SmallDisk | null;
  readonly stop: () => Promise<void>;
};

export async function startRedis({
  diskMiB,
}: { readonly diskMiB?: number } = {}): Promise<TestRedis> {
  const binary = await serverBinary();
  const folder = await temporaryFolder('redis');
  const disk = diskMiB === undefined ? null : mountSmallDisk(folder, diskMiB);
  const data = join(folder, 'appendonlydir');
  const copy = join(folder, 'copy');
  const program = join(folder, 'redis-server');
  await symlink(binary, program);
  const port = await freePort();
  const password = randomBytes(12).toString('hex');
  const settings = join(folder, 'redis.conf');
  await writeFile(settings, serverSettings(folder, port, password));

  const client = new Redis({ port, password, retryStrategy: () => 50, maxRetriesPerRequest: null });
  // A test that kills Redis expects its connection to fail.
  client.on('error', () => undefined);
  let server: Child;
  const start = async (): Promise<void> => {
    server = await startChild([program, settings], { cwd: folder });
    await eventually('Redis to answer', readyMsMax, async () => {
      if (!server.running()) throw new Error(`Redis ended:\n${server.output()}`);
      return answers(port, password);
    });
  };
  await start();
  const kill = (): Promise<void> => server.kill();
  return {
    host: '127.0.0.1',
    port,
    password,
    env: {
      CQRS_REDIS_HOST: '127.0.0.1',
      CQRS_REDIS_PORT: String(port),
      CQRS_REDIS_PASSWORD: password,
    },
    client,
    kill,
    start,
    restart: async () => {
      await kill();
      await start();
    },
    pause: () => server.signal('SIGSTOP'),
    resume: () => server.signal('SIGCONT'),
    copyData: async () => {
      await rm(copy, { recursive: true, force: true });
      await cp(data, copy, { recursive: true });
    },
    rollBack: async () => {
      await kill();
      await rm(data, { recursive: true, force: true });
      await cp(copy, data, { recursive: true });
      await start();
    },
    running: () => server.running(),
    answers: () => answers(port, password),
    disk,
    stop: async () => {
      client.disconnect();
      await server.kill();
      unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** True once Redis has read its data and serves it. */
async function answers(port: number, password: string): Promise<boolean> {
  const probe = new Redis({
    port,
    password,
    lazyConnect: true,
    connectTimeout: answerMsMax,
    commandTimeout: answerMsMax,
    retryStrategy: () => null,
  });
  probe.on('error', () => undefined);
  try {
    await probe.connect();
    return (await probe.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    probe.disconnect();
  }
}

/**
 * The path of a Redis server. On a Debian machine without one it installs redis-tools and not redis-server: that
 * package holds the same binary, which is the server under another name, and brings no system service.
 */
async function serverBinary(): Promise<string> {
  const candidates = [
    '/usr/local/bin/redis-server',
    '/usr/bin/redis-server',
    '/usr/bin/redis-check-rdb',
  ];
  const find = (): string | undefined => candidates.find((path) => existsSync(path));
  const found = find();
  if (found !== undefined) return found;
  await installPackages(['redis-tools']);
  const installed = find();
  if (installed === undefined) throw new Error('apt-get installed no Redis');
  return installed;
}

function serverSettings(folder: string, port: number, password: string): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${folder}`,
    `requirepass ${password}`,
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    'daemonize no',
    '',
  ].join('\n');
}
