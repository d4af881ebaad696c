-- Machines from before there were pools: their image takes no sessions, and refuses a specification with any. Each has
-- one grid, and a role of its own. A grid that is served stays until it moves, as from any drained host. Who is
-- suspended has no host any more, and who was being made is made elsewhere, once it was stopped here.
update hosts set wanted = 'drained', reason = 'former-release', lend_at = null, due_at = now()
    where release is null and wanted = 'open';
create temporary table leaving on commit drop as
    select g.id as grid_id, g.host_id, g.stage from grids g left join hosts h on h.id = g.host_id
    where g.host_id is not null and h.release is null
        and g.stage in ('identity', 'bucket', 'credentials', 'host', 'boot', 'node', 'dns', 'proof', 'suspended', 'failed')
        -- its machine was never there
        or g.host_id is null and g.stage in ('boot', 'node', 'dns', 'proof');
insert into departures (grid_id, host_id, state, since)
    select grid_id, host_id, case stage when 'suspended' then 'stopped' else 'serving' end, now()
    from leaving where host_id is not null;
update grids g set host_id = null, address = null, dns_change = null from leaving l where l.grid_id = g.id;
update stays s set ended_at = now() from leaving l
    where l.grid_id = s.grid_id and l.host_id = s.host_id and s.ended_at is null;
delete from leaving where stage not in ('boot', 'node', 'dns', 'proof');
update steps s set ended_at = now(), outcome = 'turned', attempts = 0 from leaving l
    where l.grid_id = s.grid_id and s.ended_at is null;
insert into steps (grid_id, step, began_at) select grid_id, 'host', now() from leaving;
update grids g set stage = 'host', stage_since = now(), attempts = 0 from leaving l where l.grid_id = g.id;
drop table leaving;
