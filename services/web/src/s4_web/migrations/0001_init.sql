-- A browser is known by the SHA-256 of its cookie. The row is what two submits of one browser queue for.
CREATE TABLE browsers (
    browser bytea PRIMARY KEY,
    seen_at timestamptz NOT NULL
);

CREATE TABLE signups (
    signup_id uuid PRIMARY KEY,
    account_id uuid NOT NULL UNIQUE,
    browser bytea NOT NULL REFERENCES browsers,
    plan text NOT NULL,
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    returned_at timestamptz,
    checkout_state text CHECK (checkout_state IN ('open', 'expired', 'pending', 'paid'))
);
CREATE INDEX signups_of_browser ON signups (browser, created_at DESC, signup_id DESC);

-- The read model: what events said about a signup. No foreign key: an event may be first, and may be all there is.
CREATE TABLE journeys (
    signup_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    revision bigint NOT NULL DEFAULT 0,
    paid_at timestamptz,
    grid_id uuid,
    ready_at timestamptz,
    issued_at timestamptz,
    claim_ref text,
    claimed_at timestamptz,
    failed_at timestamptz,
    failed_final boolean
);
CREATE INDEX journeys_of_account ON journeys (account_id);

CREATE TABLE steps (
    signup_id uuid NOT NULL,
    step text NOT NULL,
    position integer NOT NULL,
    state text NOT NULL CHECK (state IN ('started', 'done', 'retrying')),
    attempt integer NOT NULL,
    seconds double precision,
    began_at timestamptz NOT NULL,
    said_at timestamptz NOT NULL,
    PRIMARY KEY (signup_id, step)
);

CREATE TABLE letters (
    account_id uuid PRIMARY KEY,
    letter_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('sent', 'bounced')),
    said_at timestamptz NOT NULL
);

-- What changed, in order and without gaps per signup: a browser that comes back asks for what it missed.
CREATE TABLE feed (
    signup_id uuid NOT NULL,
    revision bigint NOT NULL,
    what text NOT NULL,
    facts text NOT NULL,
    PRIMARY KEY (signup_id, revision)
);

-- A letter's link is used up by its row here.
CREATE TABLE claims (
    letter_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    reader bytea NOT NULL,
    claimed_at timestamptz NOT NULL
);

-- Uses per subject and window; a subject is a keyed hash, never an address.
CREATE TABLE counters (
    subject text NOT NULL,
    window_at timestamptz NOT NULL,
    uses integer NOT NULL,
    PRIMARY KEY (subject, window_at)
);
CREATE INDEX counters_by_age ON counters (window_at);
