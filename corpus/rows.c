#include "corpus/rows.h"

#include "core/compress.h"
#include "core/unicode.h"

#include <math.h>

enum { SHOWN_BLOB = 4096 };

static struct json *hexadecimal(struct slice blob)
{
    struct buf digits = BUF;
    struct json *out;
    for (size_t i = 0; i < blob.len && i < SHOWN_BLOB; i++)
        buf_printf(&digits, "%02x", (unsigned)(unsigned char)blob.data[i]);
    if (blob.len > SHOWN_BLOB)
        buf_printf(&digits, "... (%zu bytes)", blob.len);
    out = json_new_string(buf_view(&digits));
    buf_free(&digits);
    return out;
}

/* What a foreign program wrote may be no UTF-8. */
static struct json *valid_text(struct slice text)
{
    struct buf repaired = BUF;
    struct json *out;
    if (utf8_valid(text))
        return json_new_string(text);
    utf8_repair(text, &repaired);
    out = json_new_string(buf_view(&repaired));
    buf_free(&repaired);
    return out;
}

static struct json *value(struct sql_stmt *q, int column)
{
    if (sql_is_null(q, column))
        return json_new_null();
    if (sql_is_blob(q, column))
        return hexadecimal(sql_text(q, column));
    if (!sql_is_number(q, column))
        return valid_text(sql_text(q, column));
    if (sql_is_integer(q, column))
        return json_new_integer(sql_int(q, column));
    return json_new_number(sql_real(q, column));
}

struct json *rows_object(struct sql_stmt *q, bool nulls)
{
    struct json *row = json_new_object();
    for (int i = 0; i < sql_columns(q); i++)
        if (nulls || !sql_is_null(q, i))
            json_put(row, sql_column_name(q, i), value(q, i));
    return row;
}

struct json *rows_array(struct corpus *c, const char *text, int64_t id, struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c), text, error);
    struct json *rows;
    int rc;
    if (q == NULL)
        return NULL;
    rows = json_new_array();
    sql_bind_int(q, 1, id);
    while ((rc = sql_step(q, error)) == 1)
        json_push(rows, rows_object(q, false));
    if (rc == 0)
        return rows;
    json_free(rows);
    return NULL;
}

int rows_first(struct corpus *c, const char *text, int64_t id, struct json **out,
               struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c), text, error);
    int rc;
    if (q == NULL)
        return -1;
    sql_bind_int(q, 1, id);
    rc = sql_step(q, error);
    if (rc == 1) {
        *out = rows_object(q, false);
        sql_reset(q);
    }
    return rc;
}

void rows_expand(struct json *row, const char *key)
{
    struct slice text = json_string(json_get(row, key));
    struct json *value = text.data != NULL ? json_parse(text, JSON_REPAIR, NULL) : NULL;
    if (value != NULL)
        json_put(row, key, value);
}

int rows_query(struct corpus *c, const char *text,
               int (*fn)(void *context, const struct json *row, struct error *error), void *context,
               struct error *error)
{
    struct sql_stmt *q = sql_prepare(corpus_sql(c), text, error);
    int rc;
    if (q == NULL)
        return -1;
    if (!sql_only_reads(q))
        return error_set(error, ERROR_USAGE, "%s: this statement would change the dataset",
                         corpus_path(c));
    while ((rc = sql_step(q, error)) == 1) {
        struct json *row = rows_object(q, true);
        rc = fn(context, row, error);
        json_free(row);
        if (rc != 0) {
            sql_reset(q);
            return rc < 0 ? -1 : 0;
        }
    }
    return rc;
}

int rows_unpack(struct slice body, bool packed, struct buf *out, struct error *error)
{
    struct compressor *z;
    int rc;
    if (!packed)
        return buf_slice(out, body) == 0 ? 0 : error_set(error, ERROR_LIMIT, "a body is too large");
    z = compressor_new(3);
    rc = decompress_bytes(z, body, out, error);
    compressor_free(z);
    return rc;
}

static enum sql_result unpack(void *context, const struct slice *args, int n, struct buf *out)
{
    struct error why = {0};
    (void)context, (void)n;
    if (args[0].data == NULL)
        return SQL_RESULT_NULL;
    if (rows_unpack(args[0], slice_is(args[1], "1"), out, &why) != 0) {
        buf_clear(out);
        buf_str(out, why.text);
        return SQL_RESULT_ERROR;
    }
    return utf8_valid(buf_view(out)) ? SQL_RESULT_TEXT : SQL_RESULT_BLOB;
}

int rows_add_unpack(struct sql *s, struct error *error)
{
    return sql_add_function(s, "unpack", 2, unpack, NULL, error);
}
