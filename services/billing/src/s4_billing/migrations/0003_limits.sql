-- Sessions that were asked for, to count them by who asked. Forgotten after two days.
CREATE TABLE checkout_opening (
    checkout_id uuid NOT NULL,
    attempt int NOT NULL,
    account_id uuid NOT NULL,
    email text NOT NULL,  -- in lower case
    ip_hash text,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (checkout_id, attempt)
);
CREATE INDEX checkout_opening_at ON checkout_opening (opened_at);
