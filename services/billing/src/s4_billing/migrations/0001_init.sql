-- One counter orders what happens here, whatever the clocks of replicas say: an event that got its tick before a fetch
-- got its own was received before that fetch began, so the fetch has seen its effect.
CREATE SEQUENCE billing_tick;

-- A Stripe customer for an account. The row is there before Stripe is asked.
CREATE TABLE billing_customer (
    account_id uuid PRIMARY KEY,
    stripe_customer_id text UNIQUE,
    email text NOT NULL,
    synced_tick bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL
);

CREATE TABLE checkout (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES billing_customer,
    plan text NOT NULL,
    email text NOT NULL,
    ui text NOT NULL CHECK (ui IN ('embedded', 'hosted')),
    locale text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'expired', 'pending', 'paid')),
    attempt int NOT NULL DEFAULT 1,
    stripe_session_id text UNIQUE,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX checkout_one_open ON checkout (account_id) WHERE state = 'open';
CREATE INDEX checkout_unfinished ON checkout (expires_at) WHERE state IN ('open', 'pending');

CREATE TABLE subscription (
    id uuid PRIMARY KEY,
    stripe_subscription_id text NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES billing_customer,
    checkout_id uuid REFERENCES checkout,
    plan text,
    state text NOT NULL CHECK (state IN ('pending', 'active', 'past_due', 'suspended', 'ended')),
    stripe_status text NOT NULL,
    ever_paid boolean NOT NULL,
    period_end timestamptz,
    cancel_at timestamptz,
    revision bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX subscription_account ON subscription (account_id);

-- That something happened at Stripe. Never what: that is fetched when the event is handled.
CREATE TABLE stripe_event (
    id text PRIMARY KEY,
    type text NOT NULL,
    object_type text NOT NULL,
    object_id text NOT NULL,
    stripe_customer_id text,
    state text NOT NULL CHECK (state IN ('new', 'done', 'ignored', 'dead')),
    tick bigint NOT NULL DEFAULT nextval('billing_tick'),
    happened_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    error text,
    due_at timestamptz,
    lease_token uuid,
    lease_until timestamptz,
    attempts int NOT NULL DEFAULT 0
);
CREATE INDEX stripe_event_due ON stripe_event (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX stripe_event_new ON stripe_event (stripe_customer_id) WHERE state = 'new';

-- What we are about to ask of Stripe, written down before it is asked. The key makes Stripe do it once.
CREATE TABLE stripe_command (
    idempotency_key text PRIMARY KEY,
    kind text NOT NULL,
    account_id uuid NOT NULL,
    params jsonb,  -- null once the outcome is known: it holds an address
    params_hash text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'unknown', 'ok', 'failed')),
    result_id text,
    error text,
    created_at timestamptz NOT NULL,
    tried_at timestamptz NOT NULL
);
CREATE INDEX stripe_command_unsettled ON stripe_command (tried_at) WHERE state IN ('pending', 'unknown');

CREATE TABLE reconcile_run (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    events_missing int NOT NULL DEFAULT 0,
    checkouts_stale int NOT NULL DEFAULT 0
);

CREATE TABLE provisioning_failure (
    grid_id uuid NOT NULL,
    step text NOT NULL,
    code text NOT NULL,
    account_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    final boolean NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (grid_id, step, code, final)
);
