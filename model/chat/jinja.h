/*
 * The Jinja subset of chat templates: source to tree, tree and variables to text whose bytes know
 * where they came from.  Private to model/chat/.
 *
 * Statements: for (with unpacking, `if`, else), if, set (also name.attribute and blocks), macro,
 * break, continue, generation, raw.  Expressions: all operators, slices, calls with keywords,
 * the filters of jinja_filters.c, the tests of jinja_tests.c, the methods of jinja_methods.c and
 * the functions range, namespace, dict, raise_exception, strftime_now.  As Hugging Face renders:
 * trim_blocks, lstrip_blocks, undefined prints as nothing.
 *
 *     lex  jinja_lex.c     template text to tokens
 *     parse jinja_parse.c (statements), jinja_expr.c (expressions)
 *     run  jinja_run.c (statements), jinja_eval.c (expressions), jinja_value.c …
 *
 * Bounds: nesting of the source, nodes evaluated, memory of one rendering, depth of macro calls.
 * After a failure every operation does nothing and answers undefined, up to the top.
 */
#ifndef MODEL_CHAT_JINJA_H
#define MODEL_CHAT_JINJA_H

#include "core/arena.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/json.h"
#include "core/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JINJA_SOURCE_MAX = 1 << 20,
    JINJA_DEPTH = 400,   /* of the tree of one expression */
    JINJA_NESTING = 128, /* of expressions and blocks in a template */
    JINJA_CALLS = 64,    /* macros in macros */
    JINJA_STEPS = 20 * 1000 * 1000,
    JINJA_MEMORY = 256 << 20, /* of values made while rendering */
    JINJA_RANGE = 100 * 1000, /* items of range() */
};

/* --- tokens ----------------------------------------------------------------------------- */

enum jinja_token_kind {
    JT_DATA,  /* text outside tags */
    JT_BLOCK, /* {% */
    JT_BLOCK_END,
    JT_PRINT, /* {{ */
    JT_PRINT_END,
    JT_NAME,
    JT_STRING, /* escapes resolved */
    JT_INTEGER,
    JT_FLOAT,
    JT_OPERATOR,
    JT_END,
};
struct jinja_token {
    enum jinja_token_kind kind;
    struct slice text; /* data, name, string, operator */
    int64_t integer;
    double real;
    int line;
};
struct jinja_tokens {
    struct jinja_token *items;
    size_t n, cap;
};
/* Texts that had to be changed live in the arena, others in the source, which must stay. */
int jinja_lex(struct slice source, struct arena *arena, struct jinja_tokens *out,
              struct error *error);

/* --- tree ------------------------------------------------------------------------------- */

enum jinja_node_kind {
    /* expressions */
    JN_LITERAL,   /* value */
    JN_NAME,      /* text */
    JN_LIST,      /* kids */
    JN_TUPLE,     /* kids */
    JN_DICT,      /* kids: key, value, key, value … */
    JN_ATTRIBUTE, /* kids[0] . text */
    JN_ITEM,      /* kids[0] [ kids[1] ] */
    JN_SLICE,     /* kids[0] [ kids[1] : kids[2] : kids[3] ], absent ones NULL */
    JN_CALL,      /* kids[0] ( kids[1…] ), keywords are JN_KEYWORD */
    JN_KEYWORD,   /* text = kids[0] */
    JN_FILTER,    /* kids[0] | text ( kids[1…] ); kids[0] NULL in a filter block */
    JN_TEST,      /* kids[0] is text ( kids[1…] ) */
    JN_NOT,
    JN_NEGATE,
    JN_PLUS,
    JN_AND,
    JN_OR,
    JN_BINARY,  /* op */
    JN_COMPARE, /* kids[0] op kids[1]; chains are JN_AND of these with shared middle */
    JN_IF_ELSE, /* kids[0] if kids[1] else kids[2] (NULL: undefined) */
    /* statements */
    JN_TEXT,      /* text */
    JN_OUTPUT,    /* kids[0] */
    JN_BLOCK,     /* kids in order */
    JN_IF,        /* kids[0] condition, kids[1] block, kids[2] else (NULL, block or JN_IF) */
    JN_FOR,       /* kids[0] target, [1] iterable, [2] condition, [3] body, [4] else */
    JN_SET,       /* kids[0] target, kids[1] value */
    JN_SET_BLOCK, /* kids[0] target, kids[1] body */
    JN_MACRO,     /* text, kids: parameters (JN_KEYWORD, kids[0] default or NULL) then body */
    JN_BREAK,
    JN_CONTINUE,
    JN_GENERATION, /* kids[0] body */
};

enum jinja_op {
    JO_ADD,
    JO_SUBTRACT,
    JO_MULTIPLY,
    JO_DIVIDE,
    JO_FLOOR,
    JO_MODULO,
    JO_POWER,
    JO_JOIN,
    JO_EQUAL,
    JO_UNEQUAL,
    JO_LESS,
    JO_LESS_EQUAL,
    JO_MORE,
    JO_MORE_EQUAL,
    JO_IN,
    JO_NOT_IN,
};

/* --- values ----------------------------------------------------------------------------- */

enum jinja_kind {
    JV_UNDEFINED,
    JV_NONE,
    JV_BOOL,
    JV_INTEGER,
    JV_FLOAT,
    JV_STRING,
    JV_LIST,
    JV_TUPLE,
    JV_DICT,
    JV_NAMESPACE,
    JV_LOOP,
    JV_FUNCTION, /* a global function */
    JV_METHOD,   /* a method of a value */
    JV_MACRO,
};

/* Bytes [begin, end) of a string that came from a message (index, or -1: tools). */
enum jinja_field { JF_CONTENT, JF_ROLE };
struct jinja_mark {
    uint32_t begin, end;
    int32_t message;
    enum jinja_field field;
};
struct jinja_string {
    const char *data;
    size_t len;
    const struct jinja_mark *marks; /* in order, not overlapping */
    size_t n_marks;
};

struct jinja_node;
struct jinja_value {
    enum jinja_kind kind;
    union {
        bool truth;
        int64_t integer;
        double real;
        const struct jinja_string *string;
        struct jinja_list *list; /* LIST, TUPLE */
        struct jinja_dict *dict; /* DICT, NAMESPACE */
        struct jinja_loop *loop;
        const struct jinja_function *function;
        const struct jinja_method *method;
        const struct jinja_node *macro;
        const char *missing; /* UNDEFINED: what was not there, for the message; or NULL */
    } as;
};
struct jinja_list {
    struct jinja_value *items;
    size_t n, cap;
};
struct jinja_pair {
    struct jinja_value key, value;
};
struct jinja_dict {
    struct jinja_pair *pairs;
    size_t n, cap;
};
struct jinja_method {
    struct jinja_value self;
    struct slice name;
};
struct jinja_loop {
    const struct jinja_list *items;
    size_t at, depth;
    struct jinja_value changed; /* what loop.changed saw last */
};

struct jinja_node {
    enum jinja_node_kind kind;
    enum jinja_op op;
    int line;
    int depth; /* of the tree below */
    struct slice text;
    struct jinja_value value;
    struct jinja_node **kids;
    size_t n;
};

/* --- parsing ---------------------------------------------------------------------------- */

struct jinja_parser {
    const struct jinja_token *at;
    struct arena *arena;
    struct error *error;
    int depth;
    bool failed;
    bool generation; /* a generation block was seen */
};
struct jinja_node *jinja_parse(struct jinja_parser *p);
struct jinja_node *jinja_expression(struct jinja_parser *p, bool with_condition);
/* a, b, c as one tuple; a alone as itself. */
struct jinja_node *jinja_tuple(struct jinja_parser *p, bool with_condition);
struct jinja_node *jinja_target(struct jinja_parser *p); /* name, name.attribute or a tuple */
struct jinja_node *jinja_node(struct jinja_parser *p, enum jinja_node_kind kind);
void jinja_adopt(struct jinja_parser *p, struct jinja_node *parent, struct jinja_node *kid);
struct jinja_node *jinja_fail(struct jinja_parser *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool jinja_is(const struct jinja_parser *p, enum jinja_token_kind kind, const char *text);
bool jinja_accept(struct jinja_parser *p, enum jinja_token_kind kind, const char *text);
bool jinja_expect(struct jinja_parser *p, enum jinja_token_kind kind, const char *text);

/* --- running ---------------------------------------------------------------------------- */

/* Text being written, with its marks. */
struct jinja_out {
    struct buf text;
    struct jinja_mark *marks;
    size_t n, cap;
};

struct jinja_scope {
    struct jinja_scope *parent;
    struct jinja_dict vars;
};

struct jinja_range {
    size_t begin, end;
};

struct jinja {
    struct arena arena;
    struct error *error;
    bool failed;
    size_t memory, steps;
    int calls;       /* depth of macro calls */
    int64_t date_ms; /* for strftime_now */
    struct jinja_scope *scope;
    struct jinja_scope *global; /* the template's own variables: what macros see */
    struct jinja_out *out;
    struct jinja_out *page; /* the outermost: what generation blocks are recorded in */
    struct jinja_range *generations;
    size_t n_generations, generations_cap;
    bool breaking, continuing;
    int line;
};

/* Run a parsed template; -1 with the error filled. */
int jinja_run(struct jinja *j, const struct jinja_node *root);
void jinja_block(struct jinja *j, const struct jinja_node *node);
/* Run statements into a string of their own. */
struct jinja_value jinja_capture(struct jinja *j, const struct jinja_node *body);
struct jinja_value jinja_eval(struct jinja *j, const struct jinja_node *node);
void jinja_assign(struct jinja *j, const struct jinja_node *target, struct jinja_value value);
void jinja_set(struct jinja *j, struct jinja_scope *scope, struct slice name,
               struct jinja_value value);
struct jinja_value jinja_get(struct jinja *j, struct slice name);
void jinja_write(struct jinja *j, const struct jinja_string *s);

/* Fail; answers undefined. */
struct jinja_value jinja_error(struct jinja *j, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Arguments of a call: positional, then keywords. */
struct jinja_args {
    struct jinja_value *items;
    size_t n;
    struct jinja_pair *named; /* keys are strings */
    size_t n_named;
};
/* Argument i, or by name; undefined where not given. */
struct jinja_value jinja_arg(const struct jinja_args *a, size_t i, const char *name);

struct jinja_value jinja_call_macro(struct jinja *j, const struct jinja_node *macro,
                                    const struct jinja_args *args);
/* Filters, tests, methods, functions by name; unknown names fail when the template is parsed
 * (jinja_known_*), methods when called. */
struct jinja_value jinja_filter(struct jinja *j, struct slice name, struct jinja_value value,
                                const struct jinja_args *args);
bool jinja_test(struct jinja *j, struct slice name, struct jinja_value value,
                const struct jinja_args *args);
struct jinja_value jinja_call_method(struct jinja *j, const struct jinja_method *m,
                                     const struct jinja_args *args);
bool jinja_has_method(struct jinja_value self, struct slice name);
bool jinja_known_filter(struct slice name);
bool jinja_known_test(struct slice name);

typedef struct jinja_value jinja_call(struct jinja *j, const struct jinja_args *args);
struct jinja_function {
    const char *name;
    jinja_call *call;
};
extern const struct jinja_function jinja_functions[]; /* NULL-ended */

/* --- on values (jinja_value.c, jinja_string.c, jinja_text.c) ----------------------------- */

#define JINJA_UNDEFINED ((struct jinja_value){.kind = JV_UNDEFINED, .as.missing = NULL})
#define JINJA_NONE      ((struct jinja_value){.kind = JV_NONE})

void *jinja_alloc(struct jinja *j, size_t size);
struct jinja_value jinja_bool(bool x);
struct jinja_value jinja_integer(int64_t x);
struct jinja_value jinja_float(double x);
struct jinja_value jinja_list_new(struct jinja *j);
struct jinja_value jinja_dict_new(struct jinja *j);
void jinja_push(struct jinja *j, struct jinja_value list, struct jinja_value item);
void jinja_put(struct jinja *j, struct jinja_value dict, struct jinja_value key,
               struct jinja_value value);
/* NULL where the key is absent. */
struct jinja_value *jinja_find(struct jinja_value dict, struct jinja_value key);
struct jinja_value *jinja_find_text(struct jinja_value dict, struct slice key);
bool jinja_true(struct jinja_value v);
bool jinja_equal(struct jinja_value a, struct jinja_value b);
/* <0, 0, >0; fails on values without an order. */
int jinja_compare(struct jinja *j, struct jinja_value a, struct jinja_value b);
bool jinja_contains(struct jinja *j, struct jinja_value container, struct jinja_value item);
bool jinja_is_number(struct jinja_value v);
double jinja_number(struct jinja_value v);
/* The items that iterating gives: a list's, a dict's keys, a string's characters; fails on
 * others, NULL then. */
const struct jinja_list *jinja_items(struct jinja *j, struct jinja_value v);
int64_t jinja_length(struct jinja *j, struct jinja_value v);
struct jinja_value jinja_attribute(struct jinja *j, struct jinja_value v, struct slice name);
struct jinja_value jinja_item(struct jinja *j, struct jinja_value v, struct jinja_value key);
const char *jinja_type(struct jinja_value v); /* as Python names it */
/* JSON to values; strings of it are marked. */
struct jinja_value jinja_from_json(struct jinja *j, const struct json *node,
                                   const struct jinja_mark *mark);
/* The first `limit` messages. */
struct jinja_value jinja_messages(struct jinja *j, const struct json *messages, size_t limit);

struct jinja_value jinja_string(struct jinja *j, struct slice s); /* unmarked, not copied */
struct jinja_value jinja_text(struct jinja *j, const char *text);
struct slice jinja_slice(struct jinja_value v); /* of a string */
struct jinja_value jinja_concat(struct jinja *j, struct jinja_value a, struct jinja_value b);
struct jinja_value jinja_sub(struct jinja *j, struct jinja_value s, size_t begin, size_t end);
/* What was written to `out`, as a string; `out` is emptied. */
struct jinja_value jinja_taken(struct jinja *j, struct jinja_out *out);
void jinja_out_add(struct jinja_out *out, const struct jinja_string *s);
void jinja_out_text(struct jinja_out *out, struct slice s);
void jinja_out_free(struct jinja_out *out);

/* str(v) and repr(v) of Python. */
struct jinja_value jinja_str(struct jinja *j, struct jinja_value v);
struct jinja_value jinja_repr(struct jinja *j, struct jinja_value v);
/* json.dumps(v, ensure_ascii=False, indent, separators, sort_keys). */
struct jinja_json_form {
    int64_t indent; /* -1 none */
    struct slice item, colon;
    bool ascii, sorted;
};
struct jinja_value jinja_dumps(struct jinja *j, struct jinja_value v,
                               const struct jinja_json_form *form);

#endif
