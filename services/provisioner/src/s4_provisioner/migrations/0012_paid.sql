-- When the customer paid, as billing says. Grids from before do not have it.
alter table grids add column paid_at timestamptz;
