-- Up Migration

-- What a relay has to look at next is one column and one partial index. '-infinity': never offered, so before all others.
alter table mails
  add column next_offer_at timestamptz not null default '-infinity',
  -- When its first try failed; giving up counts from here, or from when delivery became possible again. An operator's retry empties it.
  add column failing_since timestamptz,
  -- The notice to the owner of an address has no code: its idempotency key, and a digest of the bytes that go under it.
  add column notice_key uuid,
  add column notice_digest bytea,
  drop column job_attempt,
  drop column started_at;

-- A digest of the bytes that go, or may have gone, under this code's key. Empty: the key is spoilt, and fits no bytes.
alter table codes add column mail_digest bytea;

-- Room on each page for a row's next versions.
alter table mails set (fillfactor = 70);
alter table codes set (fillfactor = 80);

-- One row for each kind of outbox: since when its rows can be delivered, as told by the relays that are at work.
create table outboxes (
  kind text primary key,
  beat_at timestamptz not null default now(),
  possible_since timestamptz not null default now(),
  -- Priorities count from here, and it moves on while little waits, so that they never come to their end.
  priority_from timestamptz not null default now() - interval '1 hour'
);
