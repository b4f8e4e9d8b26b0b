-- Up Migration

alter table mails
  -- Which provider took the mail.
  add column provider text,
  -- What that provider reported of it afterwards.
  add column delivered_at timestamptz,
  add column bounced_at timestamptz,
  add column bounce text,
  add constraint mails_bounce_check check (bounce in ('hard-bounce', 'dropped', 'suppressed', 'complaint')) not valid,
  -- Held back, as the owner of the address was told today: the mail whose fate this one shares for the registrant.
  add column stands_for uuid references mails on delete set null,
  add constraint mails_check2 check ((bounced_at is null) = (bounce is null)) not valid;

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
