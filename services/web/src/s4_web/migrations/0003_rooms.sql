-- Whether more grids of these plans can be made, by each pool's latest report.
CREATE TABLE capacity (
    pool text NOT NULL,
    region text NOT NULL,
    plans text[] NOT NULL,
    can_build boolean NOT NULL,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (pool, region)
);

-- How much is stored in the grid of a signup, by its latest measurement.
CREATE TABLE usage (
    signup_id uuid PRIMARY KEY,
    stored_bytes bigint NOT NULL,
    objects bigint NOT NULL,
    quota_bytes bigint,
    measured_at timestamptz NOT NULL
);

-- When the grid's machine was last lost, and when a client last read through the grid after a loss or a stop.
ALTER TABLE journeys
    ADD COLUMN lost_at timestamptz,
    ADD COLUMN back_at timestamptz;
