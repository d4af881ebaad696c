-- More of what Stripe says of a subscription, and the next moment at which the clock alone changes what it means.
ALTER TABLE subscription
    ADD COLUMN duplicate boolean NOT NULL DEFAULT false,
    ADD COLUMN trial_end timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN end_reason text,
    ADD COLUMN delete_after timestamptz,
    ADD COLUMN deleted_at timestamptz,
    ADD COLUMN failing_invoice text,
    ADD COLUMN attempts int NOT NULL DEFAULT 0,
    ADD COLUMN next_attempt_at timestamptz,
    ADD COLUMN suspends_at timestamptz,
    ADD COLUMN must_confirm boolean NOT NULL DEFAULT false,
    ADD COLUMN suspended_for text,
    ADD COLUMN disputed boolean NOT NULL DEFAULT false,
    ADD COLUMN pending_plan text,
    ADD COLUMN pending_plan_at timestamptz,
    ADD COLUMN review_at timestamptz;
-- Of several live ones of an account one is kept, by the rule of duplicates.py; the next look ends the others.
UPDATE subscription SET duplicate = true WHERE state <> 'ended' AND id <> (
    SELECT other.id FROM subscription AS other WHERE other.account_id = subscription.account_id
        AND other.state <> 'ended'
    ORDER BY other.checkout_id IS NULL, NOT other.ever_paid, other.created_at, other.id LIMIT 1
);
-- Each is looked at once, for all that was not asked before.
UPDATE subscription SET review_at = changed_at;
CREATE INDEX subscription_review ON subscription (review_at) WHERE review_at IS NOT NULL;
CREATE UNIQUE INDEX subscription_one_live ON subscription (account_id) WHERE state <> 'ended' AND NOT duplicate;

-- Bills as Stripe has them; amounts in the currency's minor unit. The addresses of a bill are asked for when needed.
CREATE TABLE invoice (
    id uuid PRIMARY KEY,
    stripe_invoice_id text NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES billing_customer,
    stripe_subscription_id text,
    number text,
    status text NOT NULL,
    billing_reason text,
    currency text NOT NULL,
    total bigint NOT NULL,
    tax bigint NOT NULL,
    amount_paid bigint NOT NULL,
    amount_due bigint NOT NULL,
    amount_refunded bigint NOT NULL,
    attempts int NOT NULL,
    stripe_charge_id text,
    period_end timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX invoice_account ON invoice (account_id, created_at DESC);

-- Refunds: ours from the decision on, others from when Stripe shows them.
CREATE TABLE refund (
    id uuid PRIMARY KEY,
    stripe_refund_id text UNIQUE,
    account_id uuid NOT NULL REFERENCES billing_customer,
    stripe_invoice_id text,
    stripe_charge_id text,
    amount bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('not-provided', 'duplicate', 'goodwill', 'other')),
    state text NOT NULL CHECK (state IN ('proposed', 'wanted', 'pending', 'succeeded', 'failed', 'canceled')),
    note text,
    proposed_by text,
    approved_by text,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX refund_account ON refund (account_id);

-- Disputes and warnings of fraud.
CREATE TABLE dispute (
    stripe_dispute_id text PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES billing_customer,
    kind text NOT NULL CHECK (kind IN ('dispute', 'fraud-warning')),
    stripe_invoice_id text,
    stripe_charge_id text NOT NULL,
    amount bigint NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    status text NOT NULL,
    is_open boolean NOT NULL,
    evidence_due_by timestamptz,
    created_at timestamptz NOT NULL
);
CREATE INDEX dispute_account ON dispute (account_id);
-- A charge does not say that there is a warning about it: which there are is known from the events that told of them.
CREATE INDEX stripe_event_warning ON stripe_event (stripe_customer_id)
    WHERE object_type = 'radar.early_fraud_warning';
CREATE INDEX provisioning_failure_account ON provisioning_failure (account_id) WHERE final;

-- A change of plan as it was shown to a person: what is applied is what was shown, or nothing.
CREATE TABLE plan_preview (
    id uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES billing_customer,
    subscription_id uuid NOT NULL REFERENCES subscription,
    from_plan text NOT NULL,
    plan text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('upgrade', 'downgrade')),
    proration_at timestamptz,
    amount_now bigint NOT NULL,
    currency text NOT NULL,
    revision bigint NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz
);

-- What people did, and why. Only ever added to.
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    what text NOT NULL,
    account_id uuid,
    facts jsonb NOT NULL
);
CREATE INDEX audit_account ON audit (account_id, at);

-- The last look at everything: one row for each difference between Stripe and us.
CREATE TABLE drift (
    run_id bigint NOT NULL REFERENCES reconcile_run,
    kind text NOT NULL,
    account_id uuid,
    stripe_id text NOT NULL,
    ours text NOT NULL,
    theirs text NOT NULL,
    applied boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, kind, stripe_id)
);
ALTER TABLE reconcile_run
    ADD COLUMN scope text NOT NULL DEFAULT 'events' CHECK (scope IN ('events', 'hourly', 'nightly')),
    ADD COLUMN compared int NOT NULL DEFAULT 0,
    ADD COLUMN drift int NOT NULL DEFAULT 0,
    ADD COLUMN requests int NOT NULL DEFAULT 0;
