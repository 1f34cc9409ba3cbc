/* Values as Python has them: truth, equality, order, membership, items, attributes. */
#include "model/chat/jinja.h"

#include "core/unicode.h"

#include <math.h>
#include <string.h>

const char *jinja_type(struct jinja_value v)
{
    static const char *const names[] = {
        [JV_UNDEFINED] = "undefined", [JV_NONE] = "NoneType",    [JV_BOOL] = "bool",
        [JV_INTEGER] = "int",         [JV_FLOAT] = "float",      [JV_STRING] = "str",
        [JV_LIST] = "list",           [JV_TUPLE] = "tuple",      [JV_DICT] = "dict",
        [JV_NAMESPACE] = "Namespace", [JV_LOOP] = "LoopContext", [JV_FUNCTION] = "function",
        [JV_METHOD] = "method",       [JV_MACRO] = "Macro",
    };
    return names[v.kind];
}

struct jinja_value jinja_bool(bool x)
{
    return (struct jinja_value){.kind = JV_BOOL, .as.truth = x};
}

struct jinja_value jinja_integer(int64_t x)
{
    return (struct jinja_value){.kind = JV_INTEGER, .as.integer = x};
}

struct jinja_value jinja_float(double x)
{
    return (struct jinja_value){.kind = JV_FLOAT, .as.real = x};
}

/* --- containers ------------------------------------------------------------------------- */

struct jinja_value jinja_list_new(struct jinja *j)
{
    struct jinja_list *l = jinja_alloc(j, sizeof *l);
    *l = (struct jinja_list){NULL, 0, 0};
    return (struct jinja_value){.kind = JV_LIST, .as.list = l};
}

struct jinja_value jinja_dict_new(struct jinja *j)
{
    struct jinja_dict *d = jinja_alloc(j, sizeof *d);
    *d = (struct jinja_dict){NULL, 0, 0};
    return (struct jinja_value){.kind = JV_DICT, .as.dict = d};
}

void jinja_push(struct jinja *j, struct jinja_value list, struct jinja_value item)
{
    struct jinja_list *l = list.as.list;
    if (l->n == l->cap) {
        size_t cap = l->cap != 0 ? 2 * l->cap : 4;
        struct jinja_value *items = jinja_alloc(j, cap * sizeof *items);
        if (l->n != 0)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = item;
}

struct jinja_value *jinja_find(struct jinja_value dict, struct jinja_value key)
{
    const struct jinja_dict *d = dict.as.dict;
    for (size_t i = 0; i < d->n; i++)
        if (jinja_equal(d->pairs[i].key, key))
            return &d->pairs[i].value;
    return NULL;
}

struct jinja_value *jinja_find_text(struct jinja_value dict, struct slice key)
{
    const struct jinja_dict *d = dict.as.dict;
    for (size_t i = 0; i < d->n; i++)
        if (d->pairs[i].key.kind == JV_STRING && slice_equal(jinja_slice(d->pairs[i].key), key))
            return &d->pairs[i].value;
    return NULL;
}

void jinja_put(struct jinja *j, struct jinja_value dict, struct jinja_value key,
               struct jinja_value value)
{
    struct jinja_dict *d = dict.as.dict;
    struct jinja_value *there = jinja_find(dict, key);
    if (there != NULL) {
        *there = value;
        return;
    }
    if (d->n == d->cap) {
        size_t cap = d->cap != 0 ? 2 * d->cap : 4;
        struct jinja_pair *pairs = jinja_alloc(j, cap * sizeof *pairs);
        if (d->n != 0)
            memcpy(pairs, d->pairs, d->n * sizeof *pairs);
        d->pairs = pairs;
        d->cap = cap;
    }
    d->pairs[d->n++] = (struct jinja_pair){key, value};
}

/* --- truth, equality, order ------------------------------------------------------------- */

bool jinja_true(struct jinja_value v)
{
    switch (v.kind) {
    case JV_UNDEFINED:
    case JV_NONE: return false;
    case JV_BOOL: return v.as.truth;
    case JV_INTEGER: return v.as.integer != 0;
    case JV_FLOAT: return v.as.real < 0 || v.as.real > 0 || isnan(v.as.real);
    case JV_STRING: return v.as.string->len != 0;
    case JV_LIST:
    case JV_TUPLE: return v.as.list->n != 0;
    case JV_DICT: return v.as.dict->n != 0;
    case JV_NAMESPACE:
    case JV_LOOP:
    case JV_FUNCTION:
    case JV_METHOD:
    case JV_MACRO: break;
    }
    return true;
}

bool jinja_is_number(struct jinja_value v)
{
    return v.kind == JV_BOOL || v.kind == JV_INTEGER || v.kind == JV_FLOAT;
}

double jinja_number(struct jinja_value v)
{
    return v.kind == JV_FLOAT ? v.as.real : v.kind == JV_BOOL ? v.as.truth : (double)v.as.integer;
}

static bool same_list(const struct jinja_list *a, const struct jinja_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!jinja_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

static bool same_dict(struct jinja_value a, struct jinja_value b)
{
    const struct jinja_dict *d = a.as.dict;
    if (d->n != b.as.dict->n)
        return false;
    for (size_t i = 0; i < d->n; i++) {
        const struct jinja_value *other = jinja_find(b, d->pairs[i].key);
        if (other == NULL || !jinja_equal(d->pairs[i].value, *other))
            return false;
    }
    return true;
}

bool jinja_equal(struct jinja_value a, struct jinja_value b)
{
    if (jinja_is_number(a) && jinja_is_number(b)) {
        if (a.kind != JV_FLOAT && b.kind != JV_FLOAT)
            return (a.kind == JV_BOOL ? a.as.truth : a.as.integer) ==
                   (b.kind == JV_BOOL ? b.as.truth : b.as.integer);
        return !(jinja_number(a) < jinja_number(b)) && !(jinja_number(a) > jinja_number(b)) &&
               !isnan(jinja_number(a)) && !isnan(jinja_number(b));
    }
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case JV_UNDEFINED:
    case JV_NONE: return true;
    case JV_STRING: return slice_equal(jinja_slice(a), jinja_slice(b));
    case JV_LIST:
    case JV_TUPLE: return same_list(a.as.list, b.as.list);
    case JV_DICT: return same_dict(a, b);
    case JV_NAMESPACE: return a.as.dict == b.as.dict;
    case JV_LOOP: return a.as.loop == b.as.loop;
    case JV_FUNCTION: return a.as.function == b.as.function;
    case JV_METHOD: return a.as.method == b.as.method;
    case JV_MACRO: return a.as.macro == b.as.macro;
    case JV_BOOL:
    case JV_INTEGER:
    case JV_FLOAT: break;
    }
    return false;
}

int jinja_compare(struct jinja *j, struct jinja_value a, struct jinja_value b)
{
    if (jinja_is_number(a) && jinja_is_number(b)) {
        if (a.kind == JV_INTEGER && b.kind == JV_INTEGER)
            return a.as.integer < b.as.integer ? -1 : a.as.integer > b.as.integer;
        return jinja_number(a) < jinja_number(b) ? -1 : jinja_number(a) > jinja_number(b);
    }
    if (a.kind == JV_STRING && b.kind == JV_STRING)
        return slice_compare(jinja_slice(a), jinja_slice(b)); /* UTF-8 sorts as code points do */
    if ((a.kind == JV_LIST || a.kind == JV_TUPLE) && a.kind == b.kind) {
        const struct jinja_list *x = a.as.list, *y = b.as.list;
        for (size_t i = 0; i < x->n && i < y->n; i++) {
            if (jinja_equal(x->items[i], y->items[i]))
                continue;
            return jinja_compare(j, x->items[i], y->items[i]);
        }
        return x->n < y->n ? -1 : x->n > y->n;
    }
    jinja_error(j, "'<' not supported between instances of '%s' and '%s'", jinja_type(a),
                jinja_type(b));
    return 0;
}

bool jinja_contains(struct jinja *j, struct jinja_value container, struct jinja_value item)
{
    switch (container.kind) {
    case JV_STRING:
        if (item.kind != JV_STRING) {
            jinja_error(j, "'in <string>' requires string as left operand, not %s",
                        jinja_type(item));
            return false;
        }
        return item.as.string->len == 0 ||
               slice_find(jinja_slice(container), jinja_slice(item)) < container.as.string->len;
    case JV_LIST:
    case JV_TUPLE:
        for (size_t i = 0; i < container.as.list->n; i++)
            if (jinja_equal(container.as.list->items[i], item))
                return true;
        return false;
    case JV_DICT: return jinja_find(container, item) != NULL;
    case JV_UNDEFINED: return false;
    case JV_NONE:
    case JV_BOOL:
    case JV_INTEGER:
    case JV_FLOAT:
    case JV_NAMESPACE:
    case JV_LOOP:
    case JV_FUNCTION:
    case JV_METHOD:
    case JV_MACRO: break;
    }
    jinja_error(j, "argument of type '%s' is not iterable", jinja_type(container));
    return false;
}

/* --- iterating -------------------------------------------------------------------------- */

static struct jinja_value characters(struct jinja *j, struct jinja_value v)
{
    struct jinja_value list = jinja_list_new(j);
    const struct jinja_string *s = v.as.string;
    for (size_t i = 0; i < s->len && !j->failed;) {
        uint32_t c;
        size_t n = utf8_decode(s->data + i, s->len - i, &c);
        n = n != 0 ? n : 1;
        jinja_push(j, list, jinja_sub(j, v, i, i + n));
        i += n;
    }
    return list;
}

const struct jinja_list *jinja_items(struct jinja *j, struct jinja_value v)
{
    struct jinja_value list;
    switch (v.kind) {
    case JV_LIST:
    case JV_TUPLE: return v.as.list;
    case JV_STRING: return characters(j, v).as.list;
    case JV_UNDEFINED: return jinja_list_new(j).as.list;
    case JV_DICT:
        list = jinja_list_new(j);
        for (size_t i = 0; i < v.as.dict->n; i++)
            jinja_push(j, list, v.as.dict->pairs[i].key);
        return list.as.list;
    case JV_NONE:
    case JV_BOOL:
    case JV_INTEGER:
    case JV_FLOAT:
    case JV_NAMESPACE:
    case JV_LOOP:
    case JV_FUNCTION:
    case JV_METHOD:
    case JV_MACRO: break;
    }
    jinja_error(j, "'%s' object is not iterable", jinja_type(v));
    return NULL;
}

int64_t jinja_length(struct jinja *j, struct jinja_value v)
{
    switch (v.kind) {
    case JV_LIST:
    case JV_TUPLE: return (int64_t)v.as.list->n;
    case JV_DICT: return (int64_t)v.as.dict->n;
    case JV_STRING: return (int64_t)utf8_count(jinja_slice(v));
    case JV_UNDEFINED: return 0;
    case JV_LOOP: return (int64_t)v.as.loop->items->n;
    case JV_NONE:
    case JV_BOOL:
    case JV_INTEGER:
    case JV_FLOAT:
    case JV_NAMESPACE:
    case JV_FUNCTION:
    case JV_METHOD:
    case JV_MACRO: break;
    }
    jinja_error(j, "object of type '%s' has no len()", jinja_type(v));
    return 0;
}

/* --- attributes and items --------------------------------------------------------------- */

static struct jinja_value missing(struct jinja *j, struct jinja_value of, struct slice name)
{
    struct buf text = BUF_MAX(512);
    struct jinja_value v = JINJA_UNDEFINED;
    buf_printf(&text, "'%s' object has no attribute '%.*s'",
               of.kind == JV_NAMESPACE ? "Namespace" : jinja_type(of),
               (int)(name.len < 100 ? name.len : 100), name.data);
    v.as.missing = arena_strdup(&j->arena, buf_text(&text));
    buf_free(&text);
    return v;
}

static struct jinja_value loop_attribute(struct jinja *j, struct jinja_value v, struct slice name)
{
    const struct jinja_loop *l = v.as.loop;
    int64_t at = (int64_t)l->at, n = (int64_t)l->items->n;
    if (slice_is(name, "index0"))
        return jinja_integer(at);
    if (slice_is(name, "index"))
        return jinja_integer(at + 1);
    if (slice_is(name, "first"))
        return jinja_bool(at == 0);
    if (slice_is(name, "last"))
        return jinja_bool(at + 1 == n);
    if (slice_is(name, "length"))
        return jinja_integer(n);
    if (slice_is(name, "revindex"))
        return jinja_integer(n - at);
    if (slice_is(name, "revindex0"))
        return jinja_integer(n - at - 1);
    if (slice_is(name, "depth") || slice_is(name, "depth0"))
        return jinja_integer((int64_t)l->depth + (name.len == 5));
    if (slice_is(name, "previtem"))
        return at > 0 ? l->items->items[at - 1] : missing(j, v, name);
    if (slice_is(name, "nextitem"))
        return at + 1 < n ? l->items->items[at + 1] : missing(j, v, name);
    return missing(j, v, name);
}

static bool undefined(struct jinja *j, struct jinja_value v, struct slice name)
{
    if (v.kind != JV_UNDEFINED)
        return false;
    if (v.as.missing != NULL)
        jinja_error(j, "%s", v.as.missing);
    else
        jinja_error(j, "an undefined value has no \"%.*s\"", (int)(name.len < 100 ? name.len : 100),
                    name.data);
    return true;
}

struct jinja_value jinja_attribute(struct jinja *j, struct jinja_value v, struct slice name)
{
    struct jinja_value *found = NULL;
    struct jinja_method *m;
    if (undefined(j, v, name))
        return JINJA_UNDEFINED;
    if (v.kind == JV_LOOP && !jinja_has_method(v, name))
        return loop_attribute(j, v, name);
    if (jinja_has_method(v, name)) {
        m = jinja_alloc(j, sizeof *m);
        *m = (struct jinja_method){v, name};
        return (struct jinja_value){.kind = JV_METHOD, .as.method = m};
    }
    if (v.kind == JV_DICT || v.kind == JV_NAMESPACE)
        found = jinja_find_text(v, name);
    return found != NULL ? *found : missing(j, v, name);
}

/* An index from the front or, negative, from the back. */
static bool index_of(struct jinja_value key, size_t n, size_t *out)
{
    int64_t i = key.kind == JV_BOOL ? key.as.truth : key.as.integer;
    if (key.kind != JV_INTEGER && key.kind != JV_BOOL)
        return false;
    if (i < 0)
        i += (int64_t)n;
    *out = (size_t)i;
    return i >= 0 && (size_t)i < n;
}

struct jinja_value jinja_item(struct jinja *j, struct jinja_value v, struct jinja_value key)
{
    struct slice name = jinja_slice(key);
    struct jinja_value *found;
    size_t i;
    if (undefined(j, v, name))
        return JINJA_UNDEFINED;
    if (v.kind == JV_DICT || v.kind == JV_NAMESPACE) {
        found = jinja_find(v, key);
        if (found != NULL)
            return *found;
    } else if (v.kind == JV_LIST || v.kind == JV_TUPLE) {
        if (index_of(key, v.as.list->n, &i))
            return v.as.list->items[i];
    } else if (v.kind == JV_STRING && key.kind == JV_INTEGER) {
        const struct jinja_list *c = jinja_items(j, v);
        if (c != NULL && index_of(key, c->n, &i))
            return c->items[i];
    }
    return key.kind == JV_STRING ? jinja_attribute(j, v, name) : missing(j, v, SLICE("that index"));
}
