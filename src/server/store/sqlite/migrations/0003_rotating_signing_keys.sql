-- Signing keys follow one another: `number` is the place in the row, held by one key each.

CREATE TABLE numbered_signing_keys (
    number     INTEGER PRIMARY KEY NOT NULL,
    id         TEXT NOT NULL UNIQUE,             -- kid
    sealed     BLOB NOT NULL,                    -- PKCS#8, encrypted under the master secret
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL
) STRICT;

INSERT INTO numbered_signing_keys (number, id, sealed, created_at, signs_from)
SELECT row_number() OVER (ORDER BY created_at, id), id, sealed, created_at, created_at FROM signing_keys;

DROP TABLE signing_keys;
ALTER TABLE numbered_signing_keys RENAME TO signing_keys;
