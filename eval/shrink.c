#include "eval/shrink.h"

#include "core/file.h"
#include "core/mem.h"
#include "eval/fidelity.h"
#include "model/chat.h"
#include "model/checkpoint.h"
#include "model/gguf.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 512, SEED = 1 };

struct work {
    const struct shrink *s;
    struct model *m;       /* what is to be written */
    struct fidelity *rows; /* what the loss is measured on */
    double before, after;  /* losses, nats a token */
    double rate_before, rate_after;
    struct tokenizer *tokenizer; /* GGUF */
    struct chat_template *chat;
    struct gguf_options gguf;
};

static bool is_gguf(const char *path)
{
    const size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".gguf") == 0;
}

static int check_words(const struct shrink *s, struct error *error)
{
    if (!is_gguf(s->out) && strcmp(s->type, "q8_0") == 0)
        return error_set(error, ERROR_USAGE,
                         "--type q8_0 is for GGUF: let the output's name end in .gguf");
    if (is_gguf(s->out) && s->int8)
        return error_set(error, ERROR_USAGE, "--int8 is for folders; GGUF has --type q8_0");
    return 0;
}

/* The base with its adapter merged, or the model as it is, in float. */
static struct model *load(const struct shrink *s, enum model_method method, struct error *error)
{
    struct model_options o = {.pool = s->pool, .method = method};
    struct model *m;
    if (s->adapter == NULL)
        return model_load(s->dir, &o, error);
    o.method = MODEL_LORA;
    if (checkpoint_adapter_config(s->adapter, &o.lora, error) != 0)
        return NULL;
    m = model_load(s->dir, &o, error);
    if (m != NULL &&
        (checkpoint_read_adapter(m, s->adapter, error) != 0 || model_merge(m, error) != 0)) {
        model_free(m);
        m = NULL;
    }
    return m;
}

/* --- pruning ------------------------------------------------------------------------------ */

static int score(struct work *w, const struct prune *p, struct prune_scores *scores,
                 struct error *error)
{
    struct model *learner;
    int status;
    if (!p->gradient) {
        prune_scores_weights(w->m, scores);
        return 0;
    }
    if (w->s->adapter != NULL)
        return error_set(error, ERROR_USAGE,
                         "by=gradient with an adapter: export it merged first, then prune that");
    learner = load(w->s, MODEL_FULL, error);
    if (learner == NULL)
        return -1;
    status =
        model_config(learner)->heads == model_config(w->m)->heads &&
                model_config(learner)->ff == model_config(w->m)->ff
            ? fidelity_importance(w->rows, learner, scores, error)
            : error_set(error, ERROR_USAGE, "by=gradient must be the first structured --prune");
    model_free(learner);
    return status;
}

static int prune_one(struct work *w, const struct prune *p, struct json *list, struct error *error)
{
    struct prune_result r;
    struct json *o = json_new_object();
    struct model *small = NULL;
    int status;
    json_push(list, o);
    if (p->structured) {
        struct prune_scores scores = prune_scores_new(w->m);
        status = score(w, p, &scores, error);
        if (status == 0)
            small = prune_structure(w->m, p, &scores, &r, error);
        prune_scores_free(&scores);
        if (small == NULL)
            return -1;
        model_free(w->m);
        w->m = small;
        json_put_text(o, "kind", "structured");
        json_put_integer(o, "heads", r.heads);
        json_put_integer(o, "kv_heads", r.kv_heads);
        json_put_integer(o, "ffn", r.ffn);
        return 0;
    }
    status = prune_weights(w->m, p, &r, error);
    json_put_text(o, "kind", "unstructured");
    json_put_integer(o, "zeros", status == 0 ? r.zeros : 0);
    json_put_number(o, "percent",
                    status == 0 ? round(10000 * (double)r.zeros / (double)r.of) / 100 : 0);
    return status;
}

static int prune_all(struct work *w, struct json *report, struct error *error)
{
    struct json *list;
    int status = 0;
    if (w->s->n_prunes == 0)
        return 0;
    if (model_config(w->m)->int8)
        return error_set(error, ERROR_USAGE,
                         "%s: prune the model before its weights are rounded to 8 bits", w->s->dir);
    list = json_new_array();
    for (size_t i = 0; i < w->s->n_prunes && status == 0; i++)
        status = prune_one(w, &w->s->prunes[i], list, error);
    json_put(report, "pruned", list);
    return status;
}

/* --- writing ------------------------------------------------------------------------------ */

/* The eos that generation_config.json names first: what ends a turn. */
static int32_t stop_of(const char *dir)
{
    struct buf text = BUF_MAX(4 << 20);
    char *path = file_join(dir, "generation_config.json");
    struct json *j =
        file_read(path, &text, NULL) == 0 ? json_parse(buf_view(&text), 0, NULL) : NULL;
    const struct json *eos = json_get(j, "eos_token_id");
    int64_t id = -1;
    if (json_integer(json_type(eos) == JSON_ARRAY ? json_at(eos, 0) : eos, &id) != 0 ||
        id > INT32_MAX)
        id = -1;
    json_free(j);
    buf_free(&text);
    mem_free(path);
    return (int32_t)id;
}

static int write_gguf(struct work *w, const char *path, struct error *error)
{
    w->gguf.stop = stop_of(w->s->dir);
    if (gguf_type_named(w->s->type, &w->gguf.type, error) != 0 ||
        (w->tokenizer = tokenizer_load(w->s->dir, error)) == NULL)
        return -1;
    w->gguf.tokenizer = w->tokenizer;
    w->chat = chat_template_load(w->s->dir, NULL);
    if (w->chat != NULL)
        w->gguf.chat_template = chat_template_source(w->chat);
    return gguf_write(w->m, path, &w->gguf, error);
}

static int write_folder(struct work *w, const char *path, struct error *error)
{
    const char *type = w->s->type;
    const struct checkpoint_options o = {.copy_from = w->s->dir,
                                         .type = w->s->int8                 ? DTYPE_I8
                                                 : strcmp(type, "f32") == 0 ? DTYPE_F32
                                                 : strcmp(type, "f16") == 0 ? DTYPE_F16
                                                                            : DTYPE_BF16};
    return checkpoint_write(w->m, path, &o, error);
}

static int write_to(struct work *w, const char *path, struct error *error)
{
    return is_gguf(w->s->out) ? write_gguf(w, path, error) : write_folder(w, path, error);
}

/* The loss of what was written, read again. */
static int read_back(struct work *w, const char *path, struct error *error)
{
    struct model *written = NULL;
    int status;
    if (is_gguf(w->s->out)) {
        if (gguf_reload(w->m, path, &w->gguf, error) != 0)
            return -1;
        return fidelity_loss(w->rows, w->m, &w->after, &w->rate_after, error);
    }
    written = model_load(path, &(struct model_options){.pool = w->s->pool}, error);
    if (written == NULL)
        return -1;
    status = fidelity_loss(w->rows, written, &w->after, &w->rate_after, error);
    model_free(written);
    return status;
}

static double bound_of(const struct shrink *s)
{
    if (!isnan(s->bound))
        return s->bound;
    return s->n_prunes != 0 ? SHRINK_BOUND_PRUNED : SHRINK_BOUND;
}

static int judge(const struct work *w, struct error *error)
{
    const double bound = bound_of(w->s);
    if (w->after - w->before <= bound)
        return 0;
    return error_set(error, ERROR_FAILED,
                     "%s: refused and removed; the loss went from %.4f to %.4f nats a token, more "
                     "than the bound of %g (--bound allows more)",
                     w->s->out, w->before, w->after, bound);
}

static void drop(const char *path)
{
    if (file_is_dir(path))
        (void)file_remove_tree(path, NULL);
    else
        (void)remove(path);
}

/* Written beside its place, it comes there only when it is good. */
static int write_checked(struct work *w, struct error *error)
{
    struct buf beside = BUF_MAX(1 << 16);
    const char *path;
    int status;
    buf_printf(&beside, "%s.new", w->s->out);
    path = buf_text(&beside);
    drop(path);
    status = write_to(w, path, error);
    if (status == 0)
        status = read_back(w, path, error);
    if (status == 0)
        status = judge(w, error);
    if (status == 0 && !(file_is_dir(w->s->out) && !is_gguf(w->s->out))) {
        if (rename(path, w->s->out) != 0)
            status = error_set(error, ERROR_FAILED, "%s: %s", w->s->out, strerror(errno));
    } else if (status == 0) {
        status = write_to(w, w->s->out, error); /* files of an older export are replaced */
    }
    drop(path);
    buf_free(&beside);
    return status;
}

/* --- reporting ---------------------------------------------------------------------------- */

static int64_t bytes_of(const char *out)
{
    char *weights;
    int64_t bytes;
    if (is_gguf(out))
        return (int64_t)file_size(out);
    weights = file_join(out, "model.safetensors");
    bytes = (int64_t)file_size(weights);
    mem_free(weights);
    return bytes;
}

/* What other programs make of it, where that is not "everything". */
static const char *note_of(const struct work *w)
{
    const struct model_config *c = model_config(w->m);
    if (strcmp(c->arch->model_type, "llama") == 0 && c->hidden % c->heads != 0)
        return "transformers refuses a llama whose hidden_size is no multiple of its heads; retort "
               "and llama.cpp read it";
    if (w->s->int8 && strcmp(c->arch->model_type, "gpt2") == 0)
        return "8-bit weights of this family are read by retort only";
    if (w->s->int8)
        return "8-bit weights: read by retort, vLLM, and transformers with compressed-tensors";
    return NULL;
}

static void describe(const struct work *w, struct json *report)
{
    const struct shrink *s = w->s;
    struct json *model = json_new_object(), *check = json_new_object();
    json_put_text(model, "out", s->out);
    json_put_text(model, "type", s->int8 ? "int8" : s->type);
    json_put_integer(model, "parameters", model_total(w->m));
    json_put_number(model, "mb", (double)(bytes_of(s->out) / 10000) / 100);
    if (note_of(w) != NULL)
        json_put_text(model, "note", note_of(w));
    json_put(report, "model", model);
    json_put_text(check, "rows",
                  s->rows != NULL               ? s->rows
                  : model_config(w->m)->encoder ? "random tokens, the original's classes"
                                                : "the original's own words");
    json_put_integer(check, "tokens", fidelity_tokens(w->rows));
    json_put_number(check, "loss_before", round(1e6 * w->before) / 1e6);
    json_put_number(check, "loss_after", round(1e6 * w->after) / 1e6);
    json_put_number(check, "bound", bound_of(s));
    json_put_number(check, "tokens_per_s_before", round(w->rate_before));
    json_put_number(check, "tokens_per_s_after", round(w->rate_after));
    json_put(report, "check", check);
}

int shrink_run(const struct shrink *s, struct json *report, struct error *error)
{
    struct work w = {.s = s};
    const struct fidelity_source source = {
        .dir = s->dir, .rows = s->rows, .held_out = 0.05, .limit = ROWS, .seed = SEED};
    int status = check_words(s, error);
    if (status == 0 && (w.m = load(s, MODEL_FROZEN, error)) == NULL)
        status = -1;
    if (status == 0 && (w.rows = fidelity_open(&source, w.m, error)) == NULL)
        status = -1;
    if (status == 0)
        status = fidelity_loss(w.rows, w.m, &w.before, &w.rate_before, error);
    if (status == 0)
        status = prune_all(&w, report, error);
    if (status == 0)
        status = write_checked(&w, error);
    if (status == 0)
        describe(&w, report);
    fidelity_close(w.rows);
    chat_template_free(w.chat);
    tokenizer_free(w.tokenizer);
    model_free(w.m);
    return status;
}
