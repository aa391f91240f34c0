import { describe, expect, test } from 'vitest';
import { ordersSpec, wholeService } from '../api/v1alpha1/example-services.ts';
import { postgresConfigMap } from './postgres-config-map.ts';

const files = (storage: string) =>
  postgresConfigMap(wholeService('orders', { ...ordersSpec, command: { postgres: { storage } } }))
    .data;

test('postgresql.conf', () => {
  expect(files('1Gi')['postgresql.conf']).toMatchInlineSnapshot(`
    "listen_addresses = '*'
    unix_socket_directories = '/var/run/postgresql'
    wal_level = logical
    max_wal_senders = 10
    wal_sender_timeout = 15s
    max_replication_slots = 10
    max_connections = 500
    shared_buffers = 64MB
    min_wal_size = 64MB
    max_wal_size = 256MB
    max_slot_wal_keep_size = 512MB
    timezone = 'UTC'
    log_timezone = 'UTC'
    password_encryption = scram-sha-256
    "
  `);
});

test('prepare.sh', () => {
  expect(files('1Gi')['prepare.sh']).toMatchInlineSnapshot(`
    "bin=/usr/lib/postgresql/17/bin
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
    create role cqrs_command login;

    create role cqrs_relay login replication;

    create database cqrs owner cqrs_command;

    revoke all on database cqrs from public;

    grant connect on database cqrs to cqrs_relay;

    SQL
      mv "$PGDATA.new" "$PGDATA"
    fi

    # A volume that was given a group loosens the mode of its folders, which Postgres refuses.
    chmod 0700 "$PGDATA"
    single "$PGDATA" <<SQL
    alter role postgres password '$(quoted "$POSTGRES_PASSWORD")';

    alter role cqrs_command password '$(quoted "$COMMAND_PASSWORD")';

    alter role cqrs_relay password '$(quoted "$RELAY_PASSWORD")';

    SQL
    "
  `);
});

describe('WAL never takes more than its share of the volume', () => {
  test.each([
    { storage: '256Mi', checkpoints: '64MB', slots: '128MB' },
    { storage: '1Gi', checkpoints: '256MB', slots: '512MB' },
    { storage: '10Gi', checkpoints: '1024MB', slots: '5120MB' },
    { storage: '1Ti', checkpoints: '1024MB', slots: '524288MB' },
  ])('$storage: $checkpoints and $slots', ({ storage, checkpoints, slots }) => {
    const conf = files(storage)['postgresql.conf'] ?? '';
    expect(/^max_wal_size = (.+)$/m.exec(conf)?.[1]).toBe(checkpoints);
    expect(/^max_slot_wal_keep_size = (.+)$/m.exec(conf)?.[1]).toBe(slots);
  });
});
