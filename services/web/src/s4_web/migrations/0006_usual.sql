-- How long things usually take is known from the latest grids of the same plan; they are found by this index.
ALTER TABLE journeys
    ADD COLUMN bought_plan text,
    ADD COLUMN written_at timestamptz;
UPDATE journeys SET bought_plan = signups.plan FROM signups WHERE signups.signup_id = journeys.signup_id;
CREATE INDEX journeys_by_ready ON journeys (bought_plan, ready_at DESC) WHERE ready_at IS NOT NULL;

-- When a step that failed is tried again, where that was said.
ALTER TABLE steps ADD COLUMN next_try_at timestamptz;
