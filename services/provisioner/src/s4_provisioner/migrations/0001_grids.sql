-- A host is a machine with room for grids; a dedicated grid's host has room for one. The row is written before the
-- machine is asked for: it holds all that the request is made of, so that a repeated request is the same to the byte.
create table hosts (
    id uuid primary key,
    capacity integer not null check (capacity > 0),
    region text not null,
    -- Counts machines: a lost one is followed by the next. Part of the launch's idempotency token.
    generation integer not null default 1,
    -- The request, without its secrets; null after a machine was lost, until the next is planned.
    launch jsonb,
    -- The SSH host key that the machine is given, sealed, and its public half, which we pin.
    sealed_host_key bytea,
    host_key text,
    -- Announcements of nodes on an earlier machine had lower numbers (Unix time), or clients would ignore the new one's.
    announced_from bigint not null,
    instance_id text,
    address text,
    created_at timestamptz not null
);

create table grids (
    id uuid primary key,
    account_id uuid not null,
    signup_id uuid not null unique,
    subscription_id uuid not null,
    plan text not null,
    -- Headers of the story that began with the payment; what the converger emits belongs to it.
    story jsonb not null,
    wanted text not null check (wanted in ('ready', 'suspended', 'absent')),
    stage text not null,
    stage_since timestamptz not null,
    sealed_identity bytea,
    bucket text,
    dns_name text,
    -- The change that put the name into the zone, until all of its servers know it.
    dns_change text,
    host_id uuid references hosts (id),
    -- Machines lost since the last time that the grid was ready or a person looked.
    relaunches integer not null default 0,
    furl_generation integer not null default 1,
    proved_at timestamptz,
    proof_seconds double precision,
    -- The step that failed for good, and how often that has happened.
    failed_stage text,
    failed_code text,
    failures integer not null default 0,
    created_at timestamptz not null,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts integer not null default 0
);
create index grids_due on grids (due_at) where due_at is not null;
create index grids_of_account on grids (account_id);

-- What was done when: the timeline of each grid.
create table steps (
    id bigint generated always as identity primary key,
    grid_id uuid not null references grids (id),
    step text not null,
    began_at timestamptz not null,
    ended_at timestamptz,
    outcome text,
    attempts integer
);
create index steps_of_grid on steps (grid_id, id);
create unique index steps_under_way on steps (grid_id) where ended_at is null;

-- Every time that a furl left this database: to whom, and in which story.
create table furl_reads (
    id bigint generated always as identity primary key,
    grid_id uuid not null references grids (id),
    account_id uuid not null,
    claim_ref text not null,
    correlation_id text not null,
    read_at timestamptz not null
);
create index furl_reads_of_grid on furl_reads (grid_id, read_at);
