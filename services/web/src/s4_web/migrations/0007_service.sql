-- What is told on the page about the service: how much of what there was on a day (UTC).
CREATE TABLE service_days (
    day date NOT NULL,
    what text NOT NULL,
    amount double precision NOT NULL,
    PRIMARY KEY (day, what)
);

-- Grids that are being made, and those that are away, are few among many.
CREATE INDEX journeys_being_made ON journeys (paid_at) WHERE ready_at IS NULL;
CREATE INDEX journeys_lost ON journeys (lost_at) WHERE lost_at IS NOT NULL;
CREATE INDEX journeys_made ON journeys (ready_at) WHERE ready_at IS NOT NULL;
