-- Every event that was told, as it was told.
CREATE TABLE events (
    event_id uuid PRIMARY KEY,
    name text NOT NULL,
    occurred_at timestamptz NOT NULL,
    facts jsonb NOT NULL
);
