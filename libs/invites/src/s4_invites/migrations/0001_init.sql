-- The newest furl of each grid, by its reference; the furl itself stays with the provisioner.
CREATE TABLE furls (
    grid_id uuid PRIMARY KEY,
    account_id uuid NOT NULL,
    claim_ref text NOT NULL,
    issued_at timestamptz NOT NULL
);
