-- Who looks for hosts that have grown old reads those alone, oldest first, however many of the pool are young.
create index hosts_by_age on hosts (pool, created_at, id) where wanted = 'open' and stage = 'ready';
