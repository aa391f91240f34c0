-- What became of each command that was sent with an Idempotency-Key: enough to give its first answer again. A row is
-- written by the statement that writes the command's state and events, and removed some time after.
-- Programs that know only 0001 go on without this table; commands that they run leave no row in it.
create table cqrs.idempotency (
  aggregatetype text not null,
  key text not null,
  fingerprint text not null,
  aggregateid text not null,
  version bigint not null,
  change text not null,
  created_at timestamptz not null default now(),
  constraint idempotency_key_once primary key (aggregatetype, key)
);

create index idempotency_created_at on cqrs.idempotency (created_at);
