import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import postgres from 'postgres';
import { installPackages } from '../cluster/tools/debian-packages.ts';
import { freePort } from './loopback-port.ts';
import { eventually } from './eventually.ts';
import { run, startChild, temporaryFolder, type Child } from './process.ts';
import { mountSmallDisk, unmountBelow, type SmallDisk } from './small-disk.ts';

const initMsMax = 60_000;
const readyMsMax = 60_000;
const reconnectDelayMs = 50;
const binariesFolder = '/usr/lib/postgresql';
/** Postgres refuses to run as root; the Debian package brings this user. */
const serverUser = 'postgres';

type Role = 'postgres' | 'command' | 'relay';

/** A real Postgres with durable writes on loopback, with the roles and the database that the operator's embedded one has. */
export type TestPostgres = {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly database: string;
  readonly passwords: Readonly<Record<Role, string>>;
  /** The CQRS_POSTGRES_* variables of a program. */
  readonly env: (role: 'command' | 'relay') => Record<string, string>;
  /** A client as the superuser, for tests to look and to meddle; ended by `stop`. */
  readonly sql: postgres.Sql;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly restart: () => Promise<void>;
  /** Freezes the server's postmaster and sessions, as a lost node does: connections stay open and nothing answers. */
  readonly pause: () => Promise<void>;
  readonly resume: () => Promise<void>;
  /** An orderly shutdown, bounded, keeping the data: `start` goes on from it. */
  readonly shutDown: () => Promise<void>;
  readonly running: () => boolean;
  readonly answers: () => Promise<boolean>;
  /** Where its data lies, when that is a disk of its own. */
  readonly disk: SmallDisk | null;
  readonly stop: () => Promise<void>;
};

export async function startPostgres({
  diskMiB,
}: { readonly diskMiB?: number } = {}): Promise<TestPostgres> {
  const bin = await serverBinaries();
  const folder = await temporaryFolder('postgres');
  const user = process.getuid?.() === 0 ? serverUser : undefined;
  const port = await freePort();
  const passwords = { postgres: secret(), command: secret(), relay: secret() };
  const dataFolder = join(folder, 'data');
  await mkdir(dataFolder);
  const disk = diskMiB === undefined ? null : mountSmallDisk(dataFolder, diskMiB);
  const walMiBMax = diskMiB === undefined ? 1_024 : Math.floor(diskMiB / 4);
  const settings = { bin, folder, dataFolder, port, user, walMiBMax };
  await initialise({ ...settings, password: passwords.postgres });
  const command = [join(bin, 'postgres'), '-D', dataFolder];
  const where = { host: '127.0.0.1' as const, port, database: postgresNames.database };

  let server: Child;
  const answers = async (): Promise<boolean> => isReady(bin, where);
  const start = async (): Promise<void> => {
    server = await startChild(command, { cwd: folder, ...(user === undefined ? {} : { user }) });
    await eventually('Postgres to answer', readyMsMax, async () => {
      if (!server.running()) throw new Error(`Postgres ended:\n${server.output()}`);
      return answers();
    });
  };
  await start();
  await createRolesAndDatabase(port, passwords);
  const sql = connectAsSuperuser(where, passwords.postgres);
  const kill = async (): Promise<void> => {
    await server.kill();
    await eventually('the sessions of a killed Postgres to end', readyMsMax, async () => {
      return (await sessionPids(dataFolder)).length === 0;
    });
  };
  const signalAll = (signal: NodeJS.Signals) => signalServer(server, dataFolder, signal);
  return {
    ...where,
    passwords,
    env: (role) => ({
      CQRS_POSTGRES_HOST: where.host,
      CQRS_POSTGRES_PORT: String(port),
      CQRS_POSTGRES_DATABASE: where.database,
      CQRS_POSTGRES_USER: role === 'command' ? postgresNames.commandRole : postgresNames.relayRole,
      CQRS_POSTGRES_PASSWORD: passwords[role],
    }),
    sql,
    kill,
    start,
    restart: async () => {
      await kill();
      await start();
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    shutDown: async () => void (await server.stop('SIGINT')),
    running: () => server.running(),
    answers,
    disk,
    stop: async () => {
      await sql.end({ timeout: 1 });
      await signalAll('SIGCONT');
      await server.stop('SIGINT');
      await removeSharedMemory(dataFolder);
      unmountBelow(folder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isReady(
  bin: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<boolean> {
  const probe = [join(bin, 'pg_isready'), '-h', host, '-p', String(port), '-q'];
  return run(probe, { timeoutMs: readyMsMax }).then(
    () => true,
    () => false,
  );
}

function secret(): string {
  return randomBytes(12).toString('hex');
}

/** The user that a server has to run as when we are root, installed with the Debian package; else who we are. */
export async function ensureServerUser(): Promise<string> {
  await serverBinaries();
  return process.getuid?.() === 0 ? serverUser : userInfo().username;
}

/** Finds the newest installed server; on a Debian machine without one it installs the package, without its own cluster. */
async function serverBinaries(): Promise<string> {
  const found = await newestBinaries();
  if (found !== undefined) return found;
  await mkdir('/etc/postgresql-common', { recursive: true });
  const clusterSettings = '/etc/postgresql-common/createcluster.conf';
  if (!existsSync(clusterSettings)) {
    await writeFile(clusterSettings, 'create_main_cluster = false\n');
  }
  await installPackages(['postgresql']);
  const installed = await newestBinaries();
  if (installed === undefined) throw new Error('apt-get installed no Postgres server');
  return installed;
}

async function newestBinaries(): Promise<string | undefined> {
  const versions = existsSync(binariesFolder) ? await readdir(binariesFolder) : [];
  return versions
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(binariesFolder, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'postgres')));
}

async function initialise(options: {
  readonly bin: string;
  readonly folder: string;
  readonly dataFolder: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string;
  readonly walMiBMax: number;
}): Promise<void> {
  const { bin, folder, dataFolder, port, user, password, walMiBMax } = options;
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  if (user !== undefined) {
    await run(['chown', '--recursive', user, folder], { timeoutMs: initMsMax });
  }
  const initdb = [
    join(bin, 'initdb'),
    `--pgdata=${dataFolder}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  ];
  const asUser =
    user === undefined ? [] : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  await run([...asUser, ...initdb], { timeoutMs: initMsMax });
  await rm(passwordFile);
  await writeFile(
    join(dataFolder, 'postgresql.auto.conf'),
    [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      "unix_socket_directories = ''",
      'wal_level = logical',
      'max_wal_senders = 10',
      'max_replication_slots = 10',
      'max_connections = 100',
      'shared_buffers = 64MB',
      `max_wal_size = ${walMiBMax}MB`,
      "timezone = 'UTC'",
      '',
    ].join('\n'),
  );
}

export function connectAsSuperuser(
  where: { readonly host: string; readonly port: number; readonly database: string },
  password: string,
): postgres.Sql {
  return postgres({
    ...where,
    user: 'postgres',
    password,
    max: 2,
    backoff: () => reconnectDelayMs / 1000,
    onnotice: () => undefined,
  });
}

export async function createRolesAndDatabase(
  port: number,
  passwords: Readonly<Record<Role, string>>,
): Promise<void> {
  const admin = connectAsSuperuser(
    { host: '127.0.0.1', port, database: 'postgres' },
    passwords.postgres,
  );
  const { commandRole, relayRole, database } = postgresNames;
  for (const statement of [
    `create role ${commandRole} login password '${passwords.command}'`,
    `create role ${relayRole} login replication password '${passwords.relay}'`,
    `create database ${database} owner ${commandRole}`,
    `revoke all on database ${database} from public`,
    `grant connect on database ${database} to ${relayRole}`,
  ]) {
    await admin.unsafe(statement);
  }
  await admin.end();
}

/** The postmaster and its children: every process whose working folder is the data folder. */
async function sessionPids(dataFolder: string): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const ours: number[] = [];
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (!stat.includes('(postgres)')) continue;
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (cwd === dataFolder) ours.push(Number(pid));
  }
  return ours;
}

/** The postmaster first, so that it starts no session meanwhile; a session may end before it is its turn. */
async function signalServer(postmaster: Child, dataFolder: string, signal: NodeJS.Signals) {
  postmaster.signal(signal);
  for (const pid of await sessionPids(dataFolder)) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** A killed Postgres leaves its small System V segment behind; the seventh line of its lock file names it. */
async function removeSharedMemory(dataFolder: string): Promise<void> {
  const lockFile = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '');
  const segment = lockFile.split('\n')[6]?.trim().split(/\s+/)[1];
  if (segment === undefined) return;
  await run(['ipcrm', '--shmem-id', segment], { timeoutMs: initMsMax }).catch(() => undefined);
}
