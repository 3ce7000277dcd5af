-- A database as version 2 of the schema left it. Never edited: it stands for files that are out there.
CREATE TABLE records (
    number      INTEGER PRIMARY KEY,
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    deadline    INTEGER,
    body        TEXT NOT NULL,
    UNIQUE (environment, msn, kind, name)
) STRICT;
CREATE INDEX records_by_deadline ON records (environment, msn, deadline, kind, name) WHERE deadline IS NOT NULL;

CREATE TABLE events (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    record      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, msn, record, version, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE replies (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, msn, scope, key)
) STRICT;

CREATE TABLE calls (
    number        INTEGER PRIMARY KEY,
    state         INTEGER NOT NULL,
    environment   INTEGER NOT NULL,
    msn           TEXT NOT NULL,
    about         TEXT NOT NULL,
    id            TEXT NOT NULL UNIQUE,
    purpose       TEXT NOT NULL,
    method        TEXT NOT NULL,
    url           TEXT NOT NULL,
    authorization TEXT,
    body          TEXT,
    timeout_ms    INTEGER NOT NULL,
    owed_at       INTEGER NOT NULL,
    begun_at      INTEGER,
    outcome       TEXT
) STRICT;
CREATE INDEX calls_by_unit ON calls (environment, msn);
CREATE INDEX calls_by_subject ON calls (environment, msn, about);
CREATE INDEX calls_open ON calls (state) WHERE state < 2;

CREATE TABLE directory (
    environment INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (environment, kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    previous TEXT NOT NULL,
    body     TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_kind ON records (environment, msn, kind);

INSERT INTO records (number, environment, msn, kind, name, version, deadline, body) VALUES
    (1, 1, '123456', 'payment', 'a', 1, 5, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO events (environment, msn, record, version, position, at, body) VALUES
    (1, '123456', 1, 1, 0, 1, 'a'),
    (1, '123456', 1, 1, 1, 2, 'a');
INSERT INTO replies (environment, msn, scope, key, fingerprint, status, body) VALUES
    (1, '123456', 'a', 'a', 'a', 200, 'a');
INSERT INTO calls (number, state, environment, msn, about, id, purpose, method, url, timeout_ms, owed_at) VALUES
    (1, 0, 1, '123456', 'a', 'a', 'payment_callback', 'POST', 'https://example.com', 1, 1);
INSERT INTO directory (environment, kind, key, body) VALUES
    (0, 'merchant', '912345678', '{}'),
    (1, 'merchant', '912345678', '{"name":"Acme"}');
INSERT INTO audit (number, previous, body, hash) VALUES (1, 'p', '{}', 'h');
PRAGMA user_version = 2;
