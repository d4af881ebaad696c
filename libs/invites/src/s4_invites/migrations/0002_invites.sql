-- A grid that is gone stays known as gone: news of it that come late open nothing again.
ALTER TABLE furls ADD COLUMN gone_at timestamptz;

CREATE TABLE invites (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    grid_id uuid NOT NULL,
    correlation_id text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (
        state IN ('open', 'claimed', 'expired', 'withdrawn', 'replaced', 'guessed', 'crowded', 'grid-gone')
    ),
    -- The code and the handshake under way, sealed; nothing is left of them once the invite has ended.
    sealed bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    -- From then on the settings may have left: the invite can only end as claimed.
    giving_at timestamptz,
    unreachable_since timestamptz,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts int NOT NULL DEFAULT 0,
    CHECK ((state = 'open') = (sealed IS NOT NULL) AND (state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX invites_open ON invites (grid_id) WHERE state = 'open';
CREATE INDEX invites_of_grid ON invites (grid_id, created_at DESC);
CREATE INDEX invites_due ON invites (due_at) WHERE due_at IS NOT NULL;
