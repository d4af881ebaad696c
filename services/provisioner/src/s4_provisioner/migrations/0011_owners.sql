-- What the owner of a grid chose, beside what billing wants of it.
alter table grids
    -- It is not served until they say so, whatever is paid. Choices have an order of their own.
    add column paused boolean not null default false,
    add column pause_revision bigint not null default -1,
    -- Why the others were last told that it is not served; null while they know it as served.
    add column stopped_for text,
    -- When its service was last resumed; when its subscription ended, and until when everything is kept by that.
    add column resumed_at timestamptz,
    add column ended_at timestamptz,
    add column kept_until timestamptz,
    -- When they chose that everything is deleted sooner, and when it is; null when they did not, or took it back.
    add column erasure_chosen_at timestamptz,
    add column erase_at timestamptz,
    add column erasure_revision bigint not null default -1,
    -- Whether delete_after is their choice, and how often such a day, or the promised one instead, was told.
    add column is_erasure boolean not null default false,
    add column deletions_told bigint not null default 0;
update grids set kept_until = delete_after, ended_at = coalesce(suspended_at, stage_since)
    where delete_after is not null;
update grids set stopped_for = case when held then 'operator' else 'billing' end where stage = 'suspended';

-- Every time that the owner was given a way to what is stored: addresses of objects, or keys that read.
create table exports (
    id bigint generated always as identity primary key,
    grid_id uuid not null references grids (id),
    account_id uuid not null,
    kind text not null check (kind in ('objects', 'session')),
    -- Which objects: those after this key, so many.
    after_key text,
    objects integer,
    valid_until timestamptz not null,
    correlation_id text not null,
    given_at timestamptz not null
);
create index exports_of_grid on exports (grid_id, given_at);

-- Paused grids are on their way down, too, until they are stopped.
drop index grids_on_their_way_down;
create index grids_on_their_way_down on grids (stage_since) where not frozen and
    (wanted = 'suspended' and stage not in ('suspended', 'absent') or wanted = 'absent' and stage <> 'absent'
    or wanted = 'ready' and paused and stage not in ('suspended', 'absent'));
