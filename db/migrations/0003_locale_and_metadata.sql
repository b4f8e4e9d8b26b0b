-- Up Migration

alter table users
  -- The language of the person's mails.
  add column locale text not null default 'en',
  -- The caller's own; json and not jsonb, which keeps the text of numbers as it is.
  add column metadata json not null default '{}',
  -- Tells whether a repetition under the idempotency key brings the same body; says nothing of the password.
  add column idempotency_digest bytea,
  add constraint users_locale_check check (length(locale) <= 255) not valid,
  add constraint users_metadata_check check (json_typeof(metadata) = 'object') not valid;
