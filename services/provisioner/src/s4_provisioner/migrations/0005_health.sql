-- What was seen of hosts and grids, and what follows from it.
alter table hosts
    -- Looks in a row at which it was silent, or ill by its platform's own checks.
    add column silent_looks integer not null default 0,
    add column impaired_looks integer not null default 0,
    -- Since when something is wrong with it that may cost it its grids, also after it was lost for that.
    add column bad_since timestamptz,
    add column lost_at timestamptz,
    -- Why it takes no more grids although it serves those that it has.
    add column alarm text,
    add column retires_at timestamptz,
    -- When its platform is asked next how it is, and when it is asked itself.
    add column check_at timestamptz,
    add column report_at timestamptz,
    add column memory_available_mib integer,
    add column disk_free_mib integer;
create index hosts_alarmed on hosts (alarm) where alarm is not null;
create index hosts_bad on hosts (region, bad_since) where bad_since is not null;

alter table grids
    -- The storage server's tub id: the digest of the certificate that it must show. Not a secret: it is said before TLS.
    add column storage_tub text,
    -- Looks in a row at which it failed, and what a real client said last.
    add column failed_looks integer not null default 0,
    add column probed_at timestamptz,
    add column probe_code text,
    -- Why its node cannot use its bucket, by its own account.
    add column bucket_code text,
    -- What was done for it lately: how often since when, and the last time.
    add column mends integer not null default 0,
    add column mends_since timestamptz,
    add column mended_at timestamptz,
    -- Why nothing is left to try for it; null while something is, or nothing is wrong.
    add column unmended text,
    -- What was told of what it holds, and when its bucket is counted by us next.
    add column told_bytes bigint,
    add column told_at timestamptz,
    add column measure_at timestamptz;
create index grids_failing on grids (failing_since) where failing_since is not null;

-- Whether anything is replaced or mended in a region, or so much fails there at once that nothing is.
create table breakers (
    region text primary key,
    state text not null default 'closed' check (state in ('closed', 'open', 'half-open')),
    since timestamptz not null,
    -- What a person decided; null leaves it to the rule.
    forced text check (forced in ('closed', 'open')),
    -- How many were tried since it is half open.
    trials integer not null default 0
);
