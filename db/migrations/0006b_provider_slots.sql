-- Up Migration

-- When the next mail may go to a provider whose rate is limited here, and not by the queue.
create table provider_slots (
  provider text primary key,
  next_at timestamptz not null
);
