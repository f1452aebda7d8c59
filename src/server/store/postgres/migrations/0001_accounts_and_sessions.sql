-- Times are Unix milliseconds of the application's clock; to_timestamp(began_at / 1000.0) shows one.
-- Texts that are looked up compare byte by byte, so that no update of the system's collations spoils an index.

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,                 -- as typed
    email_key     text COLLATE "C" NOT NULL,     -- canonical; what makes two addresses the same
    display_name  text NOT NULL,
    password_hash text NOT NULL,                 -- PHC string
    created_at    bigint NOT NULL,
    disabled_at   bigint
);

CREATE UNIQUE INDEX users_email_key ON users (email_key);

-- One row per signed-in browser. Refresh tokens are not stored: they are a MAC over the id and a generation.
-- The room left in each page lets a rotation write the new row beside the old one, without touching an index.
CREATE TABLE sessions (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id   text NOT NULL,
    method      text NOT NULL,
    began_at    bigint NOT NULL,
    expires_at  bigint NOT NULL,
    generation  bigint NOT NULL,                 -- of the newest refresh token
    rotated_at  bigint NOT NULL,                 -- when that one was made
    delivered   bigint NOT NULL,                 -- the newest generation seen to have arrived
    ended_at    bigint,
    end_reason  text,
    address     text NOT NULL,
    user_agent  text NOT NULL,
    reused_from text,                            -- the address an old token came from, if that ended it
    reuse_dismissed_at bigint,                   -- when its owner had seen that
    CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_live ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_reused ON sessions (user_id) WHERE end_reason = 'reuse' AND reuse_dismissed_at IS NULL;
CREATE INDEX sessions_ended_at ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Clients have two secrets while they change them. The client "web" is known without being registered.
CREATE TABLE clients (
    id                   text COLLATE "C" PRIMARY KEY,
    audience             text,
    secret_hash          bytea NOT NULL CHECK (length(secret_hash) = 32),
    previous_secret_hash bytea CHECK (length(previous_secret_hash) = 32),
    created_at           bigint NOT NULL
);

CREATE TABLE signing_keys (
    number     bigint PRIMARY KEY,               -- counts the keys; of servers that make the next one, one does
    id         text COLLATE "C" NOT NULL UNIQUE, -- kid
    sealed     bytea NOT NULL,                   -- PKCS#8, encrypted under the master secret
    created_at bigint NOT NULL,
    signs_from bigint NOT NULL
);

-- Which versions of the master secret there are; the secrets themselves are elsewhere.
CREATE TABLE secret_versions (
    version      bigint PRIMARY KEY CHECK (version BETWEEN 1 AND 255),
    fingerprint  bytea NOT NULL CHECK (length(fingerprint) = 16),
    needed_until bigint NOT NULL                 -- when the last refresh token made under it expires
);

-- Whatever ends a session tells every server, with its commit: no statement can forget to. The whole database hears it,
-- so it is said whose session it is.
CREATE FUNCTION tell_session_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tokenlife_session_ended', TG_TABLE_SCHEMA || ' ' || NEW.id);
    RETURN NULL;
END
$$;

CREATE TRIGGER session_ended AFTER UPDATE OF ended_at ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION tell_session_ended();
