-- Up Migration
-- no transaction

-- Only what is written as seldom as an offer and an end is in an index, so that a claim, a renewal and a code's opening are heap-only.
drop index concurrently if exists mails_to_offer;
create index concurrently mails_to_offer on mails (next_offer_at, created_at desc) where settled_at is null;
drop index concurrently if exists mails_failing;
create index concurrently mails_failing on mails (failing_since) where settled_at is null and failing_since is not null;
drop index concurrently if exists mails_failed;
create index concurrently mails_failed on mails (settled_at) where outcome in ('refused', 'given-up');
drop index concurrently if exists mails_unsettled;
drop index concurrently if exists mails_stand_for;
create index concurrently mails_stand_for on mails (stands_for) where stands_for is not null;
alter table mails validate constraint mails_bounce_check;
alter table mails validate constraint mails_check2;
