/*
 * What a template is given: JSON to values.  Each string of a message remembers the message; roles
 * are told apart from the rest.
 */
#include "model/chat/jinja.h"

static struct jinja_value marked(struct jinja *j, struct slice text, const struct jinja_mark *mark)
{
    struct jinja_string *s = jinja_alloc(j, sizeof *s);
    *s = (struct jinja_string){text.data, text.len, NULL, 0};
    if (mark != NULL) {
        struct jinja_mark *m = jinja_alloc(j, sizeof *m);
        *m = *mark;
        m->begin = 0;
        m->end = (uint32_t)text.len;
        s->marks = m;
        s->n_marks = 1;
    }
    return (struct jinja_value){.kind = JV_STRING, .as.string = s};
}

struct jinja_value jinja_from_json(struct jinja *j, const struct json *node,
                                   const struct jinja_mark *mark)
{
    struct jinja_value v;
    int64_t integer;
    switch (json_type(node)) {
    case JSON_ABSENT: return JINJA_UNDEFINED;
    case JSON_NULL: return JINJA_NONE;
    case JSON_FALSE:
    case JSON_TRUE: return jinja_bool(json_type(node) == JSON_TRUE);
    case JSON_NUMBER:
        if (json_integer(node, &integer) == 0)
            return jinja_integer(integer);
        return jinja_float(json_number(node, 0));
    case JSON_STRING: return marked(j, json_string(node), mark);
    case JSON_ARRAY:
        v = jinja_list_new(j);
        for (const struct json *i = json_first(node); i != NULL && !j->failed; i = json_next(i))
            jinja_push(j, v, jinja_from_json(j, i, mark));
        return v;
    case JSON_OBJECT:
        v = jinja_dict_new(j);
        for (const struct json *i = json_first(node); i != NULL && !j->failed; i = json_next(i))
            jinja_put(j, v, marked(j, slice_of(json_key(i)), mark), jinja_from_json(j, i, mark));
        return v;
    }
    return JINJA_UNDEFINED;
}

struct jinja_value jinja_messages(struct jinja *j, const struct json *messages, size_t limit)
{
    struct jinja_value list = jinja_list_new(j);
    int32_t n = 0;
    for (const struct json *m = json_first(messages); m != NULL && !j->failed && (size_t)n < limit;
         m = json_next(m)) {
        struct jinja_value message = jinja_dict_new(j);
        struct jinja_mark mark = {0, 0, n, JF_CONTENT};
        for (const struct json *i = json_first(m); i != NULL; i = json_next(i)) {
            mark.field = slice_is(slice_of(json_key(i)), "role") ? JF_ROLE : JF_CONTENT;
            jinja_put(j, message, marked(j, slice_of(json_key(i)), &mark),
                      jinja_from_json(j, i, &mark));
        }
        jinja_push(j, list, message);
        n++;
    }
    return list;
}
