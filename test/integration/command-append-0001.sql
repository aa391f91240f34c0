-- What version 0.1.0 of the command service, which knows only migration 0001, writes with.
with given as materialized (
  select
    aggregatetype, aggregateid, expected, state::jsonb as state, eventid, eventtype,
    data::jsonb as data, traceparent
  from unnest(
    string_to_array($1, chr(10), ''),
    string_to_array($2, chr(10), ''),
    string_to_array($3, chr(10), '')::bigint[],
    string_to_array($4, chr(10), ''),
    string_to_array($5, chr(10), '')::uuid[],
    string_to_array($6, chr(10), ''),
    string_to_array($7, chr(10), ''),
    string_to_array($8, chr(10), '')
  ) as given (
    aggregatetype, aggregateid, expected, state, eventid, eventtype, data, traceparent
  )
), held as (
  select given.aggregatetype, given.aggregateid
  from given, lateral (
    select from cqrs.aggregate
    where aggregatetype = given.aggregatetype and aggregateid = given.aggregateid
      and version = given.expected
    for no key update skip locked
  ) as stored
  where given.expected > 0
), written as (
  insert into cqrs.aggregate as stored (aggregatetype, aggregateid, version, state, deleted)
  select aggregatetype, aggregateid, expected + 1, state, state is null
  from given
  where expected = 0 or (aggregatetype, aggregateid) in (select * from held)
  order by aggregatetype collate "C", aggregateid collate "C"
  on conflict (aggregatetype, aggregateid) do update
    set version = excluded.version, state = excluded.state, deleted = excluded.deleted
    where stored.version = excluded.version - 1
  returning aggregatetype, aggregateid, version
)
insert into cqrs.event (id, aggregatetype, aggregateid, type, payload, version, traceparent)
select
  eventid, aggregatetype, aggregateid, eventtype,
  jsonb_build_object('state', state, 'data', data), version, traceparent
from given join written using (aggregatetype, aggregateid)
returning id
