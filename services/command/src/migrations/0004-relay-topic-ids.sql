-- What Kafka acknowledged is of a topic and not of its name. By topic, Kafka's own id of it; a topic that is not here was
-- published to by a relay that did not know of these.
alter table cqrs.relay_position add column topic_ids jsonb not null default '{}';
