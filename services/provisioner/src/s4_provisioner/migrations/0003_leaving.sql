-- What billing asks of a grid after it was paid. Each kind of news has its own order: one change of a subscription may
-- tell several of them with one revision. Nothing was heard yet at -1.
alter table grids
    add column service_revision bigint not null default -1,
    add column plan_revision bigint not null default -1,
    add column dispute_revision bigint not null default -1,
    -- Counts what was asked: what was begun under an earlier wish moves nothing.
    add column wishes integer not null default 0,
    -- Since when it is not to be served; null once it was proved again.
    add column suspended_at timestamptz,
    -- When its subscription has ended: until when everything is kept.
    add column delete_after timestamptz,
    -- A payment is contested: nothing of the grid is removed meanwhile.
    add column frozen boolean not null default false,
    -- For the receipt: how many objects were in its bucket, and up to which key they are counted.
    add column objects bigint not null default 0,
    add column counted_to text,
    add column deleted_at timestamptz;
