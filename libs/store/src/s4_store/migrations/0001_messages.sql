-- Events on their way out. A row is sent once it is confirmed by the broker; sent rows are kept for a while, then pruned.
create table outbox (
    seq bigint generated always as identity primary key,
    id uuid not null,
    type text not null,
    body json not null,
    headers json not null,
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz
);
create index outbox_pending on outbox (seq) where sent_at is null;

-- Ids of events that were emitted under a key. Never pruned: the same key emits once for ever.
create table outbox_keys (
    id uuid primary key
);

-- Ids of events whose effect is in this database. Never pruned: a message may be put back from the parked queue after years.
create table inbox (
    id uuid primary key,
    handled_at timestamptz not null default clock_timestamp()
);

-- The relay sleeps until this wakes it, at the commit of whoever emitted.
create function outbox_wake() returns trigger language plpgsql as $$
begin
    perform pg_notify('outbox', '');
    return null;
end
$$;
create trigger outbox_wake after insert on outbox for each statement execute function outbox_wake();
