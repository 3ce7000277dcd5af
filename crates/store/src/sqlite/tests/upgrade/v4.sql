-- A database as version 4 of the schema left it. Never edited: it stands for files that are out there.
CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    previous TEXT NOT NULL,
    body     TEXT NOT NULL,
    hash     TEXT NOT NULL
) STRICT;
INSERT INTO audit VALUES(1,'p','{}','h');
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
, seal BLOB, begun_seal BLOB, ended_seal BLOB) STRICT;
INSERT INTO calls VALUES(1,0,1,'123456','a','a','payment_callback','POST','https://example.com',NULL,NULL,1,1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE directory (
    environment INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    key         TEXT NOT NULL,
    body        TEXT,
    generation  INTEGER NOT NULL,
    seal        BLOB,
    PRIMARY KEY (environment, kind, key)
) STRICT, WITHOUT ROWID;
INSERT INTO directory VALUES(0,'merchant','912345678','{}',1,NULL);
INSERT INTO directory VALUES(1,'merchant','912345678','{"name":"Acme"}',1,NULL);
CREATE TABLE events (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    record      INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    body        TEXT NOT NULL, seal BLOB,
    PRIMARY KEY (environment, msn, record, version, position)
) STRICT, WITHOUT ROWID;
INSERT INTO events VALUES(1,'123456',1,1,0,1,'a',NULL);
INSERT INTO events VALUES(1,'123456',1,1,1,2,'a',NULL);
CREATE TABLE heads (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    seal  BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE installation (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO installation VALUES(1,1);
CREATE TABLE records (
    number      INTEGER PRIMARY KEY,
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    kind        TEXT NOT NULL,
    name        TEXT NOT NULL,
    version     INTEGER NOT NULL,
    deadline    INTEGER,
    body        TEXT NOT NULL, seal BLOB,
    UNIQUE (environment, msn, kind, name)
) STRICT;
INSERT INTO records VALUES(1,1,'123456','payment','a',1,5,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL);
CREATE TABLE replies (
    environment INTEGER NOT NULL,
    msn         TEXT NOT NULL,
    scope       TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status      INTEGER NOT NULL,
    body        TEXT NOT NULL, seal BLOB,
    PRIMARY KEY (environment, msn, scope, key)
) STRICT;
INSERT INTO replies VALUES(1,'123456','a','a','a',200,'a',NULL);
CREATE INDEX records_by_due ON records (kind, environment, msn, deadline, name) WHERE deadline IS NOT NULL;
CREATE INDEX calls_by_unit ON calls (environment, msn);
CREATE INDEX calls_by_subject ON calls (environment, msn, about);
CREATE INDEX calls_open ON calls (state) WHERE state < 2;
CREATE INDEX records_by_kind ON records (environment, msn, kind);
CREATE INDEX directory_by_generation ON directory (generation);
PRAGMA user_version = 4;
