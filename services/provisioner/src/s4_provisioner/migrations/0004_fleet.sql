-- A host is one machine: a lost one is followed by another row. It has a life of its own, and grids are placed on it.
alter table hosts drop column generation;
alter table hosts rename column launch to request;
alter table hosts
    add column driver text not null default 'ec2',
    -- Which pool of the fleet it belongs to, which image it boots, and what node distribution it says that it has.
    add column pool text not null default 'dedicated',
    add column release text,
    add column version text,
    add column zone text,
    -- open: grids may be placed here. drained: no more, and those here leave. absent: it goes.
    add column wanted text not null default 'open' check (wanted in ('open', 'drained', 'absent')),
    add column reason text,
    add column stage text not null default 'ready',
    add column stage_since timestamptz not null default now(),
    -- A grid was placed here at some time; no room is left, or none that may be given to another.
    add column is_used boolean not null default true,
    add column is_full boolean not null default true,
    add column ready_at timestamptz,
    add column failed_code text,
    add column failures integer not null default 0,
    -- What was last heard of it: when it is looked at next, and since when it does not answer or is said to be ill.
    add column look_at timestamptz,
    add column silent_since timestamptz,
    add column impaired_since timestamptz,
    -- When its grids' sessions are renewed next.
    add column lend_at timestamptz,
    add column due_at timestamptz,
    add column lease_token uuid,
    add column lease_until timestamptz,
    add column attempts integer not null default 0;
update hosts set ready_at = created_at, look_at = now(), lend_at = now();
update hosts set stage = 'release', wanted = 'absent', due_at = now() where instance_id is null or address is null;
create index hosts_due on hosts (due_at) where due_at is not null;
create index hosts_with_room on hosts (pool) where wanted = 'open' and not is_full;
create index hosts_to_look_at on hosts (look_at) where look_at is not null;
create index hosts_to_lend_to on hosts (lend_at) where lend_at is not null;

alter table grids
    -- Where it belongs by its plan; fixed once it has a bucket, except by a move.
    add column pool text not null default 'dedicated',
    add column region text not null default '',
    -- The introducer's; the storage server has the next one. Part of the furl, so for ever.
    add column port integer not null default 34561,
    -- Where it is: on a shared host in which process, and where clients reach it now.
    add column shard text,
    add column address text,
    -- Announcements on an earlier host had lower numbers (Unix time), or clients would ignore the present node's.
    add column announced_from bigint not null default 0,
    -- Which node release it is to be served with, if not its pool's; and which host, if a person chose one.
    add column release_wanted text,
    add column host_wanted uuid references hosts (id),
    -- Until when the session is good that its node was given.
    add column lent_until timestamptz,
    -- When it is looked at next, cheaply and by a real client; since when it fails at that; since when its host is lost.
    add column look_at timestamptz,
    add column probe_at timestamptz,
    add column failing_since timestamptz,
    add column lost_at timestamptz,
    add column lost_host uuid,
    add column stored_bytes bigint,
    add column stored_objects bigint,
    add column measured_at timestamptz;
update grids set announced_from = h.announced_from, address = h.address, region = h.region
    from hosts h where h.id = grids.host_id;
update grids set look_at = now(), probe_at = now() where stage = 'ready';
update grids set host_id = null from hosts h where h.id = grids.host_id and h.wanted = 'absent';
alter table hosts drop column announced_from;
create index grids_on_host on grids (host_id);
create index grids_to_look_at on grids (look_at) where look_at is not null;
create index grids_to_probe on grids (probe_at) where probe_at is not null;

-- A grid that is being moved may still be served by the host that it leaves, until its node was stopped there.
create table departures (
    grid_id uuid not null references grids (id),
    host_id uuid not null references hosts (id),
    state text not null check (state in ('serving', 'stopped')),
    since timestamptz not null,
    primary key (grid_id, host_id)
);
create index departures_of_host on departures (host_id);
