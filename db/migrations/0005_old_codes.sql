-- Up Migration

-- From now on they go with their mails.
delete from codes
using users
where users.id = codes.user_id and users.activated_at is not null
  and not exists (select from mails where mails.code_id = codes.id);
