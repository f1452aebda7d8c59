-- Which versions of the master secret there are; the secrets themselves are elsewhere.

CREATE TABLE secret_versions (
    version      INTEGER PRIMARY KEY NOT NULL CHECK (version BETWEEN 1 AND 255),
    fingerprint  BLOB NOT NULL CHECK (length(fingerprint) = 16),
    needed_until INTEGER NOT NULL                -- when the last refresh token made under it expires
) STRICT;
