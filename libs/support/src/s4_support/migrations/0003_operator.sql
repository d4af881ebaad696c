-- When an event came here: who follows the events reads them in this order. Unknown of what came before this column.
ALTER TABLE events ADD COLUMN arrived_at timestamptz;
ALTER TABLE events ALTER COLUMN arrived_at SET DEFAULT now();
CREATE INDEX events_arrival ON events (arrived_at, event_id) WHERE arrived_at IS NOT NULL;

-- Parked messages that an operator took away, whole, so that they can be put back.
CREATE TABLE dropped (
    service text NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    dropped_at timestamptz NOT NULL,
    dropped_by text NOT NULL,
    restored_at timestamptz,
    PRIMARY KEY (service, id)
);
CREATE INDEX dropped_age ON dropped (dropped_at);

-- Codes by which an operator has done what an earlier call showed; each is used once.
CREATE TABLE confirmations (
    code text PRIMARY KEY,
    what text NOT NULL,
    about text NOT NULL,
    stamp text NOT NULL,
    asked_by text NOT NULL,
    ends_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX confirmations_age ON confirmations (ends_at);
