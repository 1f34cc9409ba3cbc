#include "core/recipe.h"

#include "core/embedded.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/schema.h"
#include "core/vec.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char schema_path[] = "schemas/recipe.schema.json";

enum { MAX_BYTES = 4 << 20 };

struct recipe {
    struct json *root;   /* effective */
    struct json *schema; /* its source: which fields there are */
    char *file, *folder;
    char sha256[65];
};

struct violation {
    int line, column;
    size_t number; /* in order of finding */
    char *text;
};

/* What goes on while a recipe is read. */
struct loading {
    const char *name;
    const char *const *sets;
    size_t n_sets;
    struct json_map *where;
    /* Nodes that --set replaced: kept, so that no new node takes the place of one in `where`. */
    struct json *replaced;
    struct violation *violations;
    size_t n_violations, cap_violations;
};

/* Keep "PLACE TEXT"; the place in the file sorts it. */
static void add_violation(struct loading *l, const struct json *node, const char *place,
                          const char *text)
{
    struct violation v = {INT_MAX, 0, l->n_violations, NULL};
    struct buf line = BUF;
    (void)json_where(l->where, node, &v.line, &v.column);
    buf_str(&line, place);
    buf_str(&line, text);
    v.text = buf_take(&line);
    l->violations = vec_reserve(l->violations, &l->cap_violations, l->n_violations + 1, sizeof v);
    l->violations[l->n_violations++] = v;
}

static int by_place(const void *a, const void *b)
{
    const struct violation *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/* All of them into the report, the first and the number of the others into the error. */
static int tell(struct loading *l, struct buf *report, struct error *error)
{
    char more[48] = "";
    if (l->n_violations == 0)
        return 0;
    qsort(l->violations, l->n_violations, sizeof *l->violations, by_place);
    for (size_t i = 0; report != NULL && i < l->n_violations; i++)
        buf_printf(report, "%s\n", l->violations[i].text);
    if (l->n_violations > 1)
        (void)snprintf(more, sizeof more, " (and %zu more)", l->n_violations - 1);
    return error_set(error, ERROR_USAGE, "%.900s%s", l->violations[0].text, more);
}

/* The override that the path belongs to: its text, and in *len the length of its key. */
static const char *set_of(const struct loading *l, const char *path, size_t *len)
{
    for (size_t i = l->n_sets; i-- != 0;) {
        size_t n = strcspn(l->sets[i], "=");
        if (strncmp(path, l->sets[i], n) == 0 && (path[n] == '\0' || path[n] == '.')) {
            *len = n;
            return l->sets[i];
        }
    }
    return NULL;
}

/* "recipe.jsonc:12:5: train.rank: ", or "--set train.rank: ". */
static void place_of(const struct loading *l, const struct json *node, const char *path,
                     struct buf *out)
{
    int line, column;
    size_t len;
    if (set_of(l, path, &len) != NULL)
        buf_str(out, "--set ");
    else if (json_where(l->where, node, &line, &column))
        buf_printf(out, "%s:%d:%d: ", l->name, line, column);
    else
        buf_printf(out, "%s: ", l->name);
    if (path[0] != '\0')
        buf_printf(out, "%s: ", path);
}

static void report_violation(void *context, const struct schema_violation *v)
{
    struct loading *l = context;
    struct buf place = BUF;
    place_of(l, v->node, v->path, &place);
    add_violation(l, v->node, buf_text(&place), v->text);
    buf_free(&place);
}

/* ---- reading ---- */

static void cut(struct buf *path, size_t len)
{
    path->len = len;
    if (path->data != NULL)
        path->data[len] = '\0';
}

/* A key given twice is a slip that JSON lets pass. */
static void refuse_twice(struct loading *l, const struct json *node, struct buf *path)
{
    size_t len = path->len;
    for (const struct json *c = json_first(node); c != NULL; c = json_next(c)) {
        if (json_key(c) != NULL) {
            buf_printf(path, "%s%s", len != 0 ? "." : "", json_key(c));
            if (json_get(node, json_key(c)) != c)
                report_violation(l, &(struct schema_violation){c, buf_text(path),
                                                               "given twice; remove one"});
        }
        refuse_twice(l, c, path);
        cut(path, len);
    }
}

static struct json *read_text(struct loading *l, struct slice text)
{
    struct error why;
    struct buf place = BUF, path = BUF;
    struct json *root = json_parse_mapped(text, JSON_COMMENTS, &l->where, &why);
    if (root == NULL) {
        buf_printf(&place, "%s:", l->name);
        add_violation(l, NULL, buf_text(&place), why.text);
    } else if (json_type(root) != JSON_OBJECT) {
        buf_printf(&place, "%s:1:1: ", l->name);
        add_violation(l, NULL, buf_text(&place), "a recipe is a JSON object: { … }");
        json_free(root);
        root = NULL;
    } else {
        refuse_twice(l, root, &path);
    }
    buf_free(&place);
    buf_free(&path);
    return root;
}

/* Put the value in place of what is there. */
static void put_set(struct loading *l, struct json *object, const char *key, struct json *value)
{
    struct json *old;
    while ((old = json_take(object, key)) != NULL)
        json_push(l->replaced, old);
    json_put(object, key, value);
}

/* JSON, or a number as people write it (".7", "-.5"), or else a word. */
static struct json *set_value(const char *text)
{
    struct json *value = json_parse(slice_of(text), 0, NULL);
    const bool minus = text[0] == '-';
    if (value == NULL && text[minus] == '.' && text[minus + 1] >= '0' && text[minus + 1] <= '9') {
        struct buf whole = BUF;
        buf_printf(&whole, "%s0%s", minus ? "-" : "", text + minus);
        value = json_parse(buf_view(&whole), 0, NULL);
        buf_free(&whole);
    }
    return value != NULL ? value : json_new_string(slice_of(text));
}

static void bad_set(struct loading *l, const char *set, const char *what)
{
    struct buf place = BUF;
    buf_printf(&place, "--set %s: ", set);
    add_violation(l, NULL, buf_text(&place), what);
    buf_free(&place);
}

/* Whether the text is "a.b=…", no part of the name empty. */
static bool is_well_formed(const char *set, const char *equals)
{
    const char *part = set;
    while (equals != NULL && part <= equals) {
        size_t len = strcspn(part, ".=");
        if (len == 0)
            return false;
        if (part + len == equals)
            return true;
        part += len + 1;
    }
    return false;
}

/* One "a.b=value". */
static void apply_set(struct loading *l, struct json *root, const char *set)
{
    const char *equals = strchr(set, '=');
    struct json *object = root;
    if (!is_well_formed(set, equals)) {
        bad_set(l, set, "expected a field and a value, as in --set train.rank=16");
        return;
    }
    for (const char *at = set; at < equals;) {
        size_t len = strcspn(at, ".=");
        char *key = mem_strndup(at, len);
        at += len + 1;
        if (json_type(object) != JSON_OBJECT) {
            bad_set(l, set, "only fields of objects can be set; give the whole value");
            at = equals;
        } else if (at > equals) {
            put_set(l, object, key, set_value(equals + 1));
        } else {
            if (json_get(object, key) == NULL)
                json_put(object, key, json_new_object());
            object = json_edit(object, key);
        }
        mem_free(key);
    }
}

/* A number that no double holds would be taken for one that was not given. */
static void refuse_huge(struct loading *l, const struct json *node, struct buf *path)
{
    const size_t len = path->len;
    size_t at = 0;
    if (json_type(node) == JSON_NUMBER && isnan(json_number(node, (double)NAN)))
        report_violation(l, &(struct schema_violation){node, buf_text(path),
                                                       "a number as large as this has no meaning"});
    for (const struct json *c = json_first(node); c != NULL; c = json_next(c), at++) {
        if (len != 0)
            buf_char(path, '.');
        if (json_key(c) != NULL)
            buf_str(path, json_key(c));
        else
            buf_printf(path, "%zu", at);
        refuse_huge(l, c, path);
        cut(path, len);
    }
}

static int check(struct loading *l, struct recipe *r, struct error *error)
{
    struct schema *schema = schema_compile(r->schema, error);
    struct buf path = BUF;
    if (schema == NULL)
        return error_wrap(error, "%s", schema_path);
    schema_fill(schema, r->root);
    if (schema_check(schema, r->root, report_violation, l) == 0)
        refuse_huge(l, r->root, &path);
    buf_free(&path);
    schema_free(schema);
    return 0;
}

static int load(struct loading *l, struct recipe *r, struct slice text, struct error *error)
{
    const struct embedded_file *file = embedded_find(schema_path);
    if (file == NULL)
        return error_set(error, ERROR_FAILED, "%s is not in this program; build it again",
                         schema_path);
    r->schema = json_parse(slice_from(file->data, file->size), 0, error);
    if (r->schema == NULL)
        return error_wrap(error, "%s", schema_path);
    r->root = read_text(l, text);
    if (r->root == NULL)
        return 0; /* and there is a violation that says why */
    for (size_t i = 0; i < l->n_sets; i++)
        apply_set(l, r->root, l->sets[i]);
    return check(l, r, error);
}

static void loading_end(struct loading *l)
{
    for (size_t i = 0; i < l->n_violations; i++)
        mem_free(l->violations[i].text);
    mem_free(l->violations);
    json_map_free(l->where);
    json_free(l->replaced);
}

static void state_identity(struct recipe *r)
{
    struct buf text = BUF;
    json_write(r->root, JSON_CANONICAL, &text);
    sha256_of(buf_view(&text), r->sha256);
    buf_free(&text);
}

struct recipe *recipe_parse(struct slice text, const char *name, const char *const *sets,
                            size_t n_sets, struct buf *report, struct error *error)
{
    struct loading l = {.name = name, .sets = sets, .n_sets = sets != NULL ? n_sets : 0};
    struct recipe *r = mem_zero(1, sizeof *r);
    int rc;
    l.replaced = json_new_array();
    r->file = mem_strdup(name);
    r->folder = file_dir(name);
    rc = load(&l, r, text, error);
    if (rc == 0)
        rc = tell(&l, report, error);
    loading_end(&l);
    if (rc != 0) {
        recipe_free(r);
        return NULL;
    }
    state_identity(r);
    return r;
}

struct recipe *recipe_load(const char *path, const char *const *sets, size_t n_sets,
                           struct buf *report, struct error *error)
{
    struct buf text = BUF_MAX(MAX_BYTES);
    struct recipe *r = NULL;
    if (path == NULL)
        return recipe_parse(SLICE("{}"), "(defaults)", sets, n_sets, report, error);
    if (file_read(path, &text, error) == 0)
        r = recipe_parse(buf_view(&text), path, sets, n_sets, report, error);
    buf_free(&text);
    return r;
}

void recipe_free(struct recipe *r)
{
    if (r == NULL)
        return;
    json_free(r->root);
    json_free(r->schema);
    mem_free(r->file);
    mem_free(r->folder);
    mem_free(r);
}

/* ---- asking ---- */

/* A field that nobody declared, or of another kind than the code thinks: a bug of ours. */
__attribute__((noreturn)) static void bug(const char *path, const char *what)
{
    char text[256];
    int n = snprintf(text, sizeof text, "retort: recipe field %s %s: a bug\n", path, what);
    if (n < 0 || write(STDERR_FILENO, text, strlen(text)) < 0)
        abort();
    abort();
}

/* The subschema, or what its "$ref": "#/$defs/NAME" means. */
static const struct json *meant_by(const struct recipe *r, const struct json *subschema)
{
    static const char home[] = "#/$defs/";
    const char *ref = json_text(json_get(subschema, "$ref"), NULL);
    if (ref == NULL || !slice_starts(slice_of(ref), home))
        return subschema;
    return json_get(json_get(r->schema, "$defs"), ref + strlen(home));
}

/* Whether the schema speaks of the path: by name, or by allowing any key there. */
static bool is_declared(const struct recipe *r, const char *path)
{
    const struct json *at = r->schema;
    while (*path != '\0') {
        size_t len = strcspn(path, ".");
        char *key = mem_strndup(path, len);
        const struct json *named = json_get(json_get(at, "properties"), key);
        mem_free(key);
        if (named == NULL)
            return json_type(json_get(at, "additionalProperties")) != JSON_FALSE;
        at = meant_by(r, named);
        path += len + (path[len] == '.');
    }
    return true;
}

const struct json *recipe_get(const struct recipe *r, const char *path)
{
    const struct json *node = json_path(r->root, path);
    if (node == NULL && !is_declared(r, path))
        bug(path, "is not in the schema");
    return json_type(node) == JSON_NULL ? NULL : node;
}

const char *recipe_text(const struct recipe *r, const char *path)
{
    const struct json *node = recipe_get(r, path);
    if (node != NULL && json_type(node) != JSON_STRING)
        bug(path, "is no string");
    return json_text(node, NULL);
}

int64_t recipe_integer(const struct recipe *r, const char *path)
{
    const struct json *node = recipe_get(r, path);
    int64_t value = 0;
    if (node != NULL && json_integer(node, &value) != 0)
        bug(path, "is no integer");
    return value;
}

double recipe_number(const struct recipe *r, const char *path)
{
    const struct json *node = recipe_get(r, path);
    if (node != NULL && json_type(node) != JSON_NUMBER)
        bug(path, "is no number");
    return json_number(node, 0);
}

bool recipe_bool(const struct recipe *r, const char *path)
{
    const struct json *node = recipe_get(r, path);
    if (node != NULL && json_type(node) != JSON_TRUE && json_type(node) != JSON_FALSE)
        bug(path, "is not true or false");
    return json_true(node);
}

char *recipe_path(const struct recipe *r, const char *path)
{
    const char *name = recipe_text(r, path);
    if (name == NULL)
        return NULL;
    if (strcmp(name, "-") == 0)
        return mem_strdup(name);
    return file_join(r->folder, name);
}

const char *recipe_file(const struct recipe *r)
{
    return r->file;
}

const char *recipe_sha256(const struct recipe *r)
{
    return r->sha256;
}

int recipe_write(const struct recipe *r, struct buf *out)
{
    return json_write(r->root, JSON_PRETTY, out);
}
