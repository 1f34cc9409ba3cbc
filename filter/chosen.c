#include "filter/chosen.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/nearest.h"
#include "filter/minhash.h"

#include <stdio.h>
#include <string.h>

enum { CHOSEN_VERSION = 1 }; /* of what looks at all rows */

/* The rules that look at all rows; the first three are usual. */
static const char *const wide_rules[] = {"exact_duplicate", "near_duplicate",
                                         "contradiction",   "sql",
                                         "command",         "novelty",
                                         "semantic"};
enum { N_WIDE = sizeof wide_rules / sizeof *wide_rules, USUAL_WIDE = 3, MAX_RULES = 128 };

static int unknown(const char *name, struct error *error)
{
    struct nearest n = nearest_start(name);
    const char *best;
    nearest_try(&n, "default");
    for (size_t i = 0; filter_rules[i] != NULL; i++)
        nearest_try(&n, filter_rules[i]->name);
    for (size_t i = 0; i < N_WIDE; i++)
        nearest_try(&n, wide_rules[i]);
    best = nearest_word(&n);
    return error_set(error, ERROR_USAGE, "filter.rules: no rule \"%s\"%s%s%s", name,
                     best != NULL ? "; did you mean \"" : "", best != NULL ? best : "",
                     best != NULL ? "\"?" : "; docs/filter.md lists them");
}

/* Which of the table are on. */
struct selection {
    bool row[MAX_RULES], wide[N_WIDE];
};

static int select_one(struct selection *s, const char *given, struct error *error)
{
    const bool on = given[0] != '-';
    const char *name = on ? given : given + 1;
    bool known = strcmp(name, "default") == 0;
    for (size_t i = 0; filter_rules[i] != NULL && i < MAX_RULES; i++) {
        const bool same = strcmp(name, filter_rules[i]->name) == 0;
        if (same || (strcmp(name, "default") == 0 && filter_rules[i]->usual))
            s->row[i] = on;
        known |= same;
    }
    for (size_t i = 0; i < N_WIDE; i++) {
        const bool same = strcmp(name, wide_rules[i]) == 0;
        if (same || (strcmp(name, "default") == 0 && i < USUAL_WIDE))
            s->wide[i] = on;
        known |= same;
    }
    return known ? 0 : unknown(name, error);
}

static enum verdict_action action_of(const struct filter_rule *rule, const struct json *settings)
{
    const struct slice given = json_string(json_get(settings, "action"));
    if (slice_is(given, "remove"))
        return VERDICT_REMOVE;
    if (slice_is(given, "flag"))
        return VERDICT_FLAG;
    return rule->action;
}

static int open_rules(struct chosen *c, const struct selection *s, const struct recipe *recipe,
                      struct error *error)
{
    const struct json *all = recipe_get(recipe, "filter.rule");
    char *folder = file_dir(recipe_file(recipe));
    int rc = 0;
    c->rules = mem_zero(MAX_RULES, sizeof *c->rules);
    for (size_t i = 0; filter_rules[i] != NULL && rc == 0; i++) {
        const struct filter_rule *rule = filter_rules[i];
        const struct json *settings = json_get(all, rule->name);
        struct chosen_rule *r = &c->rules[c->n];
        if (!s->row[i])
            continue;
        *r = (struct chosen_rule){.rule = rule, .action = action_of(rule, settings)};
        if (rule->open != NULL && (r->state = rule->open(settings, folder, error)) == NULL)
            rc = error_wrap(error, "filter.rule.%s", rule->name);
        else
            c->n++;
    }
    mem_free(folder);
    return rc;
}

enum similar_fields chosen_fields(const char *name)
{
    if (strcmp(name, "output") == 0)
        return SIMILAR_OUTPUT;
    return strcmp(name, "prompt") == 0 ? SIMILAR_PROMPT : SIMILAR_ALL;
}

static void read_preference(struct chosen *c, const struct json *list)
{
    for (const struct json *p = json_first(list); p != NULL && c->n_prefer < CHOSEN_PREFER;
         p = json_next(p)) {
        const struct slice name = json_string(p);
        enum prefer_kind kind = PREFER_SCORE;
        if (slice_is(name, "longest"))
            kind = PREFER_LONGEST;
        else if (slice_is(name, "shortest"))
            kind = PREFER_SHORTEST;
        else if (slice_is(name, "oldest"))
            kind = PREFER_OLDEST;
        else
            c->score = json_text(p, NULL);
        c->prefer[c->n_prefer++] = kind;
    }
}

static void read_wide(struct chosen *c, const struct recipe *recipe)
{
    c->normal = (struct normal_options){
        .nfkc = recipe_bool(recipe, "filter.exact.nfkc"),
        .fold_case = recipe_bool(recipe, "filter.exact.fold_case"),
        .fold_space = recipe_bool(recipe, "filter.exact.fold_space"),
        .drop_punctuation = recipe_bool(recipe, "filter.exact.drop_punctuation"),
    };
    c->exact_fields = chosen_fields(recipe_text(recipe, "filter.exact.fields"));
    c->near_fields = chosen_fields(recipe_text(recipe, "filter.near.fields"));
    c->threshold = recipe_number(recipe, "filter.near.threshold");
    read_preference(c, recipe_get(recipe, "filter.prefer"));
    (void)snprintf(c->kind, sizeof c->kind,
                   "minhash %d shingle1 skeleton1 near=%d exact=%d%d%d%d%d %s", MINHASH_VERSION,
                   (int)c->near_fields, (int)c->exact_fields, c->normal.nfkc, c->normal.fold_case,
                   c->normal.fold_space, c->normal.drop_punctuation,
                   __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "le" : "be");
}

/* What stands in a file that a rule reads: another text is another rule.  That it cannot be read is
 * for the rule to say. */
static void add_file(struct buf *text, const char *folder, const struct json *name)
{
    struct buf content = BUF;
    char hex[33], *path = file_join(folder, json_text(name, ""));
    if (json_text(name, NULL) != NULL && file_read(path, &content, NULL) == 0) {
        hash128_hex(hash128(buf_text(&content), content.len), hex);
        buf_printf(text, " %s", hex);
    }
    mem_free(path);
    buf_free(&content);
}

static void add_files(struct buf *text, const struct chosen *c, const struct recipe *recipe)
{
    const struct json *all = recipe_get(recipe, "filter.rule");
    char *folder = file_dir(recipe_file(recipe));
    for (size_t i = 0; i < c->n; i++) {
        const struct json *settings = json_get(all, c->rules[i].rule->name);
        const struct json *files = json_get(settings, "files");
        add_file(text, folder, json_get(settings, "file"));
        for (const struct json *f = json_first(files); f != NULL; f = json_next(f))
            add_file(text, folder, f);
    }
    mem_free(folder);
}

static void read_fingerprint(struct chosen *c, const struct recipe *recipe)
{
    struct buf text = BUF;
    (void)json_write(recipe_get(recipe, "filter"), JSON_CANONICAL, &text);
    buf_printf(&text, " %d %s", CHOSEN_VERSION, c->kind);
    for (size_t i = 0; i < c->n; i++)
        buf_printf(&text, " %s %d", c->rules[i].rule->name, c->rules[i].rule->version);
    add_files(&text, c, recipe);
    c->fingerprint = hash128(buf_text(&text), text.len);
    buf_free(&text);
}

int chosen_open(struct chosen *c, const struct recipe *recipe, struct error *error)
{
    struct selection s = {{false}, {false}};
    *c = (struct chosen){.rules = NULL};
    for (const struct json *r = json_first(recipe_get(recipe, "filter.rules")); r != NULL;
         r = json_next(r))
        if (select_one(&s, json_text(r, ""), error) != 0)
            return -1;
    c->exact = s.wide[0];
    c->near = s.wide[1];
    c->contradiction = s.wide[2];
    c->where = s.wide[3] ? recipe_text(recipe, "filter.rule.sql.where") : NULL;
    if (s.wide[3] && (c->where == NULL || *c->where == '\0'))
        return error_set(
            error, ERROR_USAGE,
            "filter.rule.sql.where: give an SQL expression over the columns of sample");
    c->where_flags = slice_is(json_string(recipe_get(recipe, "filter.rule.sql.action")), "flag");
    for (size_t i = 0; i < N_WIDE; i++)
        c->wide |= s.wide[i] ? 1U << i : 0;
    read_wide(c, recipe);
    c->mask = recipe_bool(recipe, "filter.rule.pii.mask");
    if (open_rules(c, &s, recipe, error) != 0) {
        chosen_close(c);
        return -1;
    }
    read_fingerprint(c, recipe);
    return 0;
}

bool chosen_has(const struct chosen *c, const char *rule)
{
    for (size_t i = 0; i < N_WIDE; i++)
        if (strcmp(rule, wide_rules[i]) == 0)
            return (c->wide >> i & 1) != 0;
    return false;
}

void chosen_close(struct chosen *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->rules[i].rule->close != NULL)
            c->rules[i].rule->close(c->rules[i].state);
    mem_free(c->rules);
    *c = (struct chosen){.rules = NULL};
}
