/* Finding and compiling a template. */
#include "model/chat/template.h"

#include "core/file.h"
#include "core/mem.h"

#include <string.h>

enum { CONFIG_MAX = 16 << 20 };

/* What only templates of that form hold. */
static const struct {
    const char *name, *literal;
} forms[] = {
    {"chatml", "<|im_start|>"},
    {"llama3", "<|start_header_id|>"},
    {"gemma", "<start_of_turn>"},
    {"phi3", "<|end|>"},
    {"llama2", "<<SYS>>"},
    {"mistral", "[INST]"},
    {"deepseek", "<\xEF\xBD\x9CUser\xEF\xBD\x9C>"},
    {"zephyr", "<|assistant|>"},
    {"zephyr", "<|user|>"},
    {"alpaca", "### Response"},
};

static const char *form_of(struct slice source)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (slice_find(source, slice_of(forms[i].literal)) < source.len)
            return forms[i].name;
    return "custom";
}

struct chat_template *chat_template_parse(struct slice source, const char *name,
                                          struct error *error)
{
    struct chat_template *c = mem_zero(1, sizeof *c);
    struct jinja_tokens tokens = {NULL, 0, 0};
    struct jinja_parser p = {.arena = &c->arena, .error = error};
    c->source = arena_copy(&c->arena, source);
    if (jinja_lex(c->source, &c->arena, &tokens, error) == 0) {
        p.at = tokens.items;
        c->root = jinja_parse(&p);
    }
    mem_free(tokens.items);
    if (c->root == NULL) {
        error_wrap(error, "chat template of %s", name != NULL ? name : "the model");
        chat_template_free(c);
        return NULL;
    }
    c->generation = p.generation;
    c->name = form_of(c->source);
    return c;
}

void chat_template_free(struct chat_template *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    mem_free(c);
}

static void list_names(struct buf *out)
{
    for (size_t i = 0; chat_builtins[i].name != NULL; i++)
        buf_printf(out, "%s%s", i != 0 ? ", " : "", chat_builtins[i].name);
}

/* A template of a folder; where it cannot be read, the error says what may be named instead. */
static struct chat_template *parse_or_offer(struct slice source, const char *name,
                                            struct error *error)
{
    struct chat_template *c = chat_template_parse(source, name, error);
    struct buf names = BUF_MAX(400);
    struct error cause;
    if (c != NULL || error == NULL)
        return c;
    cause = *error;
    list_names(&names);
    error_set(error, cause.code, "%s (name a known one in train.template: %s)", cause.text,
              buf_text(&names));
    buf_free(&names);
    return NULL;
}

struct chat_template *chat_template_named(const char *name, struct error *error)
{
    struct buf names = BUF_MAX(400);
    struct chat_template *c;
    for (size_t i = 0; chat_builtins[i].name != NULL; i++) {
        if (strcmp(chat_builtins[i].name, name) != 0)
            continue;
        c = chat_template_parse(slice_of(chat_builtins[i].source), name, error);
        if (c != NULL)
            c->name = chat_builtins[i].name;
        return c;
    }
    list_names(&names);
    error_set(error, ERROR_USAGE, "no chat template is called \"%s\"; there are %s", name,
              buf_text(&names));
    buf_free(&names);
    return NULL;
}

/* A string, or the one named "default" of [{"name":…,"template":…}, …]. */
static struct slice config_template(const struct json *root)
{
    const struct json *node = json_get(root, "chat_template");
    struct slice first = {NULL, 0};
    if (json_type(node) == JSON_STRING)
        return json_string(node);
    for (const struct json *i = json_first(node); i != NULL; i = json_next(i)) {
        struct slice source = json_string(json_get(i, "template"));
        if (slice_is(json_string(json_get(i, "name")), "default"))
            return source;
        if (first.data == NULL)
            first = source;
    }
    return first;
}

static struct chat_template *from_config(const char *dir, const char *path, struct error *error)
{
    struct buf text = BUF_MAX(CONFIG_MAX), names = BUF_MAX(400);
    struct json *root = NULL;
    struct chat_template *c = NULL;
    struct slice source = {NULL, 0};
    if (file_exists(path)) {
        if (file_read(path, &text, error) != 0)
            goto done;
        root = json_parse(buf_view(&text), 0, error);
        if (root == NULL) {
            error_wrap(error, "%s", path);
            goto done;
        }
        source = config_template(root);
    }
    if (source.data != NULL) {
        c = parse_or_offer(source, dir, error);
    } else {
        list_names(&names);
        error_set(error, ERROR_INPUT,
                  "%s: has no chat template; name one in the recipe: "
                  "\"train\": {\"template\": …} with %s",
                  dir, buf_text(&names));
    }
done:
    json_free(root);
    buf_free(&text);
    buf_free(&names);
    return c;
}

struct chat_template *chat_template_load(const char *dir, struct error *error)
{
    char *jinja = file_join(dir, "chat_template.jinja");
    char *config = file_join(dir, "tokenizer_config.json");
    struct buf text = BUF_MAX(JINJA_SOURCE_MAX);
    struct chat_template *c = NULL;
    if (!file_exists(jinja))
        c = from_config(dir, config, error);
    else if (file_read(jinja, &text, error) == 0)
        c = parse_or_offer(buf_view(&text), jinja, error);
    buf_free(&text);
    mem_free(jinja);
    mem_free(config);
    return c;
}

const char *chat_template_name(const struct chat_template *c)
{
    return c->name;
}

struct slice chat_template_source(const struct chat_template *c)
{
    return c->source;
}
