-- Invites that ended long ago are forgotten; they are looked for every few seconds.
CREATE INDEX invites_ended ON invites (ended_at) WHERE ended_at IS NOT NULL;
