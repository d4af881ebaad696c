-- Of each grid: when its machine was last lost, when it was last proved after that, and of which proof its owner was
-- written. Whether a letter about a loss is still worth sending is seen here.
CREATE TABLE outages (
    grid_id text PRIMARY KEY,
    lost_at timestamptz,
    back_at timestamptz,
    told_at timestamptz
);

-- Of each grid: the mark (percent of the quota) that it has passed and not yet fallen well below again.
CREATE TABLE fillings (
    grid_id     text PRIMARY KEY,
    mark        integer NOT NULL,
    measured_at timestamptz NOT NULL
);
