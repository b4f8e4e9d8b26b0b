-- What db/migrations make, written by `make schema`. Do not edit: `make check` compares.

create domain bounce as text CHECK ((VALUE = ANY (ARRAY['hard-bounce'::text, 'dropped'::text, 'suppressed'::text, 'complaint'::text])));
create domain code_attempts as integer CHECK ((VALUE >= 0));
create domain code_digits as smallint CHECK ((VALUE = ANY (ARRAY[4, 8])));
create domain email_address as text CHECK (((VALUE = lower(VALUE)) AND (length(VALUE) <= 254)));
create domain event_outcome as text CHECK ((VALUE = ANY (ARRAY['accepted'::text, 'given-up'::text])));
create domain event_type as text CHECK ((VALUE = ANY (ARRAY['user.activated'::text, 'user.deleted'::text, 'user.password-changed'::text, 'mail.undeliverable'::text])));
create domain locale as text CHECK ((length(VALUE) <= 255));
create domain mail_outcome as text CHECK ((VALUE = ANY (ARRAY['accepted'::text, 'refused'::text, 'given-up'::text, 'dropped'::text])));
create domain trace_context as text CHECK ((length(VALUE) <= 1024));
create domain user_metadata as json CHECK ((json_typeof(VALUE) = 'object'::text));

create table audit (
  id bigint not null,
  at timestamp with time zone not null default now(),
  who text not null,
  what text not null,
  why text,
  user_ids uuid[] not null default '{}'::uuid[],
  constraint audit_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_at ON public.audit USING btree (at);

create table codes (
  id uuid not null,
  user_id uuid not null,
  digits code_digits not null,
  key_id text not null,
  attempts code_attempts not null default 0,
  created_at timestamp with time zone not null default now(),
  opened_at timestamp with time zone,
  expires_at timestamp with time zone,
  sent_at timestamp with time zone,
  superseded_at timestamp with time zone,
  mail_digest bytea,
  mailbox_keys bytea[] not null,
  constraint codes_pkey PRIMARY KEY (id),
  constraint codes_check CHECK (((opened_at IS NULL) = (expires_at IS NULL))),
  constraint codes_check1 CHECK (((sent_at IS NULL) OR (opened_at IS NOT NULL))),
  constraint codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE UNIQUE INDEX codes_one_current_per_user ON public.codes USING btree (user_id) WHERE (superseded_at IS NULL);
CREATE INDEX codes_user ON public.codes USING btree (user_id);

create table events (
  id uuid not null default gen_random_uuid(),
  type event_type not null,
  user_id uuid not null,
  data json not null,
  created_at timestamp with time zone not null default now(),
  next_offer_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  offered_at timestamp with time zone,
  offers integer not null default 0,
  attempts integer not null default 0,
  retry_at timestamp with time zone,
  failing_since timestamp with time zone,
  lease_token uuid,
  lease_until timestamp with time zone,
  last_error text,
  settled_at timestamp with time zone,
  outcome event_outcome,
  trace_context trace_context,
  constraint events_pkey PRIMARY KEY (id),
  constraint events_check CHECK (((settled_at IS NULL) = (outcome IS NULL))),
  constraint events_check1 CHECK (((lease_token IS NULL) = (lease_until IS NULL)))
);

CREATE INDEX events_failed ON public.events USING btree (settled_at) WHERE ((outcome)::text = 'given-up'::text);
CREATE INDEX events_failing ON public.events USING btree (failing_since) WHERE ((settled_at IS NULL) AND (failing_since IS NOT NULL));
CREATE INDEX events_settled ON public.events USING btree (settled_at) WHERE (settled_at IS NOT NULL);
CREATE INDEX events_to_offer ON public.events USING btree (next_offer_at, created_at DESC) WHERE (settled_at IS NULL);
CREATE INDEX events_user ON public.events USING btree (user_id);

create table guesses (
  mailbox_key bytea not null,
  at timestamp with time zone not null default clock_timestamp()
);

CREATE INDEX guesses_at ON public.guesses USING btree (at);
CREATE INDEX guesses_mailbox ON public.guesses USING btree (mailbox_key, at);

create table mails (
  id uuid not null,
  user_id uuid not null,
  code_id uuid not null,
  request_id text not null,
  created_at timestamp with time zone not null default now(),
  offered_at timestamp with time zone,
  offers integer not null default 0,
  attempts integer not null default 0,
  retry_at timestamp with time zone,
  lease_token uuid,
  lease_until timestamp with time zone,
  last_error text,
  provider_id text,
  settled_at timestamp with time zone,
  outcome mail_outcome,
  trace_context trace_context,
  next_offer_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  failing_since timestamp with time zone,
  notice_key uuid,
  notice_digest bytea,
  provider text,
  delivered_at timestamp with time zone,
  bounced_at timestamp with time zone,
  bounce bounce,
  stands_for uuid,
  constraint mails_pkey PRIMARY KEY (id),
  constraint mails_check CHECK (((settled_at IS NULL) = (outcome IS NULL))),
  constraint mails_check1 CHECK (((lease_token IS NULL) = (lease_until IS NULL))),
  constraint mails_check2 CHECK (((bounced_at IS NULL) = (bounce IS NULL))),
  constraint mails_code_id_fkey FOREIGN KEY (code_id) REFERENCES codes(id) ON DELETE CASCADE,
  constraint mails_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
  constraint mails_stands_for_fkey FOREIGN KEY (stands_for) REFERENCES mails(id) ON DELETE SET NULL
);

CREATE UNIQUE INDEX mails_code ON public.mails USING btree (code_id);
CREATE INDEX mails_failed ON public.mails USING btree (settled_at) WHERE ((outcome)::text = ANY (ARRAY['refused'::text, 'given-up'::text]));
CREATE INDEX mails_failing ON public.mails USING btree (failing_since) WHERE ((settled_at IS NULL) AND (failing_since IS NOT NULL));
CREATE INDEX mails_request ON public.mails USING btree (request_id);
CREATE INDEX mails_settled ON public.mails USING btree (settled_at) WHERE (settled_at IS NOT NULL);
CREATE INDEX mails_stand_for ON public.mails USING btree (stands_for) WHERE (stands_for IS NOT NULL);
CREATE INDEX mails_to_offer ON public.mails USING btree (next_offer_at, created_at DESC) WHERE (settled_at IS NULL);
CREATE INDEX mails_user ON public.mails USING btree (user_id);

create table outboxes (
  kind text not null,
  beat_at timestamp with time zone not null default now(),
  possible_since timestamp with time zone not null default now(),
  priority_from timestamp with time zone not null default (now() - '01:00:00'::interval),
  constraint outboxes_pkey PRIMARY KEY (kind)
);

create table provider_reports (
  provider text not null,
  provider_id text not null,
  mail_id uuid,
  delivered_at timestamp with time zone,
  bounced_at timestamp with time zone,
  bounce text,
  created_at timestamp with time zone not null default now(),
  constraint provider_reports_pkey PRIMARY KEY (provider, provider_id),
  constraint provider_reports_mail_id_fkey FOREIGN KEY (mail_id) REFERENCES mails(id) ON DELETE CASCADE
);

CREATE INDEX provider_reports_early ON public.provider_reports USING btree (created_at) WHERE (mail_id IS NULL);
CREATE INDEX provider_reports_mail ON public.provider_reports USING btree (mail_id) WHERE (mail_id IS NOT NULL);

create table provider_slots (
  provider text not null,
  next_at timestamp with time zone not null,
  constraint provider_slots_pkey PRIMARY KEY (provider)
);

create table rate_limits (
  key character varying(255) not null,
  points integer not null default 0,
  expire bigint,
  most integer,
  constraint rate_limits_pkey PRIMARY KEY (key),
  constraint rate_limits_within_most CHECK ((points <= most))
);

CREATE INDEX rate_limits_expire ON public.rate_limits USING btree (expire);

create table sign_in_networks (
  user_id uuid not null,
  network_key bytea not null,
  at timestamp with time zone not null default now(),
  constraint sign_in_networks_pkey PRIMARY KEY (user_id, network_key),
  constraint sign_in_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE INDEX sign_in_networks_at ON public.sign_in_networks USING btree (at);

create table users (
  id uuid not null,
  email email_address not null,
  password_hash text not null,
  ref text not null,
  idempotency_key bytea,
  created_at timestamp with time zone not null default now(),
  activated_at timestamp with time zone,
  noticed_at timestamp with time zone,
  notice_mail_id uuid,
  locale locale not null default 'en'::text,
  metadata user_metadata not null default '{}'::json,
  idempotency_digest bytea,
  constraint users_pkey PRIMARY KEY (id)
);

CREATE INDEX users_activated ON public.users USING btree (activated_at) WHERE (activated_at IS NOT NULL);
CREATE UNIQUE INDEX users_idempotency_key ON public.users USING btree (idempotency_key) WHERE (idempotency_key IS NOT NULL);
CREATE INDEX users_keyed ON public.users USING btree (created_at) WHERE (idempotency_key IS NOT NULL);
CREATE UNIQUE INDEX users_one_active_per_email ON public.users USING btree (email) WHERE (activated_at IS NOT NULL);
CREATE INDEX users_pending ON public.users USING btree (created_at) WHERE (activated_at IS NULL);
CREATE INDEX users_ref ON public.users USING btree (ref);
