-- How many bytes of shares the plan holds; null for what was paid before the event said so, which has no limit.
alter table grids add column quota_bytes bigint check (quota_bytes > 0);
