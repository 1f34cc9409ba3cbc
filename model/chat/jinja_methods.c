/* Methods of values: the ones templates call on strings, dictionaries and loops. */
#include "model/chat/jinja.h"

#include "core/unicode.h"
#include "model/chat/jinja_strings.h"

#include <string.h>

typedef struct jinja_value method(struct jinja *j, struct jinja_value self, struct slice name,
                                  const struct jinja_args *a);

static int64_t integer_arg(const struct jinja_args *a, size_t i, const char *name, int64_t fallback)
{
    struct jinja_value v = jinja_arg(a, i, name);
    return v.kind == JV_INTEGER ? v.as.integer : fallback;
}

static struct jinja_value strip(struct jinja *j, struct jinja_value self, struct slice name,
                                const struct jinja_args *a)
{
    return jinja_strip(j, self, jinja_arg(a, 0, NULL), name.data[0] != 'r', name.data[0] != 'l');
}

static struct jinja_value split(struct jinja *j, struct jinja_value self, struct slice name,
                                const struct jinja_args *a)
{
    return jinja_split(j, self, jinja_arg(a, 0, "sep"), integer_arg(a, 1, "maxsplit", -1),
                       name.data[0] == 'r');
}

/* startswith, endswith: one string or a tuple of them. */
static struct jinja_value ends(struct jinja *j, struct jinja_value self, struct slice name,
                               const struct jinja_args *a)
{
    struct jinja_value what = jinja_arg(a, 0, NULL);
    struct slice s = jinja_slice(self);
    bool front = name.data[0] == 's', found = false;
    size_t n = what.kind == JV_TUPLE ? what.as.list->n : 1;
    for (size_t i = 0; i < n && !found; i++) {
        struct jinja_value one = what.kind == JV_TUPLE ? what.as.list->items[i] : what;
        struct slice w = jinja_slice(one);
        if (one.kind != JV_STRING)
            return jinja_error(j, "%.*s first arg must be str or a tuple of str", (int)name.len,
                               name.data);
        found =
            w.len <= s.len && memcmp(front ? s.data : s.data + s.len - w.len, w.data, w.len) == 0;
    }
    return jinja_bool(found);
}

static struct jinja_value replace(struct jinja *j, struct jinja_value self, struct slice name,
                                  const struct jinja_args *a)
{
    (void)name;
    return jinja_replace(j, self, jinja_arg(a, 0, NULL), jinja_arg(a, 1, NULL),
                         integer_arg(a, 2, "count", -1));
}

static struct jinja_value recase(struct jinja *j, struct jinja_value self, struct slice name,
                                 const struct jinja_args *a)
{
    (void)a;
    return jinja_recase(j, self,
                        slice_is(name, "upper")   ? CASE_UPPER
                        : slice_is(name, "lower") ? CASE_LOWER
                        : slice_is(name, "title") ? CASE_TITLE
                                                  : CASE_CAPITALIZE);
}

static struct jinja_value join(struct jinja *j, struct jinja_value self, struct slice name,
                               const struct jinja_args *a)
{
    const struct jinja_list *items = jinja_items(j, jinja_arg(a, 0, NULL));
    (void)name;
    return items != NULL ? jinja_join(j, items, self) : JINJA_UNDEFINED;
}

/* find and count; positions are in characters. */
static struct jinja_value find(struct jinja *j, struct jinja_value self, struct slice name,
                               const struct jinja_args *a)
{
    struct jinja_value what = jinja_arg(a, 0, NULL);
    struct slice s = jinja_slice(self), w = jinja_slice(what);
    int64_t count = 0;
    size_t at;
    if (what.kind != JV_STRING || w.len == 0)
        return jinja_error(j, "%.*s() needs a string that is not empty", (int)name.len, name.data);
    at = slice_find(s, w);
    if (slice_is(name, "find"))
        return jinja_integer(at == s.len ? -1 : (int64_t)utf8_count(slice_sub(s, 0, at)));
    while (at < s.len) {
        count++;
        s = slice_sub(s, at + w.len, s.len);
        at = slice_find(s, w);
    }
    return jinja_integer(count);
}

/* isdigit, isalpha, isspace …: all characters, and at least one. */
static struct jinja_value is_all(struct jinja *j, struct jinja_value self, struct slice name,
                                 const struct jinja_args *a)
{
    struct slice s = jinja_slice(self);
    bool all = s.len != 0;
    (void)j;
    (void)a;
    for (size_t i = 0; i < s.len && all;) {
        uint32_t c;
        size_t n = utf8_decode(s.data + i, s.len - i, &c);
        bool letter = unicode_is_letter(c), number = unicode_is_number(c);
        all = slice_is(name, "isdigit")   ? number
              : slice_is(name, "isalpha") ? letter
              : slice_is(name, "isalnum") ? letter || number
              : slice_is(name, "isspace") ? jinja_space(c)
              : slice_is(name, "isupper") ? unicode_to_lower(c) != c || !letter
                                          : unicode_to_upper(c) != c || !letter;
        i += n != 0 ? n : 1;
    }
    return jinja_bool(all);
}

/* removeprefix, removesuffix */
static struct jinja_value without(struct jinja *j, struct jinja_value self, struct slice name,
                                  const struct jinja_args *a)
{
    struct jinja_value there =
        ends(j, self,
             slice_sub(name, 6, 1).data[0] == 'p' ? SLICE("startswith") : SLICE("endswith"), a);
    size_t n = jinja_slice(jinja_arg(a, 0, NULL)).len, len = self.as.string->len;
    if (!jinja_true(there))
        return self;
    return name.data[6] == 'p' ? jinja_sub(j, self, n, len) : jinja_sub(j, self, 0, len - n);
}

/* --- dictionaries, namespaces, loops ---------------------------------------------------- */

static struct jinja_value pairs(struct jinja *j, struct jinja_value self, struct slice name,
                                const struct jinja_args *a)
{
    struct jinja_value list = jinja_list_new(j);
    const struct jinja_dict *d = self.as.dict;
    (void)a;
    for (size_t i = 0; i < d->n && !j->failed; i++) {
        struct jinja_value pair = jinja_list_new(j);
        jinja_push(j, pair, d->pairs[i].key);
        jinja_push(j, pair, d->pairs[i].value);
        pair.kind = JV_TUPLE;
        jinja_push(j, list,
                   name.data[0] == 'i'   ? pair
                   : name.data[0] == 'k' ? d->pairs[i].key
                                         : d->pairs[i].value);
    }
    return list;
}

static struct jinja_value get(struct jinja *j, struct jinja_value self, struct slice name,
                              const struct jinja_args *a)
{
    struct jinja_value *found = jinja_find(self, jinja_arg(a, 0, NULL));
    struct jinja_value fallback = jinja_arg(a, 1, NULL);
    (void)j;
    (void)name;
    return found != NULL ? *found : a->n > 1 ? fallback : JINJA_NONE;
}

static struct jinja_value cycle(struct jinja *j, struct jinja_value self, struct slice name,
                                const struct jinja_args *a)
{
    (void)name;
    return a->n != 0 ? a->items[self.as.loop->at % a->n]
                     : jinja_error(j, "no items for cycling given");
}

static struct jinja_value changed(struct jinja *j, struct jinja_value self, struct slice name,
                                  const struct jinja_args *a)
{
    struct jinja_loop *l = self.as.loop;
    struct jinja_value seen = jinja_list_new(j);
    bool same;
    (void)name;
    for (size_t i = 0; i < a->n; i++)
        jinja_push(j, seen, a->items[i]);
    same = jinja_equal(l->changed, seen);
    l->changed = seen;
    return jinja_bool(!same);
}

/* --- the table -------------------------------------------------------------------------- */

static const struct {
    enum jinja_kind of;
    const char *name;
    method *call;
} methods[] = {
    {JV_STRING, "strip", strip},
    {JV_STRING, "lstrip", strip},
    {JV_STRING, "rstrip", strip},
    {JV_STRING, "split", split},
    {JV_STRING, "rsplit", split},
    {JV_STRING, "startswith", ends},
    {JV_STRING, "endswith", ends},
    {JV_STRING, "replace", replace},
    {JV_STRING, "upper", recase},
    {JV_STRING, "lower", recase},
    {JV_STRING, "title", recase},
    {JV_STRING, "capitalize", recase},
    {JV_STRING, "join", join},
    {JV_STRING, "find", find},
    {JV_STRING, "count", find},
    {JV_STRING, "isdigit", is_all},
    {JV_STRING, "isalpha", is_all},
    {JV_STRING, "isalnum", is_all},
    {JV_STRING, "isspace", is_all},
    {JV_STRING, "isupper", is_all},
    {JV_STRING, "islower", is_all},
    {JV_STRING, "removeprefix", without},
    {JV_STRING, "removesuffix", without},
    {JV_DICT, "items", pairs},
    {JV_DICT, "keys", pairs},
    {JV_DICT, "values", pairs},
    {JV_DICT, "get", get},
    {JV_LOOP, "cycle", cycle},
    {JV_LOOP, "changed", changed},
};
enum { METHODS = sizeof methods / sizeof *methods };

static size_t find_method(struct jinja_value self, struct slice name)
{
    size_t i = 0;
    while (i < METHODS && (methods[i].of != self.kind || !slice_is(name, methods[i].name)))
        i++;
    return i;
}

bool jinja_has_method(struct jinja_value self, struct slice name)
{
    return find_method(self, name) < METHODS;
}

struct jinja_value jinja_call_method(struct jinja *j, const struct jinja_method *m,
                                     const struct jinja_args *args)
{
    size_t i = find_method(m->self, m->name);
    if (i == METHODS)
        return jinja_error(j, "the method \"%.*s\" is not supported",
                           (int)(m->name.len < 40 ? m->name.len : 40), m->name.data);
    return methods[i].call(j, m->self, m->name, args);
}
