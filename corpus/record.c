#include "corpus/record.h"

#include <inttypes.h>
#include <string.h>

const struct json *record_take(struct record *r, const char *key)
{
    const struct json *field = json_get(r->json, key);
    if (field != NULL && r->n_taken < RECORD_MAX_TAKEN)
        r->taken[r->n_taken++] = field;
    return json_type(field) == JSON_NULL ? NULL : field;
}

struct slice record_keep(struct record *r, struct buf *b)
{
    struct slice copy = arena_copy(r->arena, buf_view(b));
    buf_free(b);
    return copy;
}

static int text_of(struct record *r, const char *key, const struct json *field, struct slice *out,
                   struct error *error)
{
    struct buf digits = BUF;
    if (json_type(field) == JSON_STRING) {
        *out = json_string(field);
        return 1;
    }
    if (json_type(field) != JSON_NUMBER)
        return error_set(error, ERROR_INPUT, "%s: expected a string, got %s", key,
                         json_type_name(json_type(field)));
    json_number_text(field, &digits);
    *out = record_keep(r, &digits);
    return 1;
}

int record_text(struct record *r, const char *const *names, struct slice *out, struct error *error)
{
    for (; *names != NULL; names++) {
        const struct json *field = record_take(r, *names);
        if (field != NULL)
            return text_of(r, *names, field, out, error);
    }
    return 0;
}

int record_named(struct record *r, const char *own, const char *const *usual, struct slice *out,
                 struct error *error)
{
    const char *const names[] = {own, NULL};
    int rc;
    if (own == NULL)
        return record_text(r, usual, out, error);
    rc = record_text(r, names, out, error);
    return rc != 0 ? rc : error_set(error, ERROR_INPUT, "no field \"%s\"", own);
}

int record_id(struct record *r, struct sample *s, struct error *error)
{
    static const char *const usual[] = {"id", NULL};
    const char *key = r->names.id != NULL ? r->names.id : "id";
    s->name_number = json_type(json_get(r->json, key)) == JSON_NUMBER;
    return record_named(r, r->names.id, usual, &s->name, error) < 0 ? -1 : 0;
}

static bool is_taken(const struct record *r, const struct json *field)
{
    for (size_t i = 0; i < r->n_taken; i++)
        if (r->taken[i] == field)
            return true;
    return false;
}

/* Add a member, under a longer name where that one is in use. */
static void put_free(struct json *object, const char *key, const struct json *value)
{
    struct buf name = BUF;
    buf_str(&name, key);
    while (json_get(object, buf_text(&name)) != NULL)
        buf_char(&name, '_');
    json_put(object, buf_text(&name), json_copy(value));
    buf_free(&name);
}

int record_meta(struct record *r, struct sample *s, struct error *error)
{
    const struct json *given = json_get(r->json, "meta");
    struct json *meta = NULL;
    struct buf text = BUF;
    int rc = 0;
    if (json_type(given) == JSON_OBJECT && !is_taken(r, given)) {
        meta = json_copy(record_take(r, "meta"));
        if (json_first(meta) == NULL) { /* {} says nothing */
            json_free(meta);
            meta = NULL;
        }
    }
    for (const struct json *f = json_first(r->json); f != NULL; f = json_next(f)) {
        if (is_taken(r, f))
            continue;
        if (meta == NULL)
            meta = json_new_object();
        put_free(meta, json_key(f), f);
    }
    if (meta == NULL)
        return 0;
    if (json_write(meta, 0, &text) != 0)
        rc = error_set(error, ERROR_LIMIT, "too many unknown fields");
    s->meta = record_keep(r, &text);
    json_free(meta);
    return rc;
}

/* ---- writing ---- */

void record_put_id(const struct sample *s, struct buf *out)
{
    if (s->name.data == NULL)
        buf_printf(out, "%" PRId64, s->id);
    else if (s->name_number)
        buf_slice(out, s->name);
    else
        json_quote(s->name, 0, out);
}

void record_open(const struct sample *s, struct buf *out)
{
    buf_char(out, '{');
    if (s->name.data == NULL)
        return;
    buf_str(out, "\"id\":");
    record_put_id(s, out);
}

void record_put_key(struct buf *out, const char *key)
{
    if (out->data[out->len - 1] != '{')
        buf_char(out, ',');
    buf_char(out, '"');
    buf_str(out, key);
    buf_str(out, "\":");
}

void record_put(struct buf *out, const char *key, struct slice text)
{
    if (text.data == NULL)
        return;
    record_put_key(out, key);
    json_quote(text, 0, out);
}

void record_put_json(struct buf *out, const char *key, struct slice json)
{
    struct json *tree;
    if (json.data == NULL)
        return;
    record_put_key(out, key);
    tree = json_parse(json, JSON_REPAIR, NULL);
    if (tree != NULL)
        json_write(tree, 0, out);
    else
        json_quote(json, 0, out);
    json_free(tree);
}

void record_close(struct buf *out)
{
    buf_char(out, '}');
}
