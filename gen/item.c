#include "gen/item.h"

#include "core/mem.h"
#include "corpus/turns.h"
#include "gen/lane.h"
#include "gen/run.h"
#include "net/parts.h"

#include <math.h>
#include <string.h>

enum { MAX_BODY = 64 << 20, PER_MESSAGE = 16 };

/* ---- lists ----------------------------------------------------------------------------------- */

void items_init(struct items *l)
{
    l->first = NULL;
    l->end = &l->first;
    l->n = 0;
}

void items_add(struct items *l, struct item *i)
{
    i->next = NULL;
    *l->end = i;
    l->end = &i->next;
    l->n++;
}

struct item *items_pop(struct items *l)
{
    struct item *i = l->first;
    if (!i)
        return NULL;
    l->first = i->next;
    if (!l->first)
        l->end = &l->first;
    l->n--;
    i->next = NULL;
    return i;
}

void items_add_first(struct items *l, struct item *i)
{
    i->next = l->first;
    if (!l->first)
        l->end = &i->next;
    l->first = i;
    l->n++;
}

/* ---- texts ----------------------------------------------------------------------------------- */

enum { FIELDS = 8 };

static void fields_of(struct ledger_prompt *p, struct slice *out[FIELDS])
{
    struct slice *all[FIELDS] = {&p->name,  &p->source,   &p->system, &p->instruction,
                                 &p->input, &p->messages, &p->raw,    &p->meta};
    memcpy(out, all, sizeof all);
}

/* One block for all texts of the prompt. */
static void own_texts(struct item *i)
{
    struct slice *f[FIELDS];
    size_t size = 1;
    fields_of(&i->prompt, f);
    for (int k = 0; k < FIELDS; k++)
        size += f[k]->len + 1;
    char *at = i->text = mem_alloc(size);
    for (int k = 0; k < FIELDS; k++) {
        if (!f[k]->data)
            continue;
        memcpy(at, f[k]->data, f[k]->len);
        at[f[k]->len] = '\0';
        f[k]->data = at;
        at += f[k]->len + 1;
    }
}

/* ---- body ------------------------------------------------------------------------------------ */

/* The prompt's turns with the system message in front of them. */
static void join_system(const struct ledger_prompt *p, struct buf *out)
{
    struct slice turns = slice_trim(p->messages);
    buf_str(out, "[{\"role\":\"system\",\"content\":");
    json_quote(p->system, 0, out);
    buf_char(out, '}');
    struct slice rest = slice_trim(slice_sub(turns, 1, turns.len));
    if (rest.len > 1)
        buf_char(out, ',');
    buf_slice(out, rest);
}

static int write_body(struct item *i, const struct net_dialect *d, struct error *error)
{
    const struct ledger_prompt *p = &i->prompt;
    const struct endpoint *teacher = i->lane->teacher;
    struct net_message turns[2];
    struct net_params params;
    struct net_request q = {.messages = turns, .params = &params};
    struct buf scratch = BUF;
    settings_params(&i->g->settings, i->step, teacher, i->sample, &params);
    if (p->raw.data && teacher->provider->features & NET_CHAT) {
        q.messages_json = p->raw;
    } else if (p->raw.data) {
        q.prompt = p->raw;
    } else if (p->messages.data && p->system.data) {
        join_system(p, &scratch);
        q.messages_json = buf_view(&scratch);
    } else if (p->messages.data) {
        q.messages_json = p->messages;
    } else {
        struct sample s = {.instruction = p->instruction, .input = p->input};
        if (p->system.data)
            turns[q.n_messages++] = (struct net_message){SLICE("system"), p->system};
        turns_prompt(&s, &scratch);
        turns[q.n_messages++] = (struct net_message){SLICE("user"), buf_view(&scratch)};
    }
    buf_clear(&i->body);
    i->body.max = MAX_BODY;
    i->dialect = *d;
    int rc = teacher->provider->body(&q, d, &i->body, error);
    buf_free(&scratch);
    return rc;
}

static int64_t part_tokens(const struct item *i)
{
    const struct endpoint *teacher = i->lane->teacher;
    bool raw_chat = i->prompt.raw.data && teacher->provider->features & NET_CHAT;
    struct slice messages = raw_chat ? i->prompt.raw : i->prompt.messages;
    struct parts n = {0, 0};
    if (messages.data)
        n = parts_count(messages);
    if (teacher->part_tokens >= 0)
        return (n.pictures + n.others) * teacher->part_tokens;
    return n.others ? -1 : n.pictures * PARTS_PICTURE;
}

/* hash(endpoint, canonical body, sample) */
static void set_key(struct item *i)
{
    const struct endpoint *e = i->lane->teacher;
    struct hash128 h = hash128(i->body.data, i->body.len);
    h = hash128_add(h, e->provider->name, strlen(e->provider->name));
    h = hash128_add(h, e->name, strlen(e->name));
    i->request.key = hash128_add(h, &i->sample, sizeof i->sample);
}

static bool same_dialect(const struct net_dialect *a, const struct net_dialect *b)
{
    return a->max_tokens_old == b->max_tokens_old && a->no_schema == b->no_schema;
}

int item_refresh(struct item *i, struct error *error)
{
    const struct net_dialect *now = &i->lane->teacher->dialect;
    return same_dialect(&i->dialect, now) ? 0 : write_body(i, now, error);
}

struct item *item_new(struct gen *g, struct lane *lane, const struct gen_step *step, int64_t sample,
                      const struct ledger_prompt *prompt, struct error *error)
{
    static const struct net_dialect canonical = {0};
    struct item *i = mem_zero(1, sizeof *i);
    i->g = g;
    i->lane = lane;
    i->step = step;
    i->sample = sample;
    i->prompt = *prompt;
    i->x.context = i;
    own_texts(i);
    if (write_body(i, &canonical, error)) {
        item_free(i);
        return NULL;
    }
    set_key(i);
    i->part_tokens = part_tokens(i);
    i->input_tokens = (double)i->body.len / 4;
    i->output_tokens = (double)settings_most_output(&g->settings, step, lane->teacher);
    return i;
}

void item_free(struct item *i)
{
    if (!i)
        return;
    http_exchange_clear(&i->x);
    buf_free(&i->body);
    mem_free(i->text);
    mem_free(i);
}

int64_t item_cost(const struct item *i, const struct net_usage *usage)
{
    const struct endpoint *e = i->lane->teacher;
    int64_t full = endpoint_cost(e, usage);
    return i->batch ? (int64_t)ceil((double)full * (1 - e->batch.discount)) : full;
}

bool item_bounded(const struct item *i)
{
    const struct settings *s = &i->g->settings;
    return i->part_tokens >= 0 || (s->budget_nusd < 0 && s->budget_tokens < 0);
}

/* May its input cost more, because it goes into a cache? */
static bool marks_cache(const struct item *i)
{
    const char *mark = i->lane->teacher->provider->cache_mark;
    return mark && slice_find(buf_view(&i->body), slice_of(mark)) < i->body.len;
}

struct budget_amount item_worst(const struct item *i)
{
    struct net_usage u = {
        .input = (int64_t)i->body.len + PER_MESSAGE + (i->part_tokens > 0 ? i->part_tokens : 0),
        .output = settings_most_output(&i->g->settings, i->step, i->lane->teacher),
    };
    u.surcharge = marks_cache(i) ? u.input : 0;
    return (struct budget_amount){item_cost(i, &u), u.input + u.output, 1};
}
