-- Addresses as billing last told them; nothing else about a person is kept here.
CREATE TABLE addressees (
    account_id text PRIMARY KEY,
    email      text NOT NULL
);

-- One row for each letter that is owed. The row has everything that the letter's bytes depend on, so a
-- letter that is sent twice is the same letter, Message-ID and link included.
CREATE TABLE letters (
    letter_id   text PRIMARY KEY,
    account_id  text NOT NULL,
    kind        text NOT NULL,
    grid_id     text NOT NULL,
    claim_ref   text NOT NULL,
    issued_at   timestamptz NOT NULL,
    state       text NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'sent', 'bounced')),
    claimed_at  timestamptz,
    due_at      timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts    integer NOT NULL DEFAULT 0
);

CREATE INDEX letters_due ON letters (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX letters_of_grid ON letters (grid_id, issued_at DESC);
