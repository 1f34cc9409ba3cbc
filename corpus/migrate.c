#include "corpus/migrate.h"

#include "core/embedded.h"
#include "corpus/corpus.h"

#include <stdio.h>

static int set_version(struct sql *s, int version, struct error *error)
{
    char text[96];
    (void)snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                   CORPUS_APPLICATION, version);
    return sql_exec(s, text, error);
}

/* Run the text and set the version in one transaction, unless the version is no longer `from`. */
static int step_once(struct sql *s, const char *text, int from, int to, struct error *error)
{
    int64_t now;
    if (sql_exec(s, "BEGIN IMMEDIATE", error) != 0)
        return -1;
    if (sql_scalar(s, "PRAGMA user_version", &now, error) != 0)
        goto fail;
    if (now == from && (sql_exec(s, text, error) != 0 || set_version(s, to, error) != 0))
        goto fail;
    if (sql_exec(s, "COMMIT", error) == 0)
        return 0;
fail:
    (void)sql_exec(s, "ROLLBACK", NULL);
    return -1;
}

int migrate_create(struct sql *s, struct error *error)
{
    const struct embedded_file *schema = embedded_find("schemas/dataset.sql");
    /* The mode is part of the file and cannot be changed inside a transaction. */
    if (sql_exec(s, "PRAGMA journal_mode = WAL", error) != 0)
        return -1;
    /* An empty dataset may be lost with the power; the first commit that is not waits for the disk. */
    if (sql_exec(s, "PRAGMA synchronous = NORMAL", error) != 0)
        return -1;
    return step_once(s, schema->data, 0, CORPUS_VERSION, error);
}

int migrate_steps(struct sql *s, int from, int to, const char *(*step)(int from),
                  struct error *error)
{
    for (int version = from; version < to; version++) {
        const char *text = step(version);
        if (text == NULL)
            return error_set(error, ERROR_FAILED, "no way from schema %d to %d", version,
                             version + 1);
        if (step_once(s, text, version, version + 1, error) != 0)
            return error_wrap(error, "from schema %d to %d", version, version + 1);
    }
    return 0;
}

const char *migrate_step(int from)
{
    const struct embedded_file *f;
    char path[64];
    (void)snprintf(path, sizeof path, "schemas/migrate-%d.sql", from);
    f = embedded_find(path);
    return f != NULL ? f->data : NULL;
}
