#include "corpus/seen.h"

int seen_gather(struct corpus *c, bool *any, struct error *error)
{
    int64_t n;
    seen_drop(c);
    if (sql_exec(corpus_sql(c),
                 "CREATE TEMP TABLE seen (hash BLOB PRIMARY KEY, n INTEGER NOT NULL)"
                 " STRICT, WITHOUT ROWID;"
                 "INSERT INTO seen SELECT hash, count(*) FROM main.sample"
                 " WHERE name IS NULL AND request_id IS NULL GROUP BY hash ORDER BY hash",
                 error) != 0 ||
        sql_scalar(corpus_sql(c), "SELECT EXISTS (SELECT 1 FROM temp.seen)", &n, error) != 0)
        return -1;
    *any = n != 0;
    return 0;
}

int seen_take(struct corpus *c, struct hash128 hash, struct error *error)
{
    unsigned char bytes[16];
    struct sql_stmt *q =
        sql_prepare(corpus_sql(c), "UPDATE temp.seen SET n = n - 1 WHERE hash = ?1 AND n > 0",
                    error);
    if (q == NULL)
        return -1;
    hash128_bytes(hash, bytes);
    sql_bind_blob(q, 1, bytes, sizeof bytes);
    if (sql_run(q, error) != 0)
        return -1;
    return sql_changes(corpus_sql(c)) != 0;
}

void seen_drop(struct corpus *c)
{
    (void)sql_exec(corpus_sql(c), "DROP TABLE IF EXISTS temp.seen", NULL);
}
