-- From version 1 to 2: batches.

-- Requests handed over together (provider's batches): answered within a day, at a lower price.
--
--   made ──► uploaded ──► creating ──► running ──► ended ──► done
--     └──────────┴───────────┴────────────┴──────────┴─────► dropped (nothing of it was asked)
--
-- A state is committed before what it names is done: 'creating' says that the teacher may have it.
CREATE TABLE batch (
    id         INTEGER PRIMARY KEY,
    teacher_id INTEGER NOT NULL REFERENCES teacher (id),
    run_id     INTEGER REFERENCES run (id),
    tag        TEXT NOT NULL UNIQUE,      -- stands in the metadata at the teacher: an orphan's name
    state      TEXT NOT NULL CHECK (state IN ('made', 'uploaded', 'creating', 'running', 'ended',
                                              'done', 'dropped')),
    status     TEXT,                      -- in the teacher's words
    remote     TEXT,                      -- its number at the teacher
    input      TEXT,                      -- files at the teacher
    output     TEXT,
    errors     TEXT,
    message    TEXT,                      -- why it was refused or dropped
    lines      INTEGER NOT NULL,
    made_ms    INTEGER NOT NULL,
    ended_ms   INTEGER
) STRICT;

-- What is or was in a batch.  settled: its answer is stored, or it is known to have none.
CREATE TABLE batch_line (
    request_id INTEGER NOT NULL REFERENCES request (id),
    batch_id   INTEGER NOT NULL REFERENCES batch (id),
    place      INTEGER NOT NULL,          -- line in the input, from 1
    settled    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (request_id, batch_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX batch_line_open ON batch_line (batch_id) WHERE settled = 0;
