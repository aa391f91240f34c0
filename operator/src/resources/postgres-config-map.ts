import { postgresNames } from '@cqrs/contract/postgres-names.ts';
import type { CommandService } from '../api/v1alpha1/service-kinds.ts';
import { quantityBytes } from './compute-resources.ts';
import type { ConfigMap } from './config-map.ts';
import { ownedMeta } from './owner.ts';

const mebibyte = 2 ** 20;

// Above this, checkpoints are rare enough for any load that one embedded Postgres takes.
const walMebibytesMax = 1024;
const walMebibytesMin = 64;

/** Files of the write database: its configuration, who may connect, and what the first start does. */
export function postgresConfigMap(service: CommandService): ConfigMap {
  const { storage } = service.spec.command.postgres;
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: ownedMeta(service, 'postgres'),
    data: {
      'postgresql.conf': postgresqlConf((quantityBytes(storage) ?? 0) / mebibyte),
      'pg_hba.conf': pgHbaConf,
      'prepare.sh': prepareScript,
    },
  };
}

/**
 * WAL that checkpoints keep gets a quarter of the volume, WAL that the relay has not confirmed half of it.
 * Past that the slot is given up (SlotLost) rather than the disk filled, which Postgres would not survive.
 */
function postgresqlConf(volumeMebibytes: number): string {
  const walMebibytes = Math.floor(volumeMebibytes / 4);
  const maxWal = Math.min(walMebibytesMax, Math.max(walMebibytesMin, walMebibytes));
  return `${[
    "listen_addresses = '*'",
    "unix_socket_directories = '/var/run/postgresql'",
    'wal_level = logical',
    'max_wal_senders = 10',
    // A relay says where it is every 5 s; one that is silent for longer must not keep the slot from its standby.
    'wal_sender_timeout = 15s',
    'max_replication_slots = 10',
    'max_connections = 500',
    'shared_buffers = 64MB',
    `min_wal_size = ${Math.max(32, Math.floor(maxWal / 4))}MB`,
    `max_wal_size = ${maxWal}MB`,
    `max_slot_wal_keep_size = ${Math.max(walMebibytesMin, walMebibytes * 2)}MB`,
    "timezone = 'UTC'",
    "log_timezone = 'UTC'",
    'password_encryption = scram-sha-256',
  ].join('\n')}\n`;
}

const pgHbaConf = `local all all peer
host all all all scram-sha-256
host replication all all scram-sha-256
`;

/**
 * Runs before each start of Postgres. The cluster is made beside its place and moved there whole, so a first
 * start that was killed begins again; then the passwords are set to what the Secret says, so that a changed
 * Secret takes effect with a restart. Single-user mode needs no password, no port and no second process.
 */
const prepareScript = `bin=/usr/lib/postgresql/17/bin
quoted() { printf %s "$1" | sed "s/'/''/g"; }
# Statements end with a semicolon and an empty line. Its prompts go nowhere; errors end it and are shown.
single() {
  "$bin/postgres" --single -D "$1" -c config_file=/etc/postgresql/postgresql.conf \\
    -c exit_on_error=on -c log_checkpoints=off -c log_min_error_statement=panic \\
    -j postgres > /dev/null
}

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "Creating the database cluster"
  rm -rf "$PGDATA.new"
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  "$bin/initdb" --pgdata="$PGDATA.new" --username=postgres --pwfile=/tmp/password \\
    --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 \\
    --locale-provider=builtin --locale=C.UTF-8 --data-checksums
  rm /tmp/password
  single "$PGDATA.new" <<'SQL'
create role ${postgresNames.commandRole} login;

create role ${postgresNames.relayRole} login replication;

create database ${postgresNames.database} owner ${postgresNames.commandRole};

revoke all on database ${postgresNames.database} from public;

grant connect on database ${postgresNames.database} to ${postgresNames.relayRole};

SQL
  mv "$PGDATA.new" "$PGDATA"
fi

# A volume that was given a group loosens the mode of its folders, which Postgres refuses.
chmod 0700 "$PGDATA"
single "$PGDATA" <<SQL
alter role postgres password '$(quoted "$POSTGRES_PASSWORD")';

alter role ${postgresNames.commandRole} password '$(quoted "$COMMAND_PASSWORD")';

alter role ${postgresNames.relayRole} password '$(quoted "$RELAY_PASSWORD")';

SQL
`;
