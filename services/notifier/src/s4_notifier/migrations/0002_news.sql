-- Letters of every kind. A row still has everything that the letter's bytes depend on: facts is what its words say.
ALTER TABLE letters
    ALTER COLUMN grid_id DROP NOT NULL,
    ALTER COLUMN claim_ref DROP NOT NULL,
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}',
    -- News: whose, about what, and how new. Of one topic only the newest is sent; without a topic, always.
    ADD COLUMN signup_id text,
    ADD COLUMN subscription_id text,
    ADD COLUMN topic text,
    ADD COLUMN revision bigint,
    ADD COLUMN rank integer NOT NULL DEFAULT 0,
    ADD COLUMN happened_at timestamptz,
    DROP CONSTRAINT letters_state_check,
    ADD CONSTRAINT letters_state_check CHECK (state IN ('owed', 'sent', 'bounced', 'withdrawn'));

CREATE INDEX letters_of_signup ON letters (signup_id);
CREATE INDEX letters_of_account ON letters (account_id) WHERE state = 'owed';
