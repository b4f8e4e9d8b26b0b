-- Up Migration

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
