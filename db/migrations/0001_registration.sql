-- Up Migration

-- A registration. Many pending ones may share an address; each stands alone, with its own password and code.
create table users (
  id uuid primary key,
  email text not null check (email = lower(email) and length(email) <= 254),
  password_hash text not null,
  ref text not null,
  idempotency_key bytea,
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  -- The owner of an account is told at most once a day that somebody registers the address again.
  noticed_at timestamptz,
  notice_mail_id uuid
);

-- An address becomes an account once.
create unique index users_one_active_per_email on users (email) where activated_at is not null;
create unique index users_idempotency_key on users (idempotency_key) where idempotency_key is not null;
create index users_pending on users (created_at) where activated_at is null;

-- The digits themselves are not stored: they are HMAC-SHA-256(key, id), reduced.
create table codes (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  digits smallint not null check (digits in (4, 8)),
  key_id text not null,
  attempts integer not null default 0 check (attempts >= 0),
  created_at timestamptz not null default now(),
  -- The first moment at which somebody may have had the code.
  opened_at timestamptz,
  expires_at timestamptz,
  -- When the provider took the mail.
  sent_at timestamptz,
  superseded_at timestamptz,
  check ((opened_at is null) = (expires_at is null)),
  check (sent_at is null or opened_at is not null)
);

create unique index codes_one_current_per_user on codes (user_id) where superseded_at is null;
create index codes_user on codes (user_id);

-- The outbox: a row is a mail that has to leave, and is the enqueueing itself.
create table mails (
  id uuid primary key,
  user_id uuid not null references users on delete cascade,
  code_id uuid not null references codes on delete cascade,
  request_id text not null,
  created_at timestamptz not null default now(),
  -- Giving up counts from here; an operator's retry starts it over.
  started_at timestamptz not null default now(),
  offered_at timestamptz,
  offers integer not null default 0,
  attempts integer not null default 0,
  -- The provider's Retry-After: no call before it.
  retry_at timestamptz,
  lease_token uuid,
  lease_until timestamptz,
  last_error text,
  provider_id text,
  -- The job's count of failures when it last took the mail: tells an operator's retry from a crashed run.
  job_attempt integer not null default 0,
  settled_at timestamptz,
  outcome text check (outcome in ('accepted', 'refused', 'given-up', 'dropped')),
  check ((settled_at is null) = (outcome is null)),
  check ((lease_token is null) = (lease_until is null))
);

create index mails_unsettled on mails (offered_at nulls first, created_at) where settled_at is null;
create index mails_settled on mails (settled_at) where settled_at is not null;
create unique index mails_code on mails (code_id);
create index mails_user on mails (user_id);

-- Wrong guesses of a mailbox over all its registrations.
create table guesses (
  mailbox_key bytea not null,
  at timestamptz not null default clock_timestamp()
);

create index guesses_mailbox on guesses (mailbox_key, at);
create index guesses_at on guesses (at);

-- Counters of rate-limiter-flexible; the layout is the library's.
create table rate_limits (
  key varchar(255) primary key,
  points integer not null default 0,
  expire bigint
);

create index rate_limits_expire on rate_limits (expire);
