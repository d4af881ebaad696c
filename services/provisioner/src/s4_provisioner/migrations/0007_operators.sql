-- What people did, and why. Rows are only ever added.
create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    who text not null,
    what text not null,
    -- A grid, a host, a pool, a region, or something found.
    about text,
    facts jsonb not null
);
create index audit_about on audit (about, at);

-- What was asked for by one call, and shown; a second call with the code has it done.
create table confirmations (
    code text primary key,
    what text not null,
    about text not null,
    -- What must still be so when it is done.
    stamp text not null,
    asked_by text not null,
    asked_at timestamptz not null,
    ends_at timestamptz not null,
    by_another boolean not null,
    used_at timestamptz
);

alter table grids
    -- An operator has decided that it is not served, and nothing of it removed, whatever billing says.
    add column held boolean not null default false;

-- Where a grid was, from when to when; whether its host was lost under it.
create table stays (
    id bigint generated always as identity primary key,
    grid_id uuid not null references grids (id),
    host_id uuid not null,
    release text,
    began_at timestamptz not null,
    ended_at timestamptz,
    lost_at timestamptz
);
create index stays_of_grid on stays (grid_id, id);
insert into stays (grid_id, host_id, release, began_at)
    select g.id, h.id, h.release, g.stage_since from grids g join hosts h on h.id = g.host_id;

-- The release that a pool's hosts are to have, since a rollout of it came to its end; void once the settings say another.
create table releases (
    pool text primary key,
    release text not null,
    instead_of text not null,
    since timestamptz not null
);

create table rollouts (
    id uuid primary key,
    pool text not null,
    release text not null,
    -- The release from which the grids come, and to which they go back.
    former text not null,
    canary integer not null check (canary > 0),
    batch integer not null check (batch > 0),
    state text not null check (state in ('running', 'paused', 'back', 'done', 'undone')),
    -- The batch that is under way, from 1 (the canary).
    round integer not null default 0,
    code text,
    started_at timestamptz not null,
    ended_at timestamptz,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts integer not null default 0
);
create unique index rollouts_open on rollouts (pool) where ended_at is null;
create index rollouts_due on rollouts (due_at) where due_at is not null;
create table rollout_grids (
    rollout_id uuid not null references rollouts (id),
    grid_id uuid not null references grids (id),
    round integer not null,
    state text not null check (state in ('moving', 'proved', 'failed', 'returning', 'returned')),
    -- Where it came from, and what it was to have before.
    former_host uuid,
    began_at timestamptz not null,
    ended_at timestamptz,
    code text,
    primary key (rollout_id, grid_id)
);
create index rollout_grids_of_grid on rollout_grids (grid_id);

-- What was found without an owner, what an owner lacks, and what somebody changed by hand.
create table findings (
    kind text not null,
    thing text not null,
    region text not null,
    what text not null check (what in ('ownerless', 'missing', 'changed')),
    grid_id uuid,
    host_id uuid,
    -- Whether it may hold what a customer stored.
    holds_data boolean not null,
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    -- By whom it may be removed; two for what holds data.
    approved_by text[] not null default '{}',
    removed_at timestamptz,
    trouble text,
    primary key (kind, thing, region, what)
);
create index findings_open on findings (last_seen) where removed_at is null;
create table sweeps (
    id text primary key check (id = 'all'),
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts integer not null default 0,
    last_at timestamptz,
    seconds double precision,
    code text
);
