/* Statements of a template. */
#include "model/chat/jinja.h"

#include "core/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* --- helpers ---------------------------------------------------------------------------- */

struct jinja_node *jinja_node(struct jinja_parser *p, enum jinja_node_kind kind)
{
    struct jinja_node *n = arena_alloc(p->arena, sizeof *n);
    *n = (struct jinja_node){.kind = kind, .line = p->at->line};
    return n;
}

void jinja_adopt(struct jinja_parser *p, struct jinja_node *parent, struct jinja_node *kid)
{
    /* powers of two, in the arena */
    if ((parent->n & (parent->n - 1)) == 0) {
        size_t cap = parent->n != 0 ? 2 * parent->n : 1;
        struct jinja_node **kids = arena_alloc(p->arena, cap * sizeof(struct jinja_node *));
        if (parent->n != 0)
            memcpy(kids, parent->kids, parent->n * sizeof(struct jinja_node *));
        parent->kids = kids;
    }
    parent->kids[parent->n++] = kid;
    if (kid != NULL && kid->depth >= parent->depth)
        parent->depth = kid->depth + 1;
    if (parent->depth > JINJA_DEPTH)
        jinja_fail(p, "an expression is too long");
}

struct jinja_node *jinja_fail(struct jinja_parser *p, const char *format, ...)
{
    char text[256];
    va_list ap;
    if (!p->failed) {
        va_start(ap, format);
        (void)vsnprintf(text, sizeof text, format, ap);
        va_end(ap);
        error_set(p->error, ERROR_INPUT, "line %d: %s", p->at->line, text);
    }
    p->failed = true;
    return jinja_node(p, JN_BLOCK);
}

bool jinja_is(const struct jinja_parser *p, enum jinja_token_kind kind, const char *text)
{
    return p->at->kind == kind && (text == NULL || slice_is(p->at->text, text));
}

bool jinja_accept(struct jinja_parser *p, enum jinja_token_kind kind, const char *text)
{
    if (p->failed || !jinja_is(p, kind, text))
        return false;
    p->at++;
    return true;
}

bool jinja_expect(struct jinja_parser *p, enum jinja_token_kind kind, const char *text)
{
    if (jinja_accept(p, kind, text))
        return true;
    jinja_fail(p, "expected \"%s\"",
               text != NULL           ? text
               : kind == JT_NAME      ? "a name"
               : kind == JT_BLOCK_END ? "%}"
                                      : "}}");
    return false;
}

static bool at_block(const struct jinja_parser *p, const char *name)
{
    return p->at->kind == JT_BLOCK && p->at[1].kind == JT_NAME && slice_is(p->at[1].text, name);
}

/* --- blocks ----------------------------------------------------------------------------- */

static struct jinja_node *statement(struct jinja_parser *p);

/* Statements up to a block of one of these names, which is left standing. */
static struct jinja_node *body(struct jinja_parser *p, const char *a, const char *b, const char *c)
{
    struct jinja_node *n = jinja_node(p, JN_BLOCK);
    if (++p->depth > JINJA_NESTING)
        return jinja_fail(p, "blocks are nested too deeply");
    while (!p->failed && p->at->kind != JT_END) {
        if (at_block(p, a) || (b != NULL && at_block(p, b)) || (c != NULL && at_block(p, c)))
            break;
        jinja_adopt(p, n, statement(p));
    }
    if (p->at->kind == JT_END && a[0] != '\0')
        jinja_fail(p, "%s is missing", c != NULL ? c : b != NULL ? b : a);
    p->depth--;
    return n;
}

/* {% name %}, which must stand here. */
static void end_block(struct jinja_parser *p, const char *name)
{
    jinja_expect(p, JT_BLOCK, NULL);
    jinja_expect(p, JT_NAME, name);
    if (strcmp(name, "endmacro") == 0 && p->at->kind == JT_NAME)
        p->at++; /* the name may be repeated */
    jinja_expect(p, JT_BLOCK_END, NULL);
}

static struct jinja_node *parse_if(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_IF), *otherwise = NULL;
    jinja_adopt(p, n, jinja_tuple(p, false));
    jinja_expect(p, JT_BLOCK_END, NULL);
    jinja_adopt(p, n, body(p, "elif", "else", "endif"));
    if (p->failed)
        return n;
    if (at_block(p, "elif")) {
        p->at += 2;
        if (++p->depth > JINJA_NESTING)
            return jinja_fail(p, "too many elif");
        otherwise = parse_if(p);
        p->depth--;
        jinja_adopt(p, n, otherwise);
        return n; /* the inner one has taken endif */
    }
    if (at_block(p, "else")) {
        end_block(p, "else");
        otherwise = body(p, "endif", NULL, NULL);
    }
    end_block(p, "endif");
    jinja_adopt(p, n, otherwise);
    return n;
}

static struct jinja_node *parse_for(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_FOR), *condition = NULL, *otherwise = NULL;
    jinja_adopt(p, n, jinja_target(p));
    jinja_expect(p, JT_NAME, "in");
    jinja_adopt(p, n, jinja_tuple(p, false));
    if (jinja_accept(p, JT_NAME, "if"))
        condition = jinja_expression(p, true);
    if (jinja_is(p, JT_NAME, "recursive"))
        return jinja_fail(p, "recursive loops are not supported");
    jinja_expect(p, JT_BLOCK_END, NULL);
    jinja_adopt(p, n, condition);
    jinja_adopt(p, n, body(p, "else", "endfor", NULL));
    if (!p->failed && at_block(p, "else")) {
        end_block(p, "else");
        otherwise = body(p, "endfor", NULL, NULL);
    }
    end_block(p, "endfor");
    jinja_adopt(p, n, otherwise);
    return n;
}

struct jinja_node *jinja_target(struct jinja_parser *p)
{
    struct jinja_node *n = NULL, *tuple = NULL;
    bool closing = jinja_accept(p, JT_OPERATOR, "(");
    do {
        if (p->at->kind != JT_NAME)
            break;
        n = jinja_node(p, JN_NAME);
        n->text = (p->at++)->text;
        if (jinja_accept(p, JT_OPERATOR, ".")) {
            struct jinja_node *of = n;
            n = jinja_node(p, JN_ATTRIBUTE);
            n->text = p->at->text;
            jinja_expect(p, JT_NAME, NULL);
            jinja_adopt(p, n, of);
        }
        if (tuple == NULL && jinja_is(p, JT_OPERATOR, ","))
            tuple = jinja_node(p, JN_TUPLE);
        if (tuple != NULL)
            jinja_adopt(p, tuple, n);
    } while (jinja_accept(p, JT_OPERATOR, ","));
    if (closing)
        jinja_expect(p, JT_OPERATOR, ")");
    if (n == NULL)
        return jinja_fail(p, "a name to assign to is missing");
    return tuple != NULL ? tuple : n;
}

static struct jinja_node *parse_set(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_SET);
    jinja_adopt(p, n, jinja_target(p));
    if (jinja_accept(p, JT_OPERATOR, "=")) {
        jinja_adopt(p, n, jinja_tuple(p, true));
        jinja_expect(p, JT_BLOCK_END, NULL);
        return n;
    }
    n->kind = JN_SET_BLOCK;
    jinja_expect(p, JT_BLOCK_END, NULL);
    jinja_adopt(p, n, body(p, "endset", NULL, NULL));
    end_block(p, "endset");
    return n;
}

static struct jinja_node *parse_macro(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_MACRO);
    n->text = p->at->text;
    jinja_expect(p, JT_NAME, NULL);
    jinja_expect(p, JT_OPERATOR, "(");
    while (!p->failed && !jinja_accept(p, JT_OPERATOR, ")")) {
        struct jinja_node *parameter = jinja_node(p, JN_KEYWORD);
        parameter->text = p->at->text;
        jinja_expect(p, JT_NAME, NULL);
        jinja_adopt(p, parameter,
                    jinja_accept(p, JT_OPERATOR, "=") ? jinja_expression(p, true) : NULL);
        jinja_adopt(p, n, parameter);
        if (!jinja_is(p, JT_OPERATOR, ")"))
            jinja_expect(p, JT_OPERATOR, ",");
    }
    jinja_expect(p, JT_BLOCK_END, NULL);
    jinja_adopt(p, n, body(p, "endmacro", NULL, NULL));
    end_block(p, "endmacro");
    return n;
}

static struct jinja_node *parse_generation(struct jinja_parser *p)
{
    struct jinja_node *n = jinja_node(p, JN_GENERATION);
    p->generation = true;
    jinja_expect(p, JT_BLOCK_END, NULL);
    jinja_adopt(p, n, body(p, "endgeneration", NULL, NULL));
    end_block(p, "endgeneration");
    return n;
}

static struct jinja_node *parse_jump(struct jinja_parser *p, enum jinja_node_kind kind)
{
    struct jinja_node *n = jinja_node(p, kind);
    jinja_expect(p, JT_BLOCK_END, NULL);
    return n;
}

static struct jinja_node *block_statement(struct jinja_parser *p)
{
    struct slice name = p->at->text;
    if (p->at->kind != JT_NAME)
        return jinja_fail(p, "a statement is missing");
    p->at++;
    if (slice_is(name, "if"))
        return parse_if(p);
    if (slice_is(name, "for"))
        return parse_for(p);
    if (slice_is(name, "set"))
        return parse_set(p);
    if (slice_is(name, "macro"))
        return parse_macro(p);
    if (slice_is(name, "generation"))
        return parse_generation(p);
    if (slice_is(name, "break"))
        return parse_jump(p, JN_BREAK);
    if (slice_is(name, "continue"))
        return parse_jump(p, JN_CONTINUE);
    return jinja_fail(p, "the statement \"%.*s\" is not supported",
                      (int)(name.len < 40 ? name.len : 40), name.data);
}

static struct jinja_node *statement(struct jinja_parser *p)
{
    struct jinja_node *n;
    if (p->at->kind == JT_DATA) {
        n = jinja_node(p, JN_TEXT);
        n->text = (p->at++)->text;
        return n;
    }
    if (jinja_accept(p, JT_PRINT, NULL)) {
        n = jinja_node(p, JN_OUTPUT);
        jinja_adopt(p, n, jinja_tuple(p, true));
        jinja_expect(p, JT_PRINT_END, NULL);
        return n;
    }
    if (jinja_accept(p, JT_BLOCK, NULL))
        return block_statement(p);
    return jinja_fail(p, "unexpected text inside a tag");
}

struct jinja_node *jinja_parse(struct jinja_parser *p)
{
    struct jinja_node *n = body(p, "", NULL, NULL);
    return p->failed ? NULL : n;
}
