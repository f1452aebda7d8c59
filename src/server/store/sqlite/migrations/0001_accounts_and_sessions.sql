-- Times are Unix milliseconds, ids are UUIDs as 16 bytes. STRICT makes SQLite keep to the types.

CREATE TABLE users (
    id            BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    email         TEXT NOT NULL,                 -- as typed
    email_key     TEXT NOT NULL,                 -- canonical; what makes two addresses the same
    display_name  TEXT NOT NULL,
    password_hash TEXT NOT NULL,                 -- PHC string
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX users_email_key ON users (email_key);

-- One row per signed-in browser. Refresh tokens are not stored: they are a MAC over the id and a generation.
CREATE TABLE sessions (
    id          BLOB PRIMARY KEY NOT NULL CHECK (length(id) = 16),
    user_id     BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id   TEXT NOT NULL,
    method      TEXT NOT NULL,
    began_at    INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    generation  INTEGER NOT NULL,                -- of the newest refresh token
    rotated_at  INTEGER NOT NULL,                -- when that one was made
    delivered   INTEGER NOT NULL,                -- the newest generation seen to have arrived
    ended_at    INTEGER,
    end_reason  TEXT,
    address     TEXT NOT NULL,
    user_agent  TEXT NOT NULL,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_ended_at ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE clients (
    id          TEXT PRIMARY KEY NOT NULL,
    secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    id         TEXT PRIMARY KEY NOT NULL,        -- kid
    sealed     BLOB NOT NULL,                    -- PKCS#8, encrypted under the master secret
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
