import { randomBytes } from 'node:crypto';
import { appendFile, cp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import type postgres from 'postgres';
import { ensurePackages } from '../cluster/tools/debian-packages.ts';
import { artifactFolder } from '../cluster/tools/maven.ts';
import { freePort } from './loopback-port.ts';
import { connectAsSuperuser, createRolesAndDatabase, ensureServerUser } from './postgres.ts';
import { eventually } from './eventually.ts';
import { run, startChild, temporaryFolder, type Child } from './process.ts';
import { startTcpProxy } from './tcp-proxy.ts';

/**
 * Debian 12 has PostgreSQL 15, and slots that survive a failover came with 17. These are the server's binaries as Maven
 * Central carries them for embedding, made to run on any glibc; the local cluster's Postgres is Debian's own 17.
 */
const version = '17.5.0';
const platform = process.arch === 'arm64' ? 'linux-arm64v8' : 'linux-amd64';
const artifact = `io.zonky.test.postgres:embedded-postgres-binaries-${platform}:${version}`;
const initMsMax = 60_000;
const readyMsMax = 60_000;

/** A primary and a physical standby that keeps a copy of its failover slots, behind one address. */
export type PostgresPair = {
  /** The CQRS_POSTGRES_* variables of a program: always those of the primary of the moment. */
  readonly env: (role: 'command' | 'relay') => Record<string, string>;
  readonly primary: postgres.Sql;
  readonly standby: postgres.Sql;
  /** Kills the primary, promotes the standby, and lets the address lead to it. */
  readonly failOver: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function startPostgresPair(): Promise<PostgresPair> {
  const passwords = { postgres: secret(), command: secret(), relay: secret() };
  const installed = await installPrimary(passwords.postgres);
  const [primaryPort, standbyPort] = [await freePort(), await freePort()];
  const start = async (data: string, port: number, settings: Record<string, string> = {}) =>
    startServer(installed, data, { ...settings, port: String(port) }, passwords.postgres);

  const first = await start(primaryFolder, primaryPort);
  await createRolesAndDatabase(primaryPort, passwords);
  const primary = connectAsSuperuser(where(primaryPort), passwords.postgres);
  await primary`select pg_create_physical_replication_slot('standby', true)`;
  await first.stop('SIGINT');
  await copyPrimary(installed);
  const servers = {
    primary: await start(primaryFolder, primaryPort, { synchronized_standby_slots: 'standby' }),
    standby: await start(standbyFolder, standbyPort, {
      primary_conninfo: `host=127.0.0.1 port=${primaryPort} user=postgres password=${passwords.postgres} dbname=${postgresNames.database} application_name=standby`,
      primary_slot_name: 'standby',
      sync_replication_slots: 'on',
      hot_standby_feedback: 'on',
    }),
  };
  // Only now: a commit waits for the standby, so that what a client was told is on both.
  await primary`alter system set synchronous_standby_names = 'standby'`;
  await primary`select pg_reload_conf()`;
  const standby = connectAsSuperuser(where(standbyPort), passwords.postgres);
  const target = { port: primaryPort };
  const proxy = await startTcpProxy(target);
  return {
    env: (role) => ({
      CQRS_POSTGRES_HOST: '127.0.0.1',
      CQRS_POSTGRES_PORT: String(proxy.port),
      CQRS_POSTGRES_DATABASE: postgresNames.database,
      CQRS_POSTGRES_USER: role === 'command' ? postgresNames.commandRole : postgresNames.relayRole,
      CQRS_POSTGRES_PASSWORD: passwords[role],
    }),
    primary,
    standby,
    failOver: async () => {
      await servers.primary.kill();
      await standby`select pg_promote(true, ${readyMsMax / 1000})`;
      target.port = standbyPort;
      proxy.cut();
    },
    stop: async () => {
      await Promise.all([primary.end({ timeout: 0 }), standby.end({ timeout: 0 })]);
      await Promise.all([servers.primary.stop('SIGINT'), servers.standby.stop('SIGINT')]);
      await proxy.stop();
      await rm(installed.folder, { recursive: true, force: true });
    },
  };
}

const primaryFolder = 'primary';
const standbyFolder = 'standby';

/** Binaries and data in one folder, which all belong to the server's user. */
type Installed = { readonly folder: string; readonly user: string };

async function installPrimary(password: string): Promise<Installed> {
  const installed = {
    folder: await temporaryFolder('postgres-pair'),
    user: await ensureServerUser(),
  };
  const { folder, user } = installed;
  const archive = await binariesArchive();
  await run(['tar', '--extract', '--xz', `--file=${archive}`, `--directory=${folder}`], {
    timeoutMs: initMsMax,
  });
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  await own(installed);
  const data = join(folder, primaryFolder);
  const asUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const initdb = [join(folder, 'bin/initdb'), '--pgdata', data, '--pwfile', passwordFile];
  const access = ['--username=postgres', '--auth=scram-sha-256', '--locale=C', '--encoding=UTF8'];
  await run([...asUser, ...initdb, ...access], { timeoutMs: initMsMax });
  await appendFile(join(data, 'postgresql.conf'), commonSettings);
  return installed;
}

async function own({ folder, user }: Installed): Promise<void> {
  await run(['chown', '--recursive', user, folder], { timeoutMs: initMsMax });
}

/** The files of a primary that was shut down are a standby's. */
async function copyPrimary(installed: Installed): Promise<void> {
  const standby = join(installed.folder, standbyFolder);
  await cp(join(installed.folder, primaryFolder), standby, { recursive: true });
  await rm(join(standby, 'pg_replslot/standby'), { recursive: true });
  await writeFile(join(standby, 'standby.signal'), '');
  await own(installed);
}

async function startServer(
  { folder, user }: Installed,
  data: string,
  settings: Readonly<Record<string, string>>,
  password: string,
): Promise<Child> {
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = await startChild(
    [join(folder, 'bin/postgres'), '-D', join(folder, data), ...options],
    { cwd: folder, user },
  );
  const port = Number(settings['port']);
  await eventually(`Postgres on port ${port}`, readyMsMax, async () => {
    if (!server.running()) throw new Error(`Postgres ended:\n${server.output()}`);
    return answers(port, password);
  });
  return server;
}

const commonSettings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = logical
shared_buffers = 32MB
timezone = 'UTC'
`;

function where(port: number) {
  return { host: '127.0.0.1', port, database: postgresNames.database };
}

function secret(): string {
  return randomBytes(12).toString('hex');
}

async function answers(port: number, password: string): Promise<boolean> {
  const sql = connectAsSuperuser({ host: '127.0.0.1', port, database: 'postgres' }, password);
  const answered = await sql`select 1`.then(
    () => true,
    () => false,
  );
  await sql.end({ timeout: 0 });
  return answered;
}

/** The archive with the binaries. */
async function binariesArchive(): Promise<string> {
  const folder = await artifactFolder('postgres-binaries', artifact, async (jarFolder) => {
    await ensurePackages({ unzip: 'unzip' });
    const [jar = ''] = await readdir(jarFolder);
    await run(['unzip', '-q', join(jarFolder, jar), '-d', jarFolder], { timeoutMs: initMsMax });
  });
  const archive = (await readdir(folder)).find((name) => name.endsWith('.txz'));
  if (archive === undefined) throw new Error(`${artifact} holds no archive with binaries`);
  return join(folder, archive);
}
