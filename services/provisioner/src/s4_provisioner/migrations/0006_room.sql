alter table hosts
    -- What a host said that it had for grids when it became ready.
    add column memory_mib integer,
    -- Why the last attempt at the step that it is at did not succeed.
    add column trouble text;
create index hosts_of_pool on hosts (pool, stage_since) where wanted <> 'absent' or stage <> 'gone';
-- How much the account may still have in each region, as AWS last said; null is unknown.
create table quotas_seen (
    region text primary key,
    vcpus integer,
    buckets integer,
    seen_at timestamptz,
    look_at timestamptz not null
);
-- What was last told of each pool's room.
create table capacity_told (
    pool text primary key,
    told text not null,
    told_at timestamptz not null
);
