#include "train/create.h"

#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "model/chat.h"
#include "model/checkpoint.h"
#include "model/tokenizer.h"
#include "model/tokenizer_train.h"

#include <string.h>

enum { LINE_MAX_BYTES = 16 << 20, CONFIG_MAX_BYTES = 1 << 20 };

static const char *const specials[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", NULL};

/* -- the tokenizer --------------------------------------------------------------------------- */

/* Does the config describe an encoder? */
static bool is_encoder(const char *path)
{
    static const char *const types[] = {"bert", "distilbert", "roberta"};
    struct buf text = BUF_MAX(CONFIG_MAX_BYTES);
    struct json *j =
        file_read(path, &text, NULL) == 0 ? json_parse(buf_view(&text), 0, NULL) : NULL;
    const char *type = json_text(json_get(j, "model_type"), "");
    bool found = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        found = found || strcmp(type, types[i]) == 0;
    json_free(j);
    buf_free(&text);
    return found;
}

/* Every text inside a JSON value, without recursion over depth that outside data decides: json_parse
 * bounds it. */
static int add_texts(struct tokenizer_trainer *t, const struct json *node, struct error *error)
{
    if (json_type(node) == JSON_STRING)
        return tokenizer_trainer_add(t, json_string(node), error);
    for (const struct json *c = json_first(node); c != NULL; c = json_next(c))
        if (add_texts(t, c, error) != 0)
            return -1;
    return 0;
}

static int add_line(struct tokenizer_trainer *t, struct slice line, bool json, struct error *error)
{
    struct json *node;
    int rc;
    if (!json)
        return tokenizer_trainer_add(t, line, error);
    if (slice_trim(line).len == 0)
        return 0;
    node = json_parse(line, JSON_REPAIR, error);
    if (node == NULL)
        return -1;
    rc = add_texts(t, node, error);
    json_free(node);
    return rc;
}

static int add_file(struct tokenizer_trainer *t, const char *path, struct error *error)
{
    const bool json = slice_ends(slice_of(path), ".jsonl");
    struct file_lines *lines = file_lines_open(path, LINE_MAX_BYTES, error);
    struct slice line;
    int rc;
    if (lines == NULL)
        return -1;
    while ((rc = file_lines_next(lines, &line, error)) == 1)
        if (add_line(t, line, json, error) != 0) {
            rc = error_wrap(error, "%s:%llu", path, (unsigned long long)file_lines_number(lines));
            break;
        }
    file_lines_close(lines);
    return rc;
}

static struct tokenizer *train_tokenizer(const struct create_options *o, struct error *error)
{
    const struct tokenizer_train_options how = {.vocab_size = o->vocab,
                                                .digits = true,
                                                .specials = specials,
                                                .eos = specials[2],
                                                .pad = specials[0],
                                                .wordpiece = is_encoder(o->config)};
    struct tokenizer_trainer *t = tokenizer_trainer_new(&how, error);
    struct tokenizer *made = NULL;
    int rc = t != NULL ? 0 : -1;
    for (size_t i = 0; i < o->n_texts && rc == 0; i++)
        rc = add_file(t, o->texts[i], error);
    if (rc == 0)
        made = tokenizer_trainer_finish(t, error);
    tokenizer_trainer_free(t);
    return made;
}

/* -- the config ------------------------------------------------------------------------------ */

/* The shape of the given config.json with this tokenizer's sizes and ids. */
static int adapt_config(const struct create_options *o, const struct tokenizer *t,
                        struct model_config *out, struct error *error)
{
    struct buf text = BUF_MAX(CONFIG_MAX_BYTES), adapted = BUF;
    struct json *config;
    int rc;
    if (file_read(o->config, &text, error) != 0) {
        buf_free(&text);
        return -1;
    }
    config = json_parse(buf_view(&text), 0, error);
    rc = json_type(config) == JSON_OBJECT ? 0 : -1;
    if (config != NULL && rc != 0)
        error_set(error, ERROR_INPUT, "expected a JSON object");
    if (rc == 0) {
        json_put_integer(config, "vocab_size", tokenizer_size(t));
        json_put(config, "eos_token_id",
                 tokenizer_eos(t) >= 0 ? json_new_integer(tokenizer_eos(t)) : json_new_null());
        json_put(config, "bos_token_id",
                 tokenizer_bos(t) >= 0 ? json_new_integer(tokenizer_bos(t)) : json_new_null());
        json_put(config, "pad_token_id",
                 tokenizer_pad(t) >= 0 ? json_new_integer(tokenizer_pad(t)) : json_new_null());
        json_write(config, 0, &adapted);
        rc = config_parse(out, buf_view(&adapted), o->config, error);
    } else {
        error_wrap(error, "%s", o->config);
    }
    json_free(config);
    buf_free(&text);
    buf_free(&adapted);
    return rc;
}

/* -- all of it ------------------------------------------------------------------------------- */

static int write_folder(const struct create_options *o, const struct model_config *config,
                        const struct tokenizer *t, struct error *error)
{
    const struct model_options how = {.method = MODEL_FROZEN, .seed = o->seed};
    const struct checkpoint_options as = {.type = DTYPE_F32};
    struct chat_template *chat = config->encoder ? NULL : chat_template_named("chatml", error);
    struct model *m = chat != NULL || config->encoder ? model_random(config, &how, error) : NULL;
    int rc = m != NULL ? file_make_dir(o->dir, error) : -1;
    if (rc == 0)
        rc = tokenizer_write(t, o->dir,
                             chat != NULL ? chat_template_source(chat) : (struct slice){NULL, 0},
                             error);
    if (rc == 0)
        rc = checkpoint_write(m, o->dir, &as, error);
    chat_template_free(chat);
    model_free(m);
    return rc;
}

int create_run(const struct create_options *options, struct create_result *result,
               struct error *error)
{
    char *there = file_join(options->dir, "config.json");
    struct model_config config;
    struct tokenizer *t;
    int rc = -1;
    if (file_exists(there)) {
        error_set(error, ERROR_USAGE, "%s: there is a model already; choose another folder",
                  options->dir);
        mem_free(there);
        return -1;
    }
    mem_free(there);
    t = options->tokenizer != NULL ? tokenizer_load(options->tokenizer, error)
                                   : train_tokenizer(options, error);
    if (t == NULL)
        return -1;
    if (adapt_config(options, t, &config, error) == 0) {
        rc = write_folder(options, &config, t, error);
        *result = (struct create_result){tokenizer_size(t), config_parameters(&config)};
        config_clear(&config);
    }
    tokenizer_free(t);
    return rc;
}
