-- The id of the story that an event belongs to, as its headers carried it. Addresses are not among the facts.
ALTER TABLE events ADD COLUMN correlation_id text NOT NULL DEFAULT '';
CREATE INDEX events_story ON events (correlation_id, occurred_at);
CREATE INDEX events_age ON events (occurred_at);

-- Which ids an event names. An account's events are found over its ids when they are asked for, so that it does not
-- matter which event came first.
CREATE TABLE mentions (
    kind text NOT NULL,
    id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    name text NOT NULL,
    PRIMARY KEY (kind, id, occurred_at, event_id) INCLUDE (name)
);
CREATE INDEX mentions_event ON mentions (event_id);

-- Which account an id belongs to; several for a host that serves several, and for what somebody asked of several.
CREATE TABLE links (
    id uuid NOT NULL,
    kind text NOT NULL,
    account_id uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (id, kind, account_id)
);
CREATE INDEX links_account ON links (account_id, kind, id);
CREATE INDEX links_age ON links (seen_at);

-- Addresses for mail: an account's own since a moment, and those that were only asked for.
CREATE TABLE addresses (
    account_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('own', 'wanted')),
    folded text NOT NULL,
    email text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (account_id, kind, folded)
);
CREATE INDEX addresses_folded ON addresses (folded);
CREATE INDEX addresses_age ON addresses (since);

-- Who is signed in: hashes of cookies. The token's print ends the session when the token is taken away or changed.
CREATE TABLE sessions (
    session bytea PRIMARY KEY,
    who text NOT NULL,
    token_print bytea NOT NULL,
    began_at timestamptz NOT NULL
);
CREATE INDEX sessions_age ON sessions (began_at);

CREATE TABLE counters (
    subject text NOT NULL,
    window_at timestamptz NOT NULL,
    uses bigint NOT NULL,
    PRIMARY KEY (subject, window_at)
);
CREATE INDEX counters_age ON counters (window_at);

-- A form that was sent, by the id that it was shown with: sent again it does nothing more.
CREATE TABLE deeds (
    form_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    what text NOT NULL,
    about text NOT NULL,
    done_at timestamptz NOT NULL
);
CREATE INDEX deeds_age ON deeds (done_at);

CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    account_id uuid,
    facts jsonb NOT NULL
);
CREATE INDEX audit_account ON audit (account_id, id);
