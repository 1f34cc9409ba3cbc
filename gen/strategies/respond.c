/*
 * respond: ask the teacher each prompt of the file, gen.samples times; every usable choice of every
 * reply becomes a row.
 */
#include "core/file.h"
#include "core/mem.h"
#include "core/recipe.h"
#include "gen/prompts.h"
#include "gen/strategies/strategies.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_A_CALL = 16 };

struct respond {
    struct prompts *prompts;
    const char *name; /* of the file, for `source` */
    char *path;
    uint64_t asked;
};

static int respond_open(struct gen *g, void **state, struct error *error)
{
    const char *name = json_text(gen_setting(g, "prompts"), NULL);
    if (!name)
        return error_set(error, ERROR_USAGE,
                         "gen.prompts names no prompt file, and strategy respond needs one");
    struct respond *r = mem_zero(1, sizeof *r);
    const char *slash = strrchr(name, '/');
    r->name = slash ? slash + 1 : name;
    r->path = gen_file(g, name);
    r->prompts = prompts_open(r->path, error);
    *state = r;
    return r->prompts ? 0 : error_wrap(error, "gen.prompts");
}

static void respond_close(void *state)
{
    struct respond *r = state;
    if (!r)
        return;
    prompts_close(r->prompts);
    mem_free(r->path);
    mem_free(r);
}

static int respond_plan(struct gen *g, void *state, struct error *error)
{
    struct respond *r = state;
    struct prompt_line line;
    char source[300];
    for (int k = 0; k < LINES_A_CALL; k++) {
        struct error why = {0};
        int rc = prompts_next(r->prompts, &line, &why);
        if (rc == 0)
            return GEN_END;
        if (rc < 0 && why.code == ERROR_INPUT) {
            gen_bad_line(g, why.text);
            continue;
        }
        if (rc < 0) {
            *error = why;
            return -1;
        }
        int n =
            snprintf(source, sizeof source, "%.200s:%" PRIu64, r->name, prompts_line(r->prompts));
        struct gen_ask ask = {
            .name = line.id,
            .source = slice_from(source, (size_t)n),
            .system = line.system,
            .instruction = line.instruction,
            .input = line.input,
            .messages = line.messages,
            .meta = line.meta,
        };
        if (gen_ask(g, &ask, error))
            return -1;
        r->asked++;
    }
    return GEN_MORE;
}

static int respond_answer(struct gen *g, void *state, const struct gen_answer *a,
                          struct error *error)
{
    (void)state;
    for (size_t k = 0; a->reply && k < a->reply->n_choices; k++)
        if (net_choice_cause(&a->reply->choices[k]) == NET_OK &&
            gen_row(g, &(struct gen_row){.of = &a->reply->choices[k], .choice = (int64_t)k}, error))
            return -1;
    return 0;
}

/* Exact once the file was read to its end, before that by its size. */
static int64_t respond_count(struct gen *g, void *state)
{
    struct respond *r = state;
    uint64_t size = prompts_size(r->prompts), offset = prompts_offset(r->prompts);
    (void)g;
    if (!offset || !size)
        return -1;
    if (offset >= size)
        return (int64_t)r->asked;
    return (int64_t)((double)r->asked * (double)size / (double)offset);
}

static int respond_position(void *state, struct buf *out)
{
    struct respond *r = state;
    char hex[33];
    hash128_hex(prompts_hash(r->prompts), hex);
    return buf_printf(out, "%" PRIu64 " %" PRIu64 " %s", prompts_line(r->prompts), r->asked, hex);
}

static int respond_seek(struct gen *g, void *state, struct slice position, struct error *error)
{
    struct respond *r = state;
    uint64_t line = 0, asked = 0;
    char hex[33], now[33], text[128];
    if (position.len >= sizeof text)
        return error_set(error, ERROR_INPUT, "the stored position is damaged");
    memcpy(text, position.data, position.len);
    text[position.len] = '\0';
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %32s", &line, &asked, hex) != 3)
        return error_set(error, ERROR_INPUT, "the stored position is damaged");
    if (prompts_skip(r->prompts, line, error))
        return -1;
    hash128_hex(prompts_hash(r->prompts), now);
    if (!strcmp(hex, now) && prompts_line(r->prompts) == line) {
        r->asked = asked;
        return 0;
    }
    (void)g;
    prompts_close(r->prompts); /* another file by now: from its beginning */
    r->prompts = prompts_open(r->path, error);
    return r->prompts ? error_set(error, ERROR_INPUT, "the prompt file changed") : -1;
}

static const char *const respond_steps[] = {"respond", NULL};

const struct gen_strategy strategy_respond = {
    .name = "respond",
    .about = "ask the teacher each prompt of a file",
    .version = 1,
    .steps = respond_steps,
    .needs = NET_CHAT,
    .open = respond_open,
    .plan = respond_plan,
    .answer = respond_answer,
    .count = respond_count,
    .position = respond_position,
    .seek = respond_seek,
    .close = respond_close,
};
