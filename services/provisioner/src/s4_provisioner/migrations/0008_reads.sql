-- What is asked again and again must find a few rows among very many that rest.
create index grids_on_their_way on grids (stage_since)
    where wanted = 'ready' and not held and stage not in ('ready', 'absent');
create index grids_on_their_way_down on grids (stage_since) where not frozen and
    (wanted = 'suspended' and stage not in ('suspended', 'absent') or wanted = 'absent' and stage <> 'absent');
create index grids_lent on grids (lent_until) where stage = 'ready' and address is not null and lent_until is not null;
create index grids_unmended on grids (unmended) where unmended is not null;
create index grids_to_measure on grids (measure_at) where look_at is not null;
create index grids_of_pool on grids (pool, plan);
create index grids_to_place on grids (pool)
    where wanted = 'ready' and not held and stage not in ('failed', 'absent', 'ready');
create index hosts_of_release on hosts (pool, release, created_at) where ready_at is not null;
create index hosts_readied on hosts (pool, ready_at);
create index hosts_not_had on hosts (pool, stage_since) where failed_code is not null;
create index hosts_drained on hosts (pool) where wanted = 'drained';
create index hosts_troubled on hosts (region)
    where look_at is not null and (bad_since is not null or alarm is not null or retires_at is not null);
create index hosts_in_stage on hosts (pool, stage, stage_since) where stage in ('failed', 'gone');
create index grids_sent on grids (host_wanted) where host_wanted is not null;
