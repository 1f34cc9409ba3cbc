#include "gen/walk.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int walk_open(struct gen *g, struct walk *w, const char *setting, const char *const *members,
              struct error *error)
{
    const char *name = json_text(gen_setting(g, setting), NULL);
    if (!name)
        return error_set(error, ERROR_USAGE, "gen.%s names no file, and this strategy needs one",
                         setting);
    const char *slash = strrchr(name, '/');
    w->name = slash ? slash + 1 : name;
    w->path = gen_file(g, name);
    w->prompts = prompts_open_as(w->path, members, error);
    return w->prompts ? 0 : error_wrap(error, "gen.%s", setting);
}

int walk_open_prompts(struct gen *g, void **state, struct error *error)
{
    struct walk *w = mem_zero(1, sizeof *w);
    *state = w;
    return walk_open(g, w, "prompts", NULL, error);
}

int walk_open_questions(struct gen *g, void **state, struct error *error)
{
    int rc = walk_open_prompts(g, state, error);
    ((struct walk *)*state)->questions = true;
    return rc;
}

void walk_close(void *state)
{
    struct walk *w = state;
    if (!w)
        return;
    prompts_close(w->prompts);
    mem_free(w->path);
    mem_free(w);
}

static void refuse_conversation(struct gen *g, const struct walk *w)
{
    char text[400];
    snprintf(text, sizeof text,
             "%.200s:%" PRIu64 ": a conversation, and this strategy takes single questions",
             w->path, prompts_line(w->prompts));
    gen_bad_line(g, text);
}

int walk_plan(struct gen *g, void *state, walk_fn *fn, struct error *error)
{
    struct walk *w = state;
    struct prompt_line line;
    char source[300];
    struct error why = {0};
    int rc = prompts_next(w->prompts, &line, &why);
    if (rc == 0)
        return GEN_END;
    if (rc < 0 && why.code == ERROR_INPUT) {
        gen_bad_line(g, why.text);
        return GEN_MORE;
    }
    if (rc < 0) {
        *error = why;
        return -1;
    }
    if (w->questions && !prompts_question(w->prompts, &line)) {
        refuse_conversation(g, w);
        return GEN_MORE;
    }
    int n = snprintf(source, sizeof source, "%.200s:%" PRIu64, w->name, prompts_line(w->prompts));
    if (fn(g, state, &line, slice_from(source, (size_t)n), error))
        return -1;
    w->asked++;
    return GEN_MORE;
}

struct gen_ask walk_ask(const struct prompt_line *line, struct slice source)
{
    return (struct gen_ask){
        .name = line->id,
        .source = source,
        .system = line->system,
        .instruction = line->instruction,
        .input = line->input,
        .messages = line->messages,
        .meta = line->meta,
    };
}

uint64_t walk_index(const struct prompt_line *line)
{
    uint64_t h = hash64(line->instruction.data, line->instruction.len, 0);
    h = hash64(line->input.data, line->input.len, h);
    return hash64(line->id.data, line->id.len, h);
}

/* Exact once the file was read to its end, before that by its size. */
int64_t walk_count(struct gen *g, void *state)
{
    struct walk *w = state;
    uint64_t size = prompts_size(w->prompts), offset = prompts_offset(w->prompts);
    (void)g;
    if (!offset || !size)
        return -1;
    if (offset >= size)
        return (int64_t)w->asked;
    return (int64_t)((double)w->asked * (double)size / (double)offset);
}

int walk_position(void *state, struct buf *out)
{
    struct walk *w = state;
    char hex[33];
    hash128_hex(prompts_hash(w->prompts), hex);
    return buf_printf(out, "%" PRIu64 " %" PRIu64 " %s", prompts_line(w->prompts), w->asked, hex);
}

int walk_seek(struct gen *g, void *state, struct slice position, struct error *error)
{
    struct walk *w = state;
    uint64_t line = 0, asked = 0;
    char hex[33], now[33], text[128];
    (void)g;
    if (position.len >= sizeof text)
        return error_set(error, ERROR_INPUT, "the stored position is damaged");
    memcpy(text, position.data, position.len);
    text[position.len] = '\0';
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %32s", &line, &asked, hex) != 3)
        return error_set(error, ERROR_INPUT, "the stored position is damaged");
    if (prompts_skip(w->prompts, line, error))
        return -1;
    hash128_hex(prompts_hash(w->prompts), now);
    if (!strcmp(hex, now) && prompts_line(w->prompts) == line) {
        w->asked = asked;
        return 0;
    }
    /* another file by now: from its beginning */
    return prompts_restart(w->prompts, error)
               ? -1
               : error_set(error, ERROR_INPUT, "the prompt file changed");
}
