-- Up Migration

-- The W3C trace context of the request that enqueued the mail; null when nothing is traced.
alter table mails add column trace_context text check (length(trace_context) <= 1024);

-- How many people typed the right code lately is asked for whenever many typed a wrong one.
create index users_activated on users (activated_at) where activated_at is not null;

-- Whoever asks after a mail names its request or its reference.
create index mails_request on mails (request_id);
create index users_ref on users (ref);

-- Idempotency keys are freed after a day.
create index users_keyed on users (created_at) where idempotency_key is not null;
