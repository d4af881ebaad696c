-- Accounts that were paid for, and the address that each belongs to.
CREATE TABLE accounts (
    account_id uuid PRIMARY KEY,
    signup_id uuid NOT NULL,
    email text NOT NULL,
    paid_at timestamptz NOT NULL
);
CREATE INDEX accounts_by_address ON accounts (lower(email));

-- What events said of an account, one row for each thing that can be said. Of one thing, only newer news counts.
CREATE TABLE standings (
    account_id uuid NOT NULL,
    aspect text NOT NULL,
    revision bigint NOT NULL,
    said_at timestamptz NOT NULL,
    word text,
    at timestamptz,
    amount bigint,
    currency text,
    PRIMARY KEY (account_id, aspect)
);

-- Who is signed in: a session is known by the SHA-256 of its cookie, and began with the link of one letter.
CREATE TABLE sessions (
    session bytea PRIMARY KEY,
    letter_id uuid NOT NULL,
    account_id uuid NOT NULL,
    signed_in_at timestamptz NOT NULL,
    wanted text
);
CREATE INDEX sessions_by_letter ON sessions (letter_id);
CREATE INDEX sessions_by_age ON sessions (signed_in_at);

INSERT INTO accounts
SELECT s.account_id, signup_id, email, paid_at FROM signups s JOIN journeys USING (signup_id) WHERE paid_at IS NOT NULL;
INSERT INTO standings
SELECT s.account_id, 'plan', 0, paid_at, plan FROM signups s JOIN journeys USING (signup_id) WHERE paid_at IS NOT NULL;
