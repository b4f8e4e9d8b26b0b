-- Up Migration

-- What is told to the outside. Rows of accounts that are gone stay: no reference to users.
create table events (
  id uuid primary key default gen_random_uuid(),
  type text not null check (type in ('user.activated', 'user.deleted', 'user.password-changed', 'mail.undeliverable')),
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
  outcome text check (outcome in ('accepted', 'given-up')),
  trace_context text check (length(trace_context) <= 1024),
  check ((settled_at is null) = (outcome is null)),
  check ((lease_token is null) = (lease_until is null))
) with (fillfactor = 80);

create index events_to_offer on events (next_offer_at, created_at desc) where settled_at is null;
create index events_failing on events (failing_since) where settled_at is null and failing_since is not null;
create index events_failed on events (settled_at) where outcome = 'given-up';
create index events_settled on events (settled_at) where settled_at is not null;
create index events_waiting on events (user_id) where settled_at is null;
