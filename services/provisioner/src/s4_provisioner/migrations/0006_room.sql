-- What a host said that it had for grids when it became ready.
alter table hosts add column memory_mib integer;
create index hosts_of_pool on hosts (pool, stage_since) where wanted <> 'absent' or stage <> 'gone';
-- What was last told of each pool's room.
create table capacity_told (
    pool text primary key,
    told text not null,
    told_at timestamptz not null
);
