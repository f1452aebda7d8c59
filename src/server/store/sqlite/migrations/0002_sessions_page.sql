-- What the owner of a session is told and asked about it.

ALTER TABLE sessions ADD COLUMN reused_from TEXT;           -- the address an old token came from, if that ended it
ALTER TABLE sessions ADD COLUMN reuse_dismissed_at INTEGER; -- when its owner had seen that

CREATE INDEX sessions_live ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_reused ON sessions (user_id) WHERE end_reason = 'reuse' AND reuse_dismissed_at IS NULL;
