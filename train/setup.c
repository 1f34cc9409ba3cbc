#include "train/setup.h"

#include "core/file.h"
#include "core/mem.h"
#include "model/digest.h"
#include "model/supervise.h"
#include "train/preflight.h"

#include <math.h>
#include <string.h>

/* --- the student's folder ----------------------------------------------------------------- */

/* An encoder and train.encoder belong together. */
static int check_kind(const struct setup *s, struct error *error)
{
    const struct train_settings *t = &s->settings;
    if (s->config.encoder && t->encoder.task == LABELLED_NONE)
        return error_set(error, ERROR_USAGE,
                         "%s is an encoder (%s): set train.encoder.task to classify, tag or answer",
                         t->student, s->config.arch->model_type);
    if (!s->config.encoder && t->encoder.task != LABELLED_NONE)
        return error_set(error, ERROR_USAGE,
                         "train.encoder is for bert, roberta and distilbert; %s is a %s",
                         t->student, s->config.arch->model_type);
    if (s->config.encoder && (t->distill.source != DISTILL_NONE))
        return error_set(error, ERROR_USAGE,
                         "train.distill is for students that write; an encoder's soft labels are "
                         "train.encoder.hard_weight");
    return 0;
}

static bool folder_has(const char *dir, const char *name)
{
    char *path = file_join(dir, name);
    const bool there = file_exists(path);
    mem_free(path);
    return there;
}

/* A folder that can be a student, and not the one that the result would overwrite. */
static int check_folder(const struct train_settings *t, struct error *error)
{
    if (!file_is_dir(t->student))
        return error_set(error, ERROR_INPUT,
                         "%s: no such folder; train.student names a Hugging Face folder with "
                         "config.json, model.safetensors and tokenizer.json",
                         t->student);
    if (!folder_has(t->student, "config.json") && folder_has(t->student, "adapter_config.json"))
        return error_set(error, ERROR_INPUT,
                         "%s: holds an adapter and no model; train.student names the model that it "
                         "was made for, or the two merged",
                         t->student);
    if (file_same(t->student, t->out))
        return error_set(error, ERROR_USAGE,
                         "train.out: %s is train.student too, and what is learnt would overwrite "
                         "it; name another folder",
                         t->out);
    return 0;
}

static int open_student(struct setup *s, struct error *error)
{
    struct train_settings *t = &s->settings;
    struct supervise how;
    if (check_folder(t, error) != 0 || config_read(&s->config, t->student, error) != 0)
        return -1;
    if (t->model.freeze_layers > s->config.layers)
        return error_set(error, ERROR_USAGE, "train.freeze_layers: %d, and %s has %d layers",
                         (int)t->model.freeze_layers, t->student, (int)s->config.layers);
    s->tokenizer = tokenizer_load(t->student, error);
    if (s->tokenizer == NULL)
        return -1;
    if (check_kind(s, error) != 0)
        return -1;
    s->chat = s->config.encoder          ? NULL
              : t->template_name != NULL ? chat_template_named(t->template_name, error)
                                         : chat_template_load(t->student, error);
    if (s->chat == NULL && !s->config.encoder)
        return error_wrap(error, "train.template");
    if (tokenizer_size(s->tokenizer) > s->config.vocab)
        return error_set(error, ERROR_INPUT,
                         "%s: the tokenizer has %d ids and the model %d embeddings; they are not "
                         "of the same model",
                         t->student, tokenizer_size(s->tokenizer), s->config.vocab);
    if (s->config.positions > 0 && t->max_length > (uint32_t)s->config.positions)
        t->max_length = (uint32_t)s->config.positions;
    if (s->config.encoder)
        return 0;
    supervise_open(&how, s->tokenizer, s->chat);
    s->n_stops = supervise_stops(&how, s->config.eos, s->config.n_eos, s->stops, SETUP_STOPS);
    supervise_close(&how);
    return 0;
}

/* --- rows --------------------------------------------------------------------------------- */

/* Labelled rows; the student then has a head with their classes. */
static int read_labelled(struct setup *s, struct corpus *corpus, struct error *error)
{
    struct model_options *m = &s->settings.model;
    const struct encoder_source source = {.settings = &s->settings.encoder,
                                          .tokenizer = s->tokenizer,
                                          .config = &s->config,
                                          .max_length = s->settings.max_length};
    if (encoder_read(&s->labelled, &s->examples, corpus, &source, error) != 0)
        return -1;
    s->classes = mem_zero((size_t)s->labelled.n_labels + 1, sizeof *s->classes);
    for (int32_t i = 0; i < s->labelled.n_labels; i++)
        s->classes[i] = s->labelled.labels[i].data;
    m->head = encoder_head(s->settings.encoder.task);
    m->classes = s->labelled.n_labels > 0 ? s->classes : NULL;
    m->n_classes = s->examples.classes;
    config_set_head(&s->config, m->head, m->classes, m->n_classes);
    return 0;
}

static struct examples_source source_of(const struct setup *s)
{
    return (struct examples_source){
        .tokenizer = s->tokenizer,
        .chat = s->chat,
        .max_length = s->settings.max_length,
        .last_reply_only = s->settings.last_reply_only,
        .drop_long = s->settings.drop_long,
        .task_field = s->settings.task_field,
        .pool = s->pool,
    };
}

static int read_rows(struct setup *s, struct corpus *corpus, struct error *error)
{
    const struct examples_source source = source_of(s);
    if (s->config.encoder)
        return read_labelled(s, corpus, error);
    return examples_read(&s->examples, corpus, &source, error);
}

static void divide(struct setup *s)
{
    const struct examples *e = &s->examples;
    bool *held = mem_alloc(e->n_splits * sizeof *held);
    (void)split_assign(e->splits, e->n_splits, s->settings.held_out, held);
    s->train = mem_alloc(e->n * sizeof *s->train);
    s->held = mem_alloc(e->n * sizeof *s->held);
    for (size_t i = 0; i < e->n; i++) {
        if (held[e->items[i].row])
            s->held[s->n_held++] = (uint32_t)i;
        else
            s->train[s->n_train++] = (uint32_t)i;
    }
    s->n_measured = s->n_held;
    if (s->n_measured > s->settings.eval_rows)
        s->n_measured = (size_t)s->settings.eval_rows;
    mem_free(held);
}

/* Steps are known now: what depends on their number. */
static void plan(struct setup *s)
{
    struct train_settings *t = &s->settings;
    course_open(&s->course, &s->examples, s->train, s->n_train, &t->pack, t->seed);
    if (t->task_field != NULL)
        course_by_task(&s->course, &s->examples, t->task_power);
    course_count(&s->course, t->epochs, t->steps);
    t->schedule.total = s->course.total;
    t->schedule.warmup =
        t->warmup < 1 ? (uint64_t)ceil(t->warmup * (double)s->course.total) : (uint64_t)t->warmup;
}

/* --- distillation ------------------------------------------------------------------------- */

/* Teacher and student each hold a chunk of logits: half as many rows. */
static int32_t chunk_rows(int32_t vocab)
{
    const int32_t fit = (int32_t)((24 << 20) / (4 * (int64_t)vocab) / 16 * 16);
    return fit < 32 ? 32 : fit > 1024 ? 1024 : fit;
}

static int open_distill(struct setup *s, struct corpus *corpus, struct error *error)
{
    const struct examples_source source = source_of(s);
    struct distill_setup how = {.options = &s->settings.distill,
                                .source = &source,
                                .examples = &s->examples,
                                .tokenizer = s->tokenizer,
                                .config = &s->config,
                                .model = &s->settings.model,
                                .seed = s->settings.seed,
                                .out = s->settings.out};
    if (how.options->source == DISTILL_NONE)
        return 0;
    if (how.options->source == DISTILL_LOCAL)
        s->settings.logits_rows = chunk_rows(s->config.vocab);
    how.limits = preflight_limits(&s->settings, &s->examples);
    return distill_open(&s->distill, &how, corpus, error);
}

struct policy *setup_policy(const struct setup *s)
{
    const struct policy_setup how = {.options = &s->settings.distill.policy,
                                     .examples = &s->examples,
                                     .seed = s->settings.seed,
                                     .max_length = s->settings.max_length,
                                     .vocab = tokenizer_size(s->tokenizer),
                                     .stops = s->stops,
                                     .n_stops = s->n_stops};
    return how.options->share > 0 ? policy_new(&how) : NULL;
}

struct distill *setup_distill(struct setup *s)
{
    return s->settings.distill.source != DISTILL_NONE ? &s->distill : NULL;
}

/* --- identities --------------------------------------------------------------------------- */

static void digest_rows(struct setup *s)
{
    const struct examples *e = &s->examples;
    struct hash128 h = hash128(NULL, 0);
    for (size_t i = 0; i < e->n; i++) {
        const struct example *x = &e->items[i];
        h = hash128_add(h, e->ids + x->first, x->length * sizeof *e->ids);
        h = hash128_add(h, e->mask + x->first, x->length);
        if (e->targets != NULL)
            h = hash128_add(h, e->targets + x->first, x->length * sizeof *e->targets);
        if (e->soft != NULL)
            h = hash128_add(h, e->soft + i * (size_t)e->classes,
                            (size_t)e->classes * sizeof *e->soft);
    }
    h = hash128_add(h, s->held, s->n_held * sizeof *s->held);
    if (setup_distill(s) != NULL)
        h = hash128_add(h, &s->distill.identity, sizeof s->distill.identity);
    hash128_hex(h, s->data);
}

static int digest_student(struct setup *s, struct error *error)
{
    struct hash128 h;
    if (digest_folder(s->settings.student, !s->settings.random_init, &h, error) != 0)
        return -1;
    hash128_hex(h, s->student);
    return 0;
}

struct resume_identity setup_identity(const struct setup *s)
{
    return (struct resume_identity){buf_text(&s->recipe), s->data, s->student};
}

/* --- all of it ---------------------------------------------------------------------------- */

int setup_open(struct setup *s, const struct recipe *recipe, struct corpus *corpus,
               struct error *error)
{
    memset(s, 0, sizeof *s);
    s->recipe = s->export_as = BUF_MAX(1 << 20);
    if (settings_read(&s->settings, recipe, error) != 0)
        return -1;
    s->pool = pool_new(s->settings.threads);
    s->settings.model.pool = s->pool;
    if (open_student(s, error) != 0 || read_rows(s, corpus, error) != 0)
        goto fail;
    divide(s);
    if (s->n_train == 0) {
        error_set(error, ERROR_INPUT,
                  "all %zu rows with something to learn are held out; lower train.held_out, or add "
                  "rows",
                  s->n_held);
        goto fail;
    }
    plan(s);
    if (open_distill(s, corpus, error) != 0)
        goto fail;
    digest_rows(s);
    if (digest_student(s, error) != 0)
        goto fail;
    settings_identity(recipe, &s->recipe);
    json_write(recipe_get(recipe, "train"), JSON_CANONICAL, &s->export_as);
    return 0;
fail:
    setup_close(s);
    return -1;
}

void setup_close(struct setup *s)
{
    course_close(&s->course);
    distill_close(&s->distill);
    examples_free(&s->examples);
    labelled_close(&s->labelled);
    mem_free(s->classes);
    s->classes = NULL;
    mem_free(s->train);
    mem_free(s->held);
    s->train = s->held = NULL;
    config_clear(&s->config);
    chat_template_free(s->chat);
    tokenizer_free(s->tokenizer);
    s->chat = NULL;
    s->tokenizer = NULL;
    pool_free(s->pool);
    s->pool = NULL;
    settings_clear(&s->settings);
    buf_free(&s->recipe);
    buf_free(&s->export_as);
}

/* A NaN among the weights that learn makes the sum of their squares one. */
static int check_weights(struct model *m, const char *student, struct error *error)
{
    struct backend *b = model_backend(m);
    struct tensor values = model_values(m);
    if (isfinite(b->ops->sum_squares(b, values)))
        return 0;
    for (size_t i = 0; i < model_parameter_count(m); i++) {
        struct model_parameter p = model_parameter(m, i);
        if (!isfinite(b->ops->sum_squares(b, p.value)))
            return error_set(error, ERROR_INPUT,
                             "%s: %s holds a value that is not a number; take another copy of the "
                             "student",
                             student, p.name);
    }
    return error_set(error, ERROR_INPUT, "%s: its weights are too large for a sum of squares",
                     student);
}

struct model *setup_model(const struct setup *s, struct error *error)
{
    const struct train_settings *t = &s->settings;
    struct model_limits limits = preflight_limits(t, &s->examples);
    struct model *m = t->random_init ? model_random(&s->config, &t->model, error)
                                     : model_load(t->student, &t->model, error);
    if (m == NULL)
        return NULL;
    if (check_weights(m, t->student, error) != 0 || model_reserve(m, &limits, error) != 0) {
        model_free(m);
        return NULL;
    }
    return m;
}

static void describe_labels(const struct setup *s, struct json *report)
{
    struct json *labels = json_new_array();
    for (int32_t i = 0; i < s->labelled.n_labels; i++)
        json_push(labels, json_new_string(s->labelled.labels[i]));
    json_put(report, "labels", labels);
    json_put_integer(report, "soft_labels", (int64_t)s->labelled.soft);
    json_put_integer(report, "without_label", (int64_t)s->labelled.left_out);
}

void setup_describe(const struct setup *s, struct json *report)
{
    const struct examples *e = &s->examples;
    struct json *rows = json_new_object();
    uint64_t supervised = 0;
    for (size_t i = 0; i < s->n_train; i++)
        supervised += e->items[s->train[i]].supervised;
    json_put_text(report, "student", s->settings.student);
    json_put_text(report, "method", s->settings.model.method == MODEL_LORA ? "lora" : "full");
    if (s->chat != NULL)
        json_put_text(report, "template", chat_template_name(s->chat));
    else
        describe_labels(s, report);
    json_put_integer(report, "parameters", config_parameters(&s->config));
    json_put_integer(rows, "kept", (int64_t)e->rows);
    json_put_integer(rows, "trained", (int64_t)s->n_train);
    json_put_integer(rows, "held_out", (int64_t)s->n_held);
    json_put_integer(rows, "cut", (int64_t)e->truncated);
    json_put_integer(rows, "too_long", (int64_t)e->too_long);
    json_put_integer(rows, "empty", (int64_t)e->unsupervised);
    json_put_integer(rows, "refused", (int64_t)e->refused);
    json_put(report, "rows", rows);
    if (e->refused != 0)
        json_put_text(report, "first_refusal", e->why.text);
    json_put_integer(report, "supervised_tokens", (int64_t)supervised);
    json_put_integer(report, "max_length", s->settings.max_length);
    json_put_integer(report, "steps", (int64_t)s->course.total);
    if (s->settings.distill.source != DISTILL_NONE)
        distill_describe(&s->distill, report);
}
