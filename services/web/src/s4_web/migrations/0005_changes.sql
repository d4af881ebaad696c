-- Changes of a person's address. Nobody's account moves before both addresses have confirmed it; "accounts" are then
-- those that moved. Of one address only one change is open.
CREATE TABLE email_changes (
    request_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    accounts uuid[] NOT NULL,
    old_email text NOT NULL,
    new_email text NOT NULL,
    asked_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    old_confirmed_at timestamptz,
    new_confirmed_at timestamptz,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'withdrawn', 'refused', 'expired')),
    ended_at timestamptz
);
CREATE UNIQUE INDEX open_email_changes ON email_changes (lower(old_email)) WHERE state = 'open';
CREATE INDEX email_changes_done ON email_changes USING gin (accounts) WHERE state = 'done';

-- What an owner chose of letters; without a row, or where it is null, nothing was chosen.
CREATE TABLE letter_choices (
    account_id uuid PRIMARY KEY,
    language text,
    is_wanted boolean,
    chosen_at timestamptz NOT NULL
);

-- What an owner wants with a grid: that it pauses, that it is erased. The revision rises with each change of mind.
CREATE TABLE grid_wishes (
    grid_id uuid NOT NULL,
    what text NOT NULL CHECK (what IN ('pause', 'erase')),
    is_wanted boolean NOT NULL,
    revision bigint NOT NULL,
    chosen_at timestamptz NOT NULL,
    PRIMARY KEY (grid_id, what)
);

-- On record: each time that addresses of objects, or keys for a bucket, were given out. Rows are only ever added.
CREATE TABLE exports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id uuid NOT NULL,
    grid_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('list', 'keys')),
    letter_id uuid NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX exports_of_account ON exports (account_id, at DESC);
