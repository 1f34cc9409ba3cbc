/* Statements: tree to text. */
#include "model/chat/jinja.h"

#include "core/vec.h"

#include <string.h>

/* --- variables -------------------------------------------------------------------------- */

void jinja_set(struct jinja *j, struct jinja_scope *scope, struct slice name,
               struct jinja_value value)
{
    struct jinja_value vars = {.kind = JV_DICT, .as.dict = &scope->vars};
    jinja_put(j, vars, jinja_string(j, name), value);
}

struct jinja_value jinja_get(struct jinja *j, struct slice name)
{
    struct jinja_value v = JINJA_UNDEFINED;
    struct buf text = BUF_MAX(256);
    for (struct jinja_scope *s = j->scope; s != NULL; s = s->parent) {
        struct jinja_value vars = {.kind = JV_DICT, .as.dict = &s->vars};
        struct jinja_value *found = jinja_find_text(vars, name);
        if (found != NULL)
            return *found;
    }
    for (size_t i = 0; jinja_functions[i].name != NULL; i++)
        if (slice_is(name, jinja_functions[i].name))
            return (struct jinja_value){.kind = JV_FUNCTION, .as.function = &jinja_functions[i]};
    buf_printf(&text, "'%.*s' is undefined", (int)(name.len < 100 ? name.len : 100), name.data);
    v.as.missing = arena_strdup(&j->arena, buf_text(&text));
    buf_free(&text);
    return v;
}

static void push_scope(struct jinja *j, struct jinja_scope *scope, struct jinja_scope *parent)
{
    *scope = (struct jinja_scope){.parent = parent};
    j->scope = scope;
}

void jinja_assign(struct jinja *j, const struct jinja_node *target, struct jinja_value value)
{
    struct jinja_value of;
    const struct jinja_list *items;
    if (j->failed)
        return;
    if (target->kind == JN_NAME) {
        jinja_set(j, j->scope, target->text, value);
        return;
    }
    if (target->kind == JN_ATTRIBUTE) {
        of = jinja_eval(j, target->kids[0]);
        if (of.kind != JV_NAMESPACE)
            jinja_error(j, "cannot assign attribute on non-namespace object");
        else
            jinja_put(j, of, jinja_string(j, target->text), value);
        return;
    }
    items = jinja_items(j, value);
    if (items != NULL && items->n != target->n)
        jinja_error(j, "%zu values to unpack into %zu names", items->n, target->n);
    for (size_t i = 0; i < target->n && !j->failed; i++)
        jinja_assign(j, target->kids[i], items->items[i]);
}

/* --- output ----------------------------------------------------------------------------- */

void jinja_write(struct jinja *j, const struct jinja_string *s)
{
    jinja_out_add(j->out, s);
    if (j->out->text.full)
        jinja_error(j, "the text is too long");
}

struct jinja_value jinja_capture(struct jinja *j, const struct jinja_node *body)
{
    struct jinja_out own = {.n = 0}, *before = j->out;
    struct jinja_value v;
    j->out = &own;
    jinja_block(j, body);
    j->out = before;
    v = j->failed ? JINJA_UNDEFINED : jinja_taken(j, &own);
    jinja_out_free(&own);
    return v;
}

static void output(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value v = jinja_eval(j, node->kids[0]);
    if (!j->failed)
        v = jinja_str(j, v);
    if (!j->failed)
        jinja_write(j, v.as.string);
}

static void generation(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_range r = {j->out->text.len, 0};
    if (j->out != j->page) {
        jinja_error(j, "a generation block inside a macro or a set block is not supported");
        return;
    }
    jinja_block(j, node->kids[0]);
    r.end = j->out->text.len;
    j->generations = vec_reserve(j->generations, &j->generations_cap, j->n_generations + 1,
                                 sizeof *j->generations);
    j->generations[j->n_generations++] = r;
}

/* --- loops ------------------------------------------------------------------------------ */

/* The items that pass the loop's condition. */
static const struct jinja_list *selected(struct jinja *j, const struct jinja_node *node,
                                         const struct jinja_list *items)
{
    struct jinja_value list;
    if (node->kids[2] == NULL || items == NULL)
        return items;
    list = jinja_list_new(j);
    for (size_t i = 0; i < items->n && !j->failed; i++) {
        struct jinja_scope scope, *outer = j->scope;
        push_scope(j, &scope, outer);
        jinja_assign(j, node->kids[0], items->items[i]);
        if (jinja_true(jinja_eval(j, node->kids[2])))
            jinja_push(j, list, items->items[i]);
        j->scope = outer;
    }
    return list.as.list;
}

static void run_loop(struct jinja *j, const struct jinja_node *node, const struct jinja_list *items)
{
    struct jinja_scope *outer = j->scope;
    struct jinja_loop *loop = jinja_alloc(j, sizeof *loop);
    *loop = (struct jinja_loop){.items = items, .changed = JINJA_UNDEFINED};
    for (size_t i = 0; i < items->n && !j->failed; i++) {
        struct jinja_scope scope;
        push_scope(j, &scope, outer);
        loop->at = i;
        jinja_set(j, &scope, SLICE("loop"), (struct jinja_value){.kind = JV_LOOP, .as.loop = loop});
        jinja_assign(j, node->kids[0], items->items[i]);
        jinja_block(j, node->kids[3]);
        j->scope = outer;
        j->continuing = false;
        if (j->breaking)
            break;
    }
    j->breaking = false;
}

static void run_for(struct jinja *j, const struct jinja_node *node)
{
    struct jinja_value over = jinja_eval(j, node->kids[1]);
    const struct jinja_list *items;
    if (j->failed)
        return;
    items = selected(j, node, jinja_items(j, over));
    if (j->failed || items == NULL)
        return;
    if (items->n != 0)
        run_loop(j, node, items);
    else if (node->kids[4] != NULL)
        jinja_block(j, node->kids[4]);
}

/* --- macros ----------------------------------------------------------------------------- */

struct jinja_value jinja_call_macro(struct jinja *j, const struct jinja_node *macro,
                                    const struct jinja_args *args)
{
    struct jinja_scope scope, *before = j->scope;
    size_t parameters = macro->n - 1;
    struct jinja_value text;
    if (args->n > parameters)
        return jinja_error(j, "macro '%.*s' takes not more than %zu argument(s)",
                           (int)macro->text.len, macro->text.data, parameters);
    if (++j->calls > JINJA_CALLS)
        return jinja_error(j, "macros call each other too deeply");
    push_scope(j, &scope, j->global);
    for (size_t i = 0; i < parameters && !j->failed; i++) {
        const struct jinja_node *p = macro->kids[i];
        struct jinja_value v = i < args->n ? args->items[i] : JINJA_UNDEFINED;
        bool given = i < args->n;
        for (size_t k = 0; k < args->n_named && !given; k++)
            if (slice_equal(jinja_slice(args->named[k].key), p->text)) {
                v = args->named[k].value;
                given = true;
            }
        if (!given && p->kids[0] != NULL)
            v = jinja_eval(j, p->kids[0]);
        jinja_set(j, &scope, p->text, v);
    }
    text = jinja_capture(j, macro->kids[parameters]);
    j->breaking = j->continuing = false;
    j->scope = before;
    j->calls--;
    return text;
}

/* --- statements ------------------------------------------------------------------------- */

static void statement(struct jinja *j, const struct jinja_node *node)
{
    const struct jinja_string data = {node->text.data, node->text.len, NULL, 0};
    switch (node->kind) {
    case JN_TEXT: jinja_write(j, &data); break;
    case JN_OUTPUT: output(j, node); break;
    case JN_BLOCK: jinja_block(j, node); break;
    case JN_IF:
        if (jinja_true(jinja_eval(j, node->kids[0])))
            jinja_block(j, node->kids[1]);
        else if (!j->failed && node->kids[2] != NULL)
            statement(j, node->kids[2]);
        break;
    case JN_FOR: run_for(j, node); break;
    case JN_SET: jinja_assign(j, node->kids[0], jinja_eval(j, node->kids[1])); break;
    case JN_SET_BLOCK: jinja_assign(j, node->kids[0], jinja_capture(j, node->kids[1])); break;
    case JN_MACRO:
        jinja_set(j, j->scope, node->text,
                  (struct jinja_value){.kind = JV_MACRO, .as.macro = node});
        break;
    case JN_BREAK: j->breaking = true; break;
    case JN_CONTINUE: j->continuing = true; break;
    case JN_GENERATION: generation(j, node); break;
    case JN_LITERAL:
    case JN_NAME:
    case JN_LIST:
    case JN_TUPLE:
    case JN_DICT:
    case JN_ATTRIBUTE:
    case JN_ITEM:
    case JN_SLICE:
    case JN_CALL:
    case JN_KEYWORD:
    case JN_FILTER:
    case JN_TEST:
    case JN_NOT:
    case JN_NEGATE:
    case JN_PLUS:
    case JN_AND:
    case JN_OR:
    case JN_BINARY:
    case JN_COMPARE:
    case JN_IF_ELSE: jinja_error(j, "not a statement"); break;
    }
}

void jinja_block(struct jinja *j, const struct jinja_node *node)
{
    for (size_t i = 0; i < node->n && !j->failed && !j->breaking && !j->continuing; i++) {
        j->steps++;
        statement(j, node->kids[i]);
    }
}

int jinja_run(struct jinja *j, const struct jinja_node *root)
{
    jinja_block(j, root);
    return j->failed ? -1 : 0;
}
