-- Each change of somebody's notes counts up their revision.
CREATE TABLE owners (
    owner    TEXT PRIMARY KEY,
    revision INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    id         TEXT PRIMARY KEY DEFAULT (lower(hex(randomblob(16)))),
    owner      TEXT NOT NULL REFERENCES owners (owner),
    title      TEXT NOT NULL,
    text       TEXT NOT NULL,
    -- What search looks into. In lower case already, because SQLite's own lower() knows ASCII only.
    folded     TEXT NOT NULL,
    -- The owner's revision of the last change.
    version    INTEGER NOT NULL,
    changed_at INTEGER NOT NULL DEFAULT (unixepoch())
) STRICT;

CREATE UNIQUE INDEX notes_by_change ON notes (owner, version);
