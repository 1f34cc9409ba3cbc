#include "gen/prompts.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"

enum { MAX_LINE = 32 << 20 };

struct prompts {
    char *path;
    const char *const *members; /* names of the text */
    struct file_lines *lines;
    struct hash128 hash;
    struct json *tree; /* of the line last read */
    struct buf number, messages, meta;
    uint64_t size;
};

struct prompts *prompts_open(const char *path, struct error *error)
{
    return prompts_open_as(path, NULL, error);
}

struct prompts *prompts_open_as(const char *path, const char *const *members, struct error *error)
{
    static const char *const usual[] = {"instruction", "prompt", NULL};
    struct prompts *p = mem_zero(1, sizeof *p);
    p->members = members ? members : usual;
    p->path = mem_strdup(path);
    p->number = p->messages = p->meta = BUF_MAX(MAX_LINE);
    p->lines = file_lines_open(path, MAX_LINE, error);
    if (!p->lines) {
        prompts_close(p);
        return NULL;
    }
    p->size = file_size(path);
    return p;
}

void prompts_close(struct prompts *p)
{
    if (!p)
        return;
    file_lines_close(p->lines);
    json_free(p->tree);
    buf_free(&p->number);
    buf_free(&p->messages);
    buf_free(&p->meta);
    mem_free(p->path);
    mem_free(p);
}

static int bad(const struct prompts *p, struct error *error, const char *what)
{
    return error_set(error, ERROR_INPUT, "%s:%llu: %s", p->path,
                     (unsigned long long)file_lines_number(p->lines), what);
}

/* Each turn an object with a role, and content that is text or a list of parts. */
static bool good_turns(const struct json *turns)
{
    if (json_type(turns) != JSON_ARRAY || !json_count(turns))
        return false;
    for (const struct json *t = json_first(turns); t; t = json_next(t)) {
        enum json_type content = json_type(json_get(t, "content"));
        if (!json_string(json_get(t, "role")).len ||
            (content != JSON_STRING && content != JSON_ARRAY))
            return false;
    }
    return true;
}

/* A text, or a number taken as its digits. */
static int read_id(struct prompts *p, const struct json *id, struct prompt_line *out)
{
    if (!id || json_type(id) == JSON_NULL)
        return 0;
    out->id = json_string(id);
    if (json_type(id) != JSON_NUMBER)
        return out->id.len ? 0 : -1;
    buf_clear(&p->number);
    json_number_text(id, &p->number);
    out->id = buf_view(&p->number);
    return 0;
}

/* What the person said last: the row's instruction, for people to read. */
static struct slice last_question(const struct json *turns)
{
    struct slice text = {NULL, 0};
    for (const struct json *t = json_first(turns); t; t = json_next(t))
        if (slice_is(json_string(json_get(t, "role")), "user"))
            text = json_string(json_get(t, "content"));
    return text;
}

static int lacks_text(const struct prompts *p, struct error *error)
{
    struct buf names = BUF_MAX(200);
    for (const char *const *m = p->members; *m; m++)
        buf_printf(&names, "%s\"%s\"", m == p->members ? "" : " or ", *m);
    error_set(error, ERROR_INPUT, "%s:%llu: expected %s (or \"messages\")", p->path,
              (unsigned long long)file_lines_number(p->lines), buf_text(&names));
    buf_free(&names);
    return -1;
}

static int read_object(struct prompts *p, struct prompt_line *out, struct error *error)
{
    const struct json *o = p->tree, *turns = json_get(o, "messages"), *meta = json_get(o, "meta");
    *out = (struct prompt_line){{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (json_type(o) != JSON_OBJECT)
        return bad(p, error, "expected an object");
    if (read_id(p, json_get(o, "id"), out))
        return bad(p, error, "\"id\" has to be a text or a number");
    out->system = json_string(json_get(o, "system"));
    for (const char *const *m = p->members; *m && !out->instruction.data; m++)
        out->instruction = json_string(json_get(o, *m));
    out->input = json_string(json_get(o, "input"));
    if (out->input.data && !out->input.len)
        out->input = (struct slice){NULL, 0};
    if (turns && json_type(turns) != JSON_NULL) {
        if (!good_turns(turns))
            return bad(p, error, "\"messages\" has to be a list of {\"role\", \"content\"}");
        buf_clear(&p->messages);
        json_write(turns, JSON_CANONICAL, &p->messages);
        out->messages = buf_view(&p->messages);
        if (!out->instruction.len)
            out->instruction = last_question(turns);
    } else if (!slice_trim(out->instruction).len && !slice_trim(out->input).len) {
        return lacks_text(p, error);
    }
    if (!meta || json_type(meta) == JSON_NULL)
        return 1;
    if (json_type(meta) != JSON_OBJECT)
        return bad(p, error, "\"meta\" has to be an object");
    buf_clear(&p->meta);
    json_write(meta, JSON_CANONICAL, &p->meta);
    out->meta = buf_view(&p->meta);
    return 1;
}

int prompts_next(struct prompts *p, struct prompt_line *out, struct error *error)
{
    struct slice line;
    struct error why = {0};
    for (;;) {
        int rc = file_lines_next(p->lines, &line, &why);
        if (rc < 0 && why.code == ERROR_LIMIT)
            return bad(p, error, "the line is over 32 MB");
        if (rc < 0) {
            if (error)
                *error = why;
            return -1;
        }
        if (rc == 0)
            return 0;
        p->hash = hash128_add(p->hash, line.data, line.len);
        if (slice_trim(line).len)
            break;
    }
    json_free(p->tree);
    p->tree = json_parse(line, 0, &why);
    if (!p->tree)
        return bad(p, error, why.text);
    return read_object(p, out, error);
}

bool prompts_question(const struct prompts *p, struct prompt_line *line)
{
    const struct json *turn = json_first(json_get(p->tree, "messages"));
    if (!line->messages.data)
        return true;
    if (slice_is(json_string(json_get(turn, "role")), "system")) {
        if (!line->system.data)
            line->system = json_string(json_get(turn, "content"));
        turn = json_next(turn);
    }
    struct slice question = json_string(json_get(turn, "content"));
    if (!slice_is(json_string(json_get(turn, "role")), "user") || json_next(turn) || !question.len)
        return false;
    line->instruction = question;
    line->messages = (struct slice){NULL, 0};
    return true;
}

int prompts_restart(struct prompts *p, struct error *error)
{
    struct file_lines *again = file_lines_open(p->path, MAX_LINE, error);
    if (!again)
        return -1;
    file_lines_close(p->lines);
    p->lines = again;
    p->hash = (struct hash128){0, 0};
    return 0;
}

int prompts_skip(struct prompts *p, uint64_t lines, struct error *error)
{
    struct slice line;
    while (file_lines_number(p->lines) < lines) {
        struct error why = {0};
        int rc = file_lines_next(p->lines, &line, &why);
        if (rc < 0 && why.code == ERROR_LIMIT)
            continue;
        if (rc < 0) {
            *error = why;
            return -1;
        }
        if (rc == 0)
            return 0;
        p->hash = hash128_add(p->hash, line.data, line.len);
    }
    return 0;
}

uint64_t prompts_line(const struct prompts *p)
{
    return file_lines_number(p->lines);
}

uint64_t prompts_offset(const struct prompts *p)
{
    return file_lines_offset(p->lines);
}

uint64_t prompts_size(const struct prompts *p)
{
    return p->size;
}

struct hash128 prompts_hash(const struct prompts *p)
{
    return p->hash;
}
