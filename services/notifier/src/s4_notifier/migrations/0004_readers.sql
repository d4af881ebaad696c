-- What an account's owner chose about letters. Of two choices the newer counts, in whatever order they were heard.
CREATE TABLE readers (
    account_id     text PRIMARY KEY,
    language       text,
    language_at    timestamptz NOT NULL DEFAULT '-infinity',
    wants_optional boolean NOT NULL DEFAULT true,
    optional_at    timestamptz NOT NULL DEFAULT '-infinity'
);

-- Of two addresses of an account the one that was told of later counts.
ALTER TABLE addressees ADD COLUMN told_at timestamptz NOT NULL DEFAULT '-infinity';

-- Addresses, in lower case, that a mail server has refused for good.
CREATE TABLE undeliverable (
    email text PRIMARY KEY,
    code  text NOT NULL,
    since timestamptz NOT NULL
);

-- Grids whose furl their owner has been shown, or a client of theirs has taken.
CREATE TABLE claims (
    grid_id    text PRIMARY KEY,
    claimed_at timestamptz NOT NULL
);
INSERT INTO claims SELECT grid_id, min(claimed_at) FROM letters WHERE claimed_at IS NOT NULL GROUP BY grid_id;

ALTER TABLE letters
    -- Where it goes, when that is not the account's address.
    ADD COLUMN recipient text,
    -- Letters of one matter are one conversation, which some of them open.
    ADD COLUMN matter text,
    ADD COLUMN opens boolean NOT NULL DEFAULT false,
    -- The letter that an operator wanted sent once more; its link, if it has one, is the one that letter had.
    ADD COLUMN copy_of text,
    -- Where and when a mail server took it, and what came back.
    ADD COLUMN sent_to text,
    ADD COLUMN sent_at timestamptz,
    ADD COLUMN code text,
    ADD COLUMN complained_at timestamptz;

CREATE INDEX letters_of_matter ON letters (matter, sent_at) WHERE opens;
CREATE INDEX letters_of_kind ON letters (account_id, kind, issued_at);
