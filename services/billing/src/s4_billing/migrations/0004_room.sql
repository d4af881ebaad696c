-- How much is stored in the grid of a signup, by its latest measurement.
CREATE TABLE grid_usage (
    checkout_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    stored_bytes bigint NOT NULL,
    objects bigint NOT NULL,
    measured_at timestamptz NOT NULL
);

-- Whether more grids of these plans can be built, by each pool's latest report.
CREATE TABLE capacity (
    pool text NOT NULL,
    region text NOT NULL,
    plans text[] NOT NULL,
    can_build boolean NOT NULL,
    room int,
    code text,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (pool, region)
);
