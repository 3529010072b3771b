-- A state file of version 1, as its SQL made it, with something in each table.
PRAGMA application_id = 1397050437;
PRAGMA user_version = 1;

CREATE TABLE api_key (
    key_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    secret_sha256 BLOB NOT NULL,
    scopes TEXT NOT NULL,
    rate_per_minute INTEGER,
    created_at TEXT NOT NULL,
    expires_at TEXT,
    revoked_at TEXT
);
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;
CREATE TABLE signing_secret (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    secret BLOB NOT NULL
);
CREATE TABLE decision (
    decision_id INTEGER PRIMARY KEY,
    version TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    champion TEXT,
    relative_difference REAL,
    low REAL,
    high REAL,
    metric TEXT,
    n_users INTEGER
);
CREATE INDEX decision_version ON decision (version);
CREATE TABLE rule (name TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rules_revision (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
);
INSERT INTO rules_revision VALUES (1, 0);
CREATE TABLE experiment (
    experiment_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    control_version TEXT NOT NULL,
    treatment_version TEXT NOT NULL,
    share REAL NOT NULL,
    started_at TEXT NOT NULL,
    stopped_at TEXT
);
CREATE UNIQUE INDEX experiment_running ON experiment (stopped_at IS NULL) WHERE stopped_at IS NULL;
CREATE TABLE participant (
    participant_id INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiment ON DELETE CASCADE,
    user_hash BLOB NOT NULL,
    variant TEXT NOT NULL CHECK (variant IN ('control', 'treatment')),
    exposed_at INTEGER NOT NULL,
    converted_at INTEGER,
    UNIQUE (user_hash, experiment_id)
);
CREATE INDEX participant_tally ON participant (experiment_id, variant, converted_at);
CREATE TABLE exposure (
    recommendation_id TEXT PRIMARY KEY,
    participant_id INTEGER NOT NULL REFERENCES participant ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX exposure_participant ON exposure (participant_id);
CREATE TABLE conversion (
    event_id TEXT PRIMARY KEY,
    participant_id INTEGER NOT NULL REFERENCES participant ON DELETE CASCADE,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX conversion_participant ON conversion (participant_id);

-- Their secrets: sel_1_ and 43 times k, sel_2_ and 43 times o.
INSERT INTO api_key VALUES
    (1, 'shop', X'b831131ff16fa5f4f6dc3141e07a0e898f02da10c113e4f8f91dc883655a640e',
     'read events', 600, '2026-01-05T08:00:00+00:00', NULL, NULL),
    (2, 'old shop', X'5d57054fd9edc7ffdeabb4349891d632f8f5d534d707687dd8f1b994334eeffd',
     'admin', NULL, '2025-06-01T08:00:00+00:00', NULL, '2025-12-24T18:00:00+00:00');
INSERT INTO signing_secret VALUES (1, X'2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a');
INSERT INTO decision VALUES
    (1, 'v1', '2026-01-06T01:00:00Z', 'published', 'it is the first model',
     NULL, NULL, NULL, NULL, NULL, NULL),
    (2, 'v2', '2026-01-07T01:00:00Z', 'kept_aside', 'it is worse',
     'v1', -0.25, -0.3, -0.2, 'ndcg@10', 812);
INSERT INTO rule VALUES ('no-7', '{"name":"no-7","action":"hide","product_ids":[7]}');
UPDATE rules_revision SET revision = 1;
INSERT INTO experiment VALUES
    (1, 'summer', 'v0', 'v1', 0.5, '2025-07-01T00:00:00+00:00', '2025-07-20T00:00:00+00:00'),
    (2, 'autumn', 'v1', 'v2', 0.2, '2026-01-08T00:00:00+00:00', NULL);
-- The users 4, 5, 4 and 6, by their hashes.
INSERT INTO participant VALUES
    (1, 1, X'2f88ebfb325fcf9a72c814eb4981897f', 'control', 1751400000, 1751401000),
    (2, 1, X'ec871ad217dbaefa307a8a66538df98a', 'treatment', 1751400000, NULL),
    (3, 2, X'2f88ebfb325fcf9a72c814eb4981897f', 'treatment', 1767900000, 1767901000),
    (4, 2, X'ffc8e93884ec944b8bd3fcb2b3e8ceec', 'control', 1767900000, NULL);
INSERT INTO exposure VALUES ('answer-1', 3), ('answer-2', 4);
INSERT INTO conversion VALUES ('order-1', 3, 1767901000);
