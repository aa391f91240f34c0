-- A position in the WAL means something only on its timeline and with the publication that it was read through; and what
-- Kafka acknowledged tells a topic that lost it. Null: written by a relay that did not know of these.
alter table cqrs.relay_position
  add column timeline bigint,
  add column gated boolean,
  add column publication_entry oid,
  add column published jsonb not null default '{}';

-- Kafka takes no other times, and an event that cannot be published stops all that come after it.
alter table cqrs.event add constraint event_timestamp_fits_a_record
  check (timestamp >= '1970-01-01 00:00:00+00' and timestamp < '10000-01-01 00:00:00+00') not valid;
