#include "train/settings.h"

#include "core/mem.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned bit;
} targets[] = {{"all", LORA_ALL}, {"q", LORA_Q},       {"k", LORA_K},   {"v", LORA_V},
               {"o", LORA_O},     {"gate", LORA_GATE}, {"up", LORA_UP}, {"down", LORA_DOWN}};

static unsigned target_bits(const struct json *list)
{
    unsigned bits = 0;
    for (const struct json *t = json_first(list); t != NULL; t = json_next(t))
        for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
            if (slice_is(json_string(t), targets[i].name))
                bits |= targets[i].bit;
    return bits;
}

static enum dtype type_of(const char *name)
{
    if (strcmp(name, "bf16") == 0)
        return DTYPE_BF16;
    return strcmp(name, "f16") == 0 ? DTYPE_F16 : DTYPE_F32;
}

static bool is(const struct recipe *r, const char *path, const char *value)
{
    return strcmp(recipe_text(r, path), value) == 0;
}

static void read_freeze(struct train_settings *s, const struct json *list)
{
    struct model_options *m = &s->model;
    m->freeze = s->freeze;
    for (const struct json *t = json_first(list); t != NULL; t = json_next(t))
        if (m->n_freeze < SETTINGS_FREEZE)
            s->freeze[m->n_freeze++] = json_text(t, "");
}

/* BF16 products where the processor has none would crawl. */
static int check_half(const struct model_options *m, struct error *error)
{
    if (!m->half || m->backend == &backend_reference || backend_multiplies_half(m->backend))
        return 0;
    return error_set(error, ERROR_USAGE,
                     "train.precision: this processor has no BF16 products (AVX512_BF16), without "
                     "which \"bf16\" is slower than \"f32\"; use \"f32\"");
}

static int read_model(struct train_settings *s, const struct recipe *r, struct error *error)
{
    struct model_options *m = &s->model;
    m->backend = backend_find(recipe_text(r, "train.backend"), error);
    if (m->backend == NULL)
        return -1;
    m->method = is(r, "train.method", "lora") ? MODEL_LORA : MODEL_FULL;
    m->lora = (struct lora_config){
        .rank = (int32_t)recipe_integer(r, "train.rank"),
        .alpha = recipe_number(r, "train.alpha"),
        .dropout = recipe_number(r, "train.dropout"),
        .targets = target_bits(recipe_get(r, "train.targets")),
        .rslora = recipe_bool(r, "train.rslora"),
    };
    m->freeze_embeddings = recipe_bool(r, "train.freeze_embeddings");
    m->freeze_layers = (int32_t)recipe_integer(r, "train.freeze_layers");
    m->hold_zeros = recipe_bool(r, "train.hold_zeros");
    if (m->hold_zeros && m->method != MODEL_FULL)
        return error_set(error, ERROR_USAGE,
                         "train.hold_zeros: an adapter would fill the zeros when it is merged; set "
                         "train.method to \"full\"");
    read_freeze(s, recipe_get(r, "train.freeze"));
    m->half = is(r, "train.precision", "bf16");
    m->decay_all = recipe_bool(r, "train.decay_all");
    m->frozen_type = type_of(recipe_text(r, "train.base_type"));
    if (m->frozen_type != DTYPE_F32 && m->method != MODEL_LORA)
        return error_set(
            error, ERROR_USAGE,
            "train.base_type: only weights that LoRA leaves as they are can be kept as "
            "bf16; set train.method to \"lora\", or train.base_type to \"f32\"");
    m->seed = s->seed;
    s->random_init = is(r, "train.init", "random");
    s->recompute = recipe_bool(r, "train.recompute");
    s->neftune = recipe_number(r, "train.neftune");
    return check_half(m, error);
}

static void read_data(struct train_settings *s, const struct recipe *r)
{
    s->template_name = recipe_text(r, "train.template");
    s->task_field = recipe_text(r, "train.tasks.field");
    s->task_power = recipe_number(r, "train.tasks.power");
    s->on_evaluation = recipe_get(r, "train.hooks.evaluation");
    s->on_checkpoint = recipe_get(r, "train.hooks.checkpoint");
    s->last_reply_only = is(r, "train.replies", "last");
    s->max_length = (uint32_t)recipe_integer(r, "train.max_length");
    s->drop_long = is(r, "train.long_rows", "drop");
    s->pack.step_tokens = (uint32_t)recipe_integer(r, "train.batch_tokens");
    s->pack.step_rows = (uint32_t)recipe_integer(r, "train.batch_rows");
    s->pack.micro_tokens = (uint32_t)recipe_integer(r, "train.micro_tokens");
    if (s->pack.micro_tokens == 0)
        s->pack.micro_tokens = 4096;
    s->held_out = recipe_number(r, "train.held_out");
}

static int read_optimiser(struct train_settings *s, const struct recipe *r, struct error *error)
{
    double usual = s->model.method == MODEL_LORA ? 2e-4 : 5e-5;
    s->schedule.kind = schedule_find(recipe_text(r, "train.schedule"), error);
    if (s->schedule.kind == NULL)
        return -1;
    s->schedule.peak = json_number(recipe_get(r, "train.learning_rate"), usual);
    s->schedule.floor = s->schedule.peak * recipe_number(r, "train.min_rate");
    s->schedule.decay = recipe_number(r, "train.decay");
    s->warmup = recipe_number(r, "train.warmup");
    s->beta1 = recipe_number(r, "train.beta1");
    s->beta2 = recipe_number(r, "train.beta2");
    s->epsilon = recipe_number(r, "train.epsilon");
    s->weight_decay = recipe_number(r, "train.weight_decay");
    s->clip = recipe_number(r, "train.clip");
    return 0;
}

static void read_course(struct train_settings *s, const struct recipe *r)
{
    s->epochs = recipe_number(r, "train.epochs");
    s->steps = (uint64_t)json_number(recipe_get(r, "train.steps"), 0);
    s->minutes = json_number(recipe_get(r, "train.minutes"), 0);
    s->eval_every = (uint64_t)recipe_integer(r, "train.eval_every");
    s->eval_rows = (uint64_t)recipe_integer(r, "train.eval_rows");
    if (s->eval_rows == 0)
        s->eval_rows = UINT64_MAX;
    s->early_stop = (uint64_t)recipe_integer(r, "train.early_stop");
    s->keep_best = recipe_bool(r, "train.best");
    s->samples = (uint64_t)recipe_integer(r, "train.samples");
    s->sample_tokens = (int32_t)recipe_integer(r, "train.sample_tokens");
    s->checkpoints = (uint64_t)recipe_integer(r, "train.checkpoints");
    s->checkpoint_every = (uint64_t)recipe_integer(r, "train.checkpoint_every");
    s->checkpoint_minutes = recipe_number(r, "train.checkpoint_minutes");
    s->save_type = type_of(recipe_text(r, "train.save_type"));
    s->merge = recipe_bool(r, "train.merge");
    s->tensorboard = recipe_bool(r, "train.tensorboard");
    s->ordered = recipe_bool(r, "train.ordered");
}

int settings_read(struct train_settings *s, const struct recipe *r, struct error *error)
{
    memset(s, 0, sizeof *s);
    s->seed = (uint64_t)recipe_integer(r, "seed");
    s->threads = (int)recipe_integer(r, "threads");
    s->student = recipe_path(r, "train.student");
    s->out = recipe_path(r, "train.out");
    read_data(s, r);
    read_course(s, r);
    if (encoder_settings_read(&s->encoder, r, error) != 0 || read_model(s, r, error) != 0 ||
        read_optimiser(s, r, error) != 0 || distill_options_read(&s->distill, r, error) != 0) {
        settings_clear(s);
        return -1;
    }
    if (s->student == NULL) {
        settings_clear(s);
        return error_set(error, ERROR_USAGE,
                         "%s: train.student is not set; name the Hugging Face folder of the "
                         "student there, or pass --set train.student=FOLDER",
                         recipe_file(r));
    }
    return 0;
}

void settings_clear(struct train_settings *s)
{
    encoder_settings_clear(&s->encoder);
    mem_free(s->student);
    mem_free(s->out);
    s->student = s->out = NULL;
    distill_options_clear(&s->distill);
}

int settings_identity(const struct recipe *r, struct buf *out)
{
    static const char *const aside[] = {"student",
                                        "out",
                                        "samples",
                                        "sample_tokens",
                                        "checkpoints",
                                        "checkpoint_every",
                                        "checkpoint_minutes",
                                        "save_type",
                                        "merge",
                                        "tensorboard",
                                        "hooks",
                                        "minutes"};
    struct json *block = json_copy(recipe_get(r, "train"));
    int status;
    for (size_t i = 0; i < sizeof aside / sizeof *aside; i++)
        json_remove(block, aside[i]);
    json_remove(json_edit(block, "distill"), "cache");
    json_put_integer(block, "seed", recipe_integer(r, "seed"));
    status = json_write(block, JSON_CANONICAL, out);
    json_free(block);
    return status;
}
