-- The current state of every aggregate. A deleted one keeps its row, so that its id goes on counting versions.
create table cqrs.aggregate (
  aggregatetype text not null,
  aggregateid text not null,
  version bigint not null check (version > 0),
  state jsonb,
  deleted boolean not null default false,
  primary key (aggregatetype, aggregateid),
  constraint aggregate_state_unless_deleted check (deleted = (state is null))
);

-- The outbox, append-only: what the relay carries to Kafka. The columns' names are those of Debezium's outbox router.
-- The size is checked here because only Postgres knows how long the text of a jsonb is.
create table cqrs.event (
  id uuid primary key,
  aggregatetype text not null,
  aggregateid text not null,
  type text not null,
  payload jsonb not null,
  version bigint not null check (version > 0),
  traceparent text,
  timestamp timestamptz not null default now(),
  unique (aggregatetype, aggregateid, version),
  constraint event_payload_fits_a_record check (octet_length(payload::text) <= 4194304)
);

-- What Kafka has acknowledged, by the relay's own account: a slot that lies ahead of it has lost events.
create table cqrs.relay_position (
  slot text primary key,
  system_identifier text not null,
  lsn pg_lsn not null,
  updated_at timestamptz not null default now()
);

create publication cqrs for table cqrs.event with (publish = 'insert');
