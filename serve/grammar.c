#include "serve/grammar.h"

#include "core/mem.h"
#include "core/vec.h"

#include <string.h>

enum { STACKS_MAX = 128, DEPTH_MAX = 160, ELEMENTS_MAX = 200000, VISITS_MAX = 4096 };

enum element_kind { ELEMENT_END, ELEMENT_OR, ELEMENT_BYTES, ELEMENT_REF };

struct element {
    enum element_kind kind;
    int value; /* of a reference: the rule; of bytes: the set */
};

struct byte_set {
    uint32_t bits[8];
};

struct grammar {
    struct element *elements;
    size_t n_elements, elements_cap;
    int *rules; /* first element of each, -1 while undefined */
    size_t n_rules, rules_cap;
    struct byte_set *sets;
    size_t n_sets, sets_cap;
    int start;
};

/* A stack of positions (indices of elements) still to be matched; the last is next and always a
 * byte set.  An empty stack is a text that may end. */
struct stack {
    int at[DEPTH_MAX];
    int n;
};

struct stacks {
    struct stack *items;
    int n;
};

struct grammar_state {
    const struct grammar *grammar;
    struct stacks now, trial, next;
};

/* -- building ------------------------------------------------------------------------------- */

struct grammar *grammar_new(void)
{
    struct grammar *g = mem_zero(1, sizeof *g);
    g->start = -1;
    return g;
}

void grammar_free(struct grammar *g)
{
    if (g == NULL)
        return;
    mem_free(g->elements);
    mem_free(g->rules);
    mem_free(g->sets);
    mem_free(g);
}

static void add(struct grammar *g, enum element_kind kind, int value)
{
    g->elements =
        vec_reserve(g->elements, &g->elements_cap, g->n_elements + 1, sizeof *g->elements);
    g->elements[g->n_elements++] = (struct element){kind, value};
}

int grammar_reserve(struct grammar *g)
{
    g->rules = vec_reserve(g->rules, &g->rules_cap, g->n_rules + 1, sizeof *g->rules);
    g->rules[g->n_rules] = -1;
    return (int)g->n_rules++;
}

void grammar_define(struct grammar *g, int rule)
{
    g->rules[rule] = (int)g->n_elements;
}

int grammar_rule(struct grammar *g)
{
    const int rule = grammar_reserve(g);
    grammar_define(g, rule);
    return rule;
}

static void add_set(struct grammar *g, const struct byte_set *set)
{
    size_t i = 0;
    while (i < g->n_sets && memcmp(&g->sets[i], set, sizeof *set) != 0)
        i++;
    if (i == g->n_sets) {
        g->sets = vec_reserve(g->sets, &g->sets_cap, g->n_sets + 1, sizeof *g->sets);
        g->sets[g->n_sets++] = *set;
    }
    add(g, ELEMENT_BYTES, (int)i);
}

static void set_byte(struct byte_set *set, unsigned c)
{
    set->bits[c / 32] |= 1u << c % 32;
}

void grammar_range(struct grammar *g, unsigned char from, unsigned char to)
{
    struct byte_set set = {{0}};
    for (unsigned c = from; c <= to; c++)
        set_byte(&set, c);
    add_set(g, &set);
}

void grammar_except(struct grammar *g, const char *bytes)
{
    struct byte_set set = {{0}};
    for (unsigned c = 0x20; c < 0x80; c++)
        if (strchr(bytes, (int)c) == NULL)
            set_byte(&set, c);
    add_set(g, &set);
}

void grammar_literal(struct grammar *g, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        grammar_range(g, (unsigned char)text.data[i], (unsigned char)text.data[i]);
}

void grammar_ref(struct grammar *g, int rule)
{
    add(g, ELEMENT_REF, rule);
}

void grammar_or(struct grammar *g)
{
    add(g, ELEMENT_OR, 0);
}

void grammar_end(struct grammar *g)
{
    add(g, ELEMENT_END, 0);
}

bool grammar_start(struct grammar *g, int rule)
{
    g->start = rule;
    return g->n_elements < ELEMENTS_MAX;
}

/* -- following ------------------------------------------------------------------------------ */

static bool ends(const struct grammar *g, int at)
{
    const enum element_kind kind = g->elements[at].kind;
    return kind == ELEMENT_END || kind == ELEMENT_OR;
}

static void keep(struct stacks *out, const struct stack *s)
{
    for (int i = 0; i < out->n; i++)
        if (out->items[i].n == s->n &&
            memcmp(out->items[i].at, s->at, (size_t)s->n * sizeof *s->at) == 0)
            return;
    if (out->n < STACKS_MAX)
        out->items[out->n++] = *s;
}

/* Resolve references on top of the stack until each copy ends in a byte set or is empty.  Stacks that
 * grow past the bounds are dropped: such a text is not allowed. */
static void expand(const struct grammar *g, struct stack *s, struct stacks *out, int *visits)
{
    int top, rule_at;
    if (++*visits > VISITS_MAX)
        return;
    if (s->n == 0 || g->elements[s->at[s->n - 1]].kind == ELEMENT_BYTES) {
        keep(out, s);
        return;
    }
    top = s->at[--s->n];
    rule_at = g->rules[g->elements[top].value];
    if (!ends(g, top + 1))
        s->at[s->n++] = top + 1;
    for (int at = rule_at;; at++) {
        struct stack copy = *s;
        if (!ends(g, at)) {
            if (copy.n == DEPTH_MAX)
                return;
            copy.at[copy.n++] = at;
        }
        expand(g, &copy, out, visits);
        while (!ends(g, at))
            at++;
        if (g->elements[at].kind == ELEMENT_END)
            return;
    }
}

static bool has_byte(const struct grammar *g, int at, unsigned char c)
{
    return (g->sets[g->elements[at].value].bits[c / 32] >> c % 32 & 1) != 0;
}

/* One byte: from `from` to `to`. */
static void advance(const struct grammar *g, const struct stacks *from, struct stacks *to,
                    unsigned char c)
{
    to->n = 0;
    for (int i = 0; i < from->n; i++) {
        const struct stack *s = &from->items[i];
        struct stack moved;
        int top, visits = 0;
        if (s->n == 0 || !has_byte(g, top = s->at[s->n - 1], c))
            continue;
        moved = *s;
        moved.n--;
        if (!ends(g, top + 1))
            moved.at[moved.n++] = top + 1;
        expand(g, &moved, to, &visits);
    }
}

static struct stacks stacks_new(void)
{
    return (struct stacks){mem_alloc(STACKS_MAX * sizeof(struct stack)), 0};
}

struct grammar_state *grammar_state_new(const struct grammar *g)
{
    struct grammar_state *s = mem_zero(1, sizeof *s);
    const int first = g->rules[g->start];
    int visits = 0;
    s->grammar = g;
    s->now = stacks_new();
    s->trial = stacks_new();
    s->next = stacks_new();
    for (int at = first;; at++) {
        struct stack one = {.n = 0};
        if (!ends(g, at))
            one.at[one.n++] = at;
        expand(g, &one, &s->now, &visits);
        while (!ends(g, at))
            at++;
        if (g->elements[at].kind == ELEMENT_END)
            return s;
    }
}

void grammar_state_free(struct grammar_state *s)
{
    if (s == NULL)
        return;
    mem_free(s->now.items);
    mem_free(s->trial.items);
    mem_free(s->next.items);
    mem_free(s);
}

/* Follow the bytes from `now`; the result is in `trial`. */
static bool attempt(struct grammar_state *s, struct slice bytes)
{
    const struct stacks *from = &s->now;
    for (size_t i = 0; i < bytes.len; i++) {
        struct stacks swap;
        advance(s->grammar, from, &s->next, (unsigned char)bytes.data[i]);
        swap = s->next;
        s->next = s->trial;
        s->trial = swap;
        from = &s->trial;
        if (from->n == 0)
            return false;
    }
    return true;
}

bool grammar_allows(struct grammar_state *s, struct slice bytes)
{
    return attempt(s, bytes);
}

bool grammar_follow(struct grammar_state *s, struct slice bytes)
{
    struct stacks swap;
    if (!attempt(s, bytes))
        return false;
    if (bytes.len != 0) {
        swap = s->now;
        s->now = s->trial;
        s->trial = swap;
    }
    return true;
}

bool grammar_complete(const struct grammar_state *s)
{
    for (int i = 0; i < s->now.n; i++)
        if (s->now.items[i].n == 0)
            return true;
    return false;
}

bool grammar_closed(const struct grammar_state *s)
{
    for (int i = 0; i < s->now.n; i++)
        if (s->now.items[i].n != 0)
            return false;
    return true;
}
