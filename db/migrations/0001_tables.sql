-- Up Migration

-- What one value may be is checked by its type, when it is written. A check of the table is parsed and run by every statement that
-- writes a row of it, whichever columns it sets, so only what binds two columns is one.
create domain email_address as text check (value = lower(value) and length(value) <= 254);
create domain locale as text check (length(value) <= 255);
create domain user_metadata as json check (json_typeof(value) = 'object');
create domain code_digits as smallint check (value in (4, 8));
create domain code_attempts as integer check (value >= 0);
create domain mail_outcome as text check (value in ('accepted', 'refused', 'given-up', 'dropped'));
create domain bounce as text check (value in ('hard-bounce', 'dropped', 'suppressed', 'complaint'));
create domain event_type as text check (value in ('user.activated', 'user.deleted', 'user.password-changed', 'mail.undeliverable'));
create domain event_outcome as text check (value in ('accepted', 'given-up'));
-- The W3C trace context of the request that enqueued a row; null when nothing is traced.
create domain trace_context as text check (length(value) <= 1024);

-- A registration. Many pending ones may share an address; each stands alone, with its own password and code.
create table users (
  id uuid primary key,
  email email_address not null,
  password_hash text not null,
  ref text not null,
  idempotency_key bytea,
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  -- The owner of an account is told at most once a day that somebody registers the address again.
  noticed_at timestamptz,
  notice_mail_id uuid,
  -- The language of the person's mails.
  locale locale not null default 'en',
  -- The caller's own; json and not jsonb, which keeps the text of numbers as it is.
  metadata user_metadata not null default '{}',
  -- Tells whether a repetition under the idempotency key brings the same body; says nothing of the password.
  idempotency_digest bytea
);

-- An address becomes an account once.
create unique index users_one_active_per_email on users (email) where activated_at is not null;
create unique index users_idempotency_key on users (idempotency_key) where idempotency_key is not null;
-- Idempotency keys are freed after a day.
create index users_keyed on users (created_at) where idempotency_key is not null;
create index users_pending on users (created_at) where activated_at is null;
-- How many people typed the right code lately is asked for whenever many typed a wrong one.
create index users_activated on users (activated_at) where activated_at is not null;
create index users_ref on users (ref);

-- The digits themselves are not stored: they are HMAC-SHA-256(key, id), reduced.
create table codes (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  digits code_digits not null,
  key_id text not null,
  attempts code_attempts not null default 0,
  created_at timestamptz not null default now(),
  -- The first moment at which somebody may have had the code.
  opened_at timestamptz,
  expires_at timestamptz,
  -- When the provider took the mail.
  sent_at timestamptz,
  superseded_at timestamptz,
  -- Of all that decides which bytes go, or may have gone, under this code's key. Empty: the key is unusable, and fits no bytes.
  mail_digest bytea,
  -- Under which wrong guesses at its mailbox are counted, as long as key_id is of the newest secret.
  mailbox_keys bytea[] not null,
  check ((opened_at is null) = (expires_at is null)),
  check (sent_at is null or opened_at is not null)
) with (fillfactor = 80); -- Room on each page for a row's next versions.

create unique index codes_one_current_per_user on codes (user_id) where superseded_at is null;
create index codes_user on codes (user_id);

-- The outbox: a row is a mail that has to leave, and is the enqueueing itself.
create table mails (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  code_id uuid not null references codes on delete cascade,
  request_id text not null,
  created_at timestamptz not null default now(),
  offered_at timestamptz,
  offers integer not null default 0,
  attempts integer not null default 0,
  -- The provider's Retry-After: no call before it.
  retry_at timestamptz,
  lease_token uuid,
  lease_until timestamptz,
  last_error text,
  provider_id text,
  settled_at timestamptz,
  outcome mail_outcome,
  trace_context trace_context,
  -- What a relay has to look at next is this column and its partial index. '-infinity': never offered, so before all others.
  next_offer_at timestamptz not null default '-infinity',
  -- When its first try failed; giving up counts from here, or from when delivery became possible again. An operator's retry empties it.
  failing_since timestamptz,
  -- The notice to the owner of an address has no code: its idempotency key, and a digest of the bytes that go under it.
  notice_key uuid,
  notice_digest bytea,
  -- Which provider took the mail.
  provider text,
  -- What that provider reported of it afterwards.
  delivered_at timestamptz,
  bounced_at timestamptz,
  bounce bounce,
  -- Held back, as the owner of the address was told today: the mail whose fate this one shares for the registrant.
  stands_for uuid references mails on delete set null,
  check ((settled_at is null) = (outcome is null)),
  check ((lease_token is null) = (lease_until is null)),
  check ((bounced_at is null) = (bounce is null))
) with (fillfactor = 70);

-- Only what is written as seldom as an offer and an end is in an index, so that a claim, a renewal and a code's opening are heap-only.
create index mails_to_offer on mails (next_offer_at, created_at desc) where settled_at is null;
create index mails_failing on mails (failing_since) where settled_at is null and failing_since is not null;
create index mails_failed on mails (settled_at) where outcome in ('refused', 'given-up');
create index mails_settled on mails (settled_at) where settled_at is not null;
create unique index mails_code on mails (code_id);
create index mails_user on mails (user_id);
create index mails_request on mails (request_id);
create index mails_stand_for on mails (stands_for) where stands_for is not null;

-- Where a report and our own settling of a mail meet, whichever comes first. Without a mail: a report that is early, or about a
-- mail that is not ours.
create table provider_reports (
  provider text not null,
  provider_id text not null,
  mail_id uuid references mails on delete cascade,
  delivered_at timestamptz,
  bounced_at timestamptz,
  bounce text,
  created_at timestamptz not null default now(),
  primary key (provider, provider_id)
);

create index provider_reports_mail on provider_reports (mail_id) where mail_id is not null;
create index provider_reports_early on provider_reports (created_at) where mail_id is null;

-- When the next mail may go to a provider whose rate is limited here, and not by the queue.
create table provider_slots (
  provider text primary key,
  next_at timestamptz not null
);

-- What is told to the outside. Rows of accounts that are gone stay: no reference to users.
create table events (
  id uuid primary key default gen_random_uuid(),
  type event_type not null,
  user_id uuid not null,
  data json not null,
  created_at timestamptz not null default now(),
  next_offer_at timestamptz not null default '-infinity',
  offered_at timestamptz,
  offers integer not null default 0,
  attempts integer not null default 0,
  retry_at timestamptz,
  failing_since timestamptz,
  lease_token uuid,
  lease_until timestamptz,
  last_error text,
  settled_at timestamptz,
  outcome event_outcome,
  trace_context trace_context,
  check ((settled_at is null) = (outcome is null)),
  check ((lease_token is null) = (lease_until is null))
) with (fillfactor = 80);

create index events_to_offer on events (next_offer_at, created_at desc) where settled_at is null;
create index events_failing on events (failing_since) where settled_at is null and failing_since is not null;
create index events_failed on events (settled_at) where outcome = 'given-up';
create index events_settled on events (settled_at) where settled_at is not null;
create index events_user on events (user_id);

-- One row for each kind of outbox: since when its rows can be delivered, as told by the relays that are at work.
create table outboxes (
  kind text primary key,
  beat_at timestamptz not null default now(),
  possible_since timestamptz not null default now(),
  -- Priorities count from here, and it moves on while little waits, so that they never come to their end.
  priority_from timestamptz not null default now() - interval '1 hour'
);

-- Wrong guesses of a mailbox over all its registrations.
create table guesses (
  mailbox_key bytea not null,
  at timestamptz not null default clock_timestamp()
);

create index guesses_mailbox on guesses (mailbox_key, at);
create index guesses_at on guesses (at);

-- The counters of all limits. What would pass its most is refused here, so that a transaction need not wait to be told of it.
create table rate_limits (
  key varchar(255) primary key,
  points integer not null default 0,
  expire bigint,
  most integer,
  constraint rate_limits_within_most check (points <= most)
);

create index rate_limits_expire on rate_limits (expire);

-- From which networks the owner of an account signed in lately, as keyed digests: they are heard while strangers guess at the address.
create table sign_in_networks (
  user_id uuid not null references users on delete cascade,
  network_key bytea not null,
  at timestamptz not null default now(),
  primary key (user_id, network_key)
);

create index sign_in_networks_at on sign_in_networks (at);

-- What operators did by command: ids, never addresses.
create table audit (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  who text not null,
  what text not null,
  why text,
  user_ids uuid[] not null default '{}'
);

create index audit_at on audit (at);
