-- The dataset file of retort, version 4.  Kept whole here; corpus/migrate.c brings older files up.
--
-- What must always hold (docs/ARCHITECTURE.md, "invariants"):
--   a reply is committed before anything looks inside it; a request key is paid once; every attempt
--   is a row; nothing is deleted by gen or filter; sum(reserved + settled) never passes the budget.
--
-- Times are milliseconds since 1970.  Money is in nano-USD, so that sums are exact.
-- Hashes are 16-byte blobs (XXH3-128, big-endian).

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Running totals, changed in the transaction that changes what they count (corpus_tally), so that
-- status is one look at a big file; `retort status --check` recounts them.
CREATE TABLE tally (
    key TEXT PRIMARY KEY,
    n   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One start of one stage.
CREATE TABLE run (
    id         INTEGER PRIMARY KEY,
    stage      TEXT NOT NULL,             -- gen, filter, train, eval, import, export
    state      TEXT NOT NULL,             -- running, done, partial, failed, interrupted, killed
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    version    TEXT NOT NULL,             -- of retort
    recipe     TEXT,                      -- the effective recipe, JSON
    sha256     TEXT,                      -- of its canonical form
    summary    TEXT                       -- JSON: what the stage reports at its end
) STRICT;

-- Who was asked.  The host and path of the endpoint, never a key.
CREATE TABLE teacher (
    id       INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    endpoint TEXT NOT NULL,               -- scheme://host[:port]/path, without user, query, key
    model    TEXT NOT NULL,
    licence  TEXT,                        -- as the user stated it
    UNIQUE (provider, endpoint, model)
) STRICT;

-- What is to be asked: a line of the prompt file, or what a strategy made.
CREATE TABLE prompt (
    id          INTEGER PRIMARY KEY,
    name        TEXT,                     -- the id given in the file
    source      TEXT NOT NULL,            -- file name and line, or strategy and step
    system      TEXT,
    instruction TEXT,
    input       TEXT,
    messages    TEXT,                     -- JSON array; NULL for a single turn
    raw         TEXT,                     -- for completions: the text as it goes out
    meta        TEXT,                     -- JSON object
    parent      INTEGER REFERENCES request (id) -- the request whose reply this was made from
) STRICT;

-- One question to one teacher.  answered + failed + waiting = all.
CREATE TABLE request (
    id          INTEGER PRIMARY KEY,
    key         BLOB NOT NULL UNIQUE,     -- hash of endpoint, canonical body, sample
    prompt_id   INTEGER NOT NULL REFERENCES prompt (id),
    teacher_id  INTEGER NOT NULL REFERENCES teacher (id),
    strategy    TEXT NOT NULL,
    step        TEXT NOT NULL,
    sample      INTEGER NOT NULL,
    state       TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'answered', 'failed')),
    cause       TEXT,                     -- why it failed: a name of net/cause.c
    tries       INTEGER NOT NULL DEFAULT 0,
    reserved_nusd   INTEGER NOT NULL DEFAULT 0, -- worst case of what is in flight, 0 when settled
    reserved_tokens INTEGER NOT NULL DEFAULT 0,
    parsed      INTEGER NOT NULL DEFAULT 0, -- parser version that made its rows; 0: not yet
    reply_id    INTEGER                   -- the reply that answered it
) STRICT;
CREATE INDEX request_waiting ON request (id) WHERE state = 'waiting';
CREATE INDEX request_reserved ON request (id) WHERE reserved_nusd + reserved_tokens > 0;

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

-- Every body as it came, committed before anything looks inside.
CREATE TABLE reply (
    id         INTEGER PRIMARY KEY,
    request_id INTEGER NOT NULL REFERENCES request (id),
    run_id     INTEGER REFERENCES run (id),
    started_ms INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
    status     INTEGER NOT NULL,          -- HTTP status
    headers    TEXT,                      -- those that pacing and support need
    packed     INTEGER NOT NULL DEFAULT 0, -- 1: body is a zstd frame
    body       BLOB NOT NULL
) STRICT;

-- Replies that are stored but not yet looked into: empty but for moments and after a crash.
CREATE TABLE unread (
    reply_id INTEGER PRIMARY KEY
) STRICT;

-- Every time a request went out and how it ended.
CREATE TABLE attempt (
    id            INTEGER PRIMARY KEY,    -- that of its reply, where one came
    request_id    INTEGER NOT NULL REFERENCES request (id),
    run_id        INTEGER REFERENCES run (id),
    started_ms    INTEGER NOT NULL,
    latency_ms    INTEGER NOT NULL,
    status        INTEGER NOT NULL,       -- HTTP status, 0 where there was none
    cause         TEXT,                   -- NULL: answered; else a name of net/cause.c
    message       TEXT,                   -- of the failure
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,    -- part of input_tokens
    reasoning_tokens INTEGER NOT NULL DEFAULT 0, -- part of output_tokens
    nusd          INTEGER NOT NULL DEFAULT 0,
    assumed       INTEGER NOT NULL DEFAULT 0 -- 1: nobody said; tokens and nusd are the worst case
) STRICT;
CREATE INDEX attempt_request ON attempt (request_id);

-- The samples.  Text columns hold what a person reads; nothing is ever removed from here.
CREATE TABLE sample (
    id            INTEGER PRIMARY KEY,
    name          TEXT UNIQUE,            -- the id given by a file or prompt; what decisions name
    name_number   INTEGER NOT NULL DEFAULT 0, -- 1: the id was a number there
    source        TEXT NOT NULL,          -- 'gen' or the imported file's name
    request_id    INTEGER REFERENCES request (id),
    choice        INTEGER NOT NULL DEFAULT 0,
    system        TEXT,
    instruction   TEXT NOT NULL,
    input         TEXT NOT NULL DEFAULT '',
    output        TEXT NOT NULL,
    reasoning     TEXT,
    messages      TEXT,                   -- JSON array of all turns but the last reply; NULL: single turn
    finish_reason TEXT,                   -- stop, length, content_filter …; NULL: not known
    meta          TEXT,                   -- JSON object: whatever else the source had
    hash          BLOB NOT NULL,          -- of system, instruction, input, messages, output
    added_ms      INTEGER NOT NULL,
    UNIQUE (request_id, choice)
) STRICT;

-- Soft labels of a reply: logprobs of its tokens and of their alternatives (corpus/softlabels.h).
CREATE TABLE softlabel (
    request_id INTEGER NOT NULL REFERENCES request (id),
    choice     INTEGER NOT NULL,
    tokens     INTEGER NOT NULL,
    data       BLOB NOT NULL,
    PRIMARY KEY (request_id, choice)
) STRICT, WITHOUT ROWID;

-- Every rule that fired on a sample.  action: remove, flag, keep.
CREATE TABLE verdict (
    sample_id  INTEGER NOT NULL REFERENCES sample (id),
    rule       TEXT NOT NULL,             -- 'human' for a person's decision
    version    INTEGER NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('remove', 'flag', 'keep')),
    value      REAL,
    threshold  REAL,
    field      TEXT,                      -- which text the span is in
    span_from  INTEGER,                   -- byte offsets
    span_to    INTEGER,
    match_id   INTEGER REFERENCES sample (id),
    similarity REAL,
    why        TEXT,                      -- in words
    PRIMARY KEY (sample_id, rule)
) STRICT, WITHOUT ROWID;

-- The sums over verdicts in tally hold until a verdict changes, by whatever hand; whoever ends a
-- filter run sums up again (verdicts_settle).
INSERT INTO tally VALUES ('verdicts.stale', 0);
CREATE TRIGGER verdict_added AFTER INSERT ON verdict
WHEN (SELECT n FROM tally WHERE key = 'verdicts.stale') = 0
BEGIN UPDATE tally SET n = 1 WHERE key = 'verdicts.stale'; END;
CREATE TRIGGER verdict_changed AFTER UPDATE ON verdict
WHEN (SELECT n FROM tally WHERE key = 'verdicts.stale') = 0
BEGIN UPDATE tally SET n = 1 WHERE key = 'verdicts.stale'; END;
CREATE TRIGGER verdict_gone AFTER DELETE ON verdict
WHEN (SELECT n FROM tally WHERE key = 'verdicts.stale') = 0
BEGIN UPDATE tally SET n = 1 WHERE key = 'verdicts.stale'; END;

-- Measured once a sample; thresholds are moved by SQL.
CREATE TABLE score (
    sample_id INTEGER NOT NULL REFERENCES sample (id),
    name      TEXT NOT NULL,
    version   INTEGER NOT NULL,
    value     REAL NOT NULL,
    PRIMARY KEY (sample_id, name)
) STRICT, WITHOUT ROWID;

-- Texts with personal data taken out (rule "pii" of the filter): what goes to training and export in
-- the place of the original, which stays as it is in `sample`.
CREATE TABLE masked (
    sample_id INTEGER NOT NULL REFERENCES sample (id),
    field     TEXT NOT NULL CHECK (field IN ('system', 'instruction', 'input', 'output', 'messages')),
    text      TEXT NOT NULL,
    PRIMARY KEY (sample_id, field)
) STRICT, WITHOUT ROWID;

-- Blocks of MinHash signatures with the identities of their samples, so that the filter compares a
-- new batch with the old rows without reading them again.  filter/signatures.h gives the layout.
CREATE TABLE signature (
    id    INTEGER PRIMARY KEY,
    kind  TEXT NOT NULL,                  -- algorithm, version and settings
    first INTEGER NOT NULL,               -- the ids of the samples it covers
    last  INTEGER NOT NULL,
    rows  INTEGER NOT NULL,
    data  BLOB NOT NULL
) STRICT;

-- A person's word is the last; else any 'remove' removes.
CREATE VIEW decision AS
SELECT s.id AS sample_id,
       NOT EXISTS (SELECT 1 FROM verdict v WHERE v.sample_id = s.id AND v.action = 'remove')
       OR EXISTS (SELECT 1 FROM verdict h
                  WHERE h.sample_id = s.id AND h.rule = 'human' AND h.action = 'keep') AS kept
FROM sample s;

-- What training and export take: masked texts stand in the place of their originals.
CREATE VIEW kept AS
SELECT s.id, s.name, s.name_number, s.source, s.request_id, s.choice,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'system'), s.system) AS system,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'instruction'), s.instruction) AS instruction,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'input'), s.input) AS input,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'output'), s.output) AS output,
       s.reasoning,
       coalesce((SELECT text FROM masked m WHERE m.sample_id = s.id AND m.field = 'messages'), s.messages) AS messages,
       s.finish_reason, s.meta, s.hash, s.added_ms
FROM sample s JOIN decision d ON d.sample_id = s.id WHERE d.kept;
CREATE VIEW removed AS SELECT s.* FROM sample s JOIN decision d ON d.sample_id = s.id WHERE NOT d.kept;

-- Results of training and evaluation.
CREATE TABLE checkpoint (
    id      INTEGER PRIMARY KEY,
    run_id  INTEGER NOT NULL REFERENCES run (id),
    step    INTEGER NOT NULL,
    path    TEXT NOT NULL,
    metrics TEXT NOT NULL                 -- JSON: loss, tokens, tokens_per_s …
) STRICT;

CREATE TABLE evaluation (
    id      INTEGER PRIMARY KEY,
    run_id  INTEGER NOT NULL REFERENCES run (id),
    model   TEXT NOT NULL,
    suite   TEXT NOT NULL,
    metrics TEXT NOT NULL                 -- JSON, as eval --json prints it
) STRICT;

-- What a model said to a prompt of eval: asked once, graded as often as wanted.
CREATE TABLE answer (
    key           BLOB PRIMARY KEY,       -- hash of the model, the conversation and the sampling
    run_id        INTEGER NOT NULL REFERENCES run (id),
    model         TEXT NOT NULL,
    reply         TEXT,                   -- NULL: read it from the body
    body          TEXT,                   -- as an endpoint sent it; NULL: computed here
    finish_reason TEXT,
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    nusd          INTEGER NOT NULL DEFAULT 0,
    ms            INTEGER NOT NULL DEFAULT 0 -- of computing or waiting, for this answer alone
) STRICT, WITHOUT ROWID;
