-- When a session was last used, from about where, and with what kind of browser. In words too coarse to follow anybody.
CREATE TABLE visits (
    session bytea PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
    browser text NOT NULL,
    place text NOT NULL,
    used_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id);

-- Every time that a furl was shown or handed out, for its owner to see. Never the furl.
CREATE TABLE reveals (
    reveal_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    how text NOT NULL CHECK (how IN ('link', 'account', 'file')),
    browser text NOT NULL,
    place text NOT NULL,
    shown_at timestamptz NOT NULL
);
CREATE INDEX reveals_of_account ON reveals (account_id, shown_at DESC);

-- What events said of invites; the codes are elsewhere. An end may be heard of before the beginning.
CREATE TABLE invites (
    invite_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    grid_id uuid NOT NULL,
    opened_at timestamptz,
    expires_at timestamptz,
    outcome text,
    ended_at timestamptz
);
CREATE INDEX invites_of_account ON invites (account_id, grid_id);

-- When a client last stored a file in the grid from outside and read it back.
CREATE TABLE proofs (
    signup_id uuid PRIMARY KEY,
    proved_at timestamptz NOT NULL,
    seconds double precision
);

-- How much was stored at the end of each day (UTC), for about a year.
CREATE TABLE usage_days (
    signup_id uuid NOT NULL,
    day date NOT NULL,
    stored_bytes bigint NOT NULL,
    quota_bytes bigint,
    measured_at timestamptz NOT NULL,
    PRIMARY KEY (signup_id, day)
);
