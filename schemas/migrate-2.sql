-- From version 2 to 3: masked texts.

-- Texts with personal data taken out (rule "pii" of the filter): what goes to training and export in
-- the place of the original, which stays as it is in `sample`.
CREATE TABLE masked (
    sample_id INTEGER NOT NULL REFERENCES sample (id),
    field     TEXT NOT NULL CHECK (field IN ('system', 'instruction', 'input', 'output', 'messages')),
    text      TEXT NOT NULL,
    PRIMARY KEY (sample_id, field)
) STRICT, WITHOUT ROWID;
