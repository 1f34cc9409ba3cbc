#include "train/distill/options.h"

#include "core/file.h"
#include "core/mem.h"
#include "train/distill/match.h"

#include <math.h>
#include <string.h>

static bool is(const struct recipe *r, const char *path, const char *value)
{
    return strcmp(recipe_text(r, path), value) == 0;
}

double weight_factor(enum weight_schedule schedule, double x)
{
    return schedule == WEIGHT_DECAY ? 1 - x : schedule == WEIGHT_GROWTH ? x : 1;
}

static enum weight_schedule schedule_of(const struct recipe *r, const char *path)
{
    if (is(r, path, "linear_decay"))
        return WEIGHT_DECAY;
    return is(r, path, "linear_growth") ? WEIGHT_GROWTH : WEIGHT_CONSTANT;
}

/* A file of the recipe's folder, for a path that is an item of a list. */
static char *beside_recipe(const struct recipe *r, const char *path)
{
    char *folder = file_dir(recipe_file(r)), *whole = file_join(folder, path);
    mem_free(folder);
    return whole;
}

static enum dtype type_of(const char *name)
{
    if (strcmp(name, "int8") == 0)
        return DTYPE_I8;
    return strcmp(name, "bf16") == 0 ? DTYPE_BF16 : DTYPE_F32;
}

static void add_teacher(struct distill_options *o, const struct recipe *r, const struct json *t)
{
    struct distill_teacher *to = &o->teachers[o->n_teachers++];
    const char *folder = json_text(t, NULL);
    if (folder == NULL)
        folder = json_text(json_get(t, "folder"), "");
    to->folder = beside_recipe(r, folder);
    to->weight = json_number(json_get(t, "weight"), 1);
    to->type = type_of(json_text(json_get(t, "type"), "f32"));
}

static int read_teachers(struct distill_options *o, const struct recipe *r, struct error *error)
{
    const struct json *t = recipe_get(r, "train.distill.teacher");
    double sum = 0;
    if (t == NULL || json_type(t) == JSON_NULL)
        return 0;
    if (slice_is(json_string(t), "labels")) {
        o->source = DISTILL_STORED;
        return 0;
    }
    if (slice_is(json_string(t), "endpoint")) {
        o->source = DISTILL_ECHO;
        o->endpoint = recipe_get(r, "teacher");
        o->beside = file_dir(recipe_file(r));
        return 0;
    }
    o->source = DISTILL_LOCAL;
    if (json_type(t) == JSON_ARRAY)
        for (const struct json *x = json_first(t); x != NULL; x = json_next(x))
            add_teacher(o, r, x);
    else
        add_teacher(o, r, t);
    for (size_t i = 0; i < o->n_teachers; i++)
        sum += o->teachers[i].weight;
    if (!(sum > 0))
        return error_set(error, ERROR_USAGE, "train.distill.teacher: the weights sum to nothing");
    for (size_t i = 0; i < o->n_teachers; i++)
        o->teachers[i].weight /= sum;
    return 0;
}

static int read_how(struct distill_options *o, const struct recipe *r, struct error *error)
{
    const double hard = recipe_number(r, "train.distill.hard_weight");
    const struct soft_loss *loss = soft_find(recipe_text(r, "train.distill.loss"), error);
    if (loss == NULL)
        return error_wrap(error, "train.distill.loss");
    o->how = (struct soft_how){
        .loss = loss,
        .temperature = recipe_number(r, "train.distill.temperature"),
        .t_squared = recipe_bool(r, "train.distill.t_squared"),
        .lambda = recipe_number(r, "train.distill.lambda"),
        .beta = recipe_number(r, "train.distill.beta"),
        .hard = hard,
        .soft = json_number(recipe_get(r, "train.distill.soft_weight"), 1 - hard),
        .shift = recipe_bool(r, "train.distill.probability_shift"),
        .schedule_beta = recipe_number(r, "train.distill.schedule.beta"),
        .schedule_gamma = recipe_number(r, "train.distill.schedule.gamma"),
        .schedule_mean = (double)NAN,
        .tail = is(r, "train.distill.tail", "renormalise") ? SOFT_RENORMALISE
                : is(r, "train.distill.tail", "zero")      ? SOFT_ZERO
                                                           : SOFT_BUCKET,
    };
    if (is(r, "train.distill.schedule.temperature", "flsw"))
        o->how.schedule = SOFT_FLSW;
    if (is(r, "train.distill.schedule.temperature", "cwsm"))
        o->how.schedule = SOFT_CWSM;
    o->soft_schedule = schedule_of(r, "train.distill.schedule.soft");
    o->hard_schedule = schedule_of(r, "train.distill.schedule.hard");
    o->top_k = (int32_t)json_number(recipe_get(r, "train.distill.top_k"), 0);
    o->cache = recipe_path(r, "train.distill.cache");
    return 0;
}

static int read_policy(struct distill_options *o, const struct recipe *r, struct error *error)
{
    const char *loss = recipe_text(r, "train.distill.on_policy.loss");
    o->policy = (struct distill_policy){
        .share = recipe_number(r, "train.distill.on_policy.share"),
        .loss = o->how.loss,
        .max_tokens = (int32_t)recipe_integer(r, "train.distill.on_policy.max_tokens"),
        .temperature = recipe_number(r, "train.distill.on_policy.temperature"),
        .top_p = recipe_number(r, "train.distill.on_policy.top_p"),
    };
    if (loss != NULL && (o->policy.loss = soft_find(loss, error)) == NULL)
        return error_wrap(error, "train.distill.on_policy.loss");
    return 0;
}

static enum match_activation activation_of(const char *name)
{
    if (name == NULL)
        return MATCH_NONE;
    return strcmp(name, "relu") == 0   ? MATCH_RELU
           : strcmp(name, "tanh") == 0 ? MATCH_TANH
                                       : MATCH_LINEAR;
}

/* The loss alone tells which states it compares; a recipe may say it too. */
static bool feature_fits(const char *feature, const struct match_kind *kind)
{
    return feature == NULL || (strcmp(feature, "hidden") == 0) == (kind->feature == MATCH_HIDDEN);
}

static int read_matches(struct distill_options *o, const struct recipe *r, struct error *error)
{
    const struct json *list = recipe_get(r, "train.distill.match");
    for (const struct json *m = json_first(list); m != NULL; m = json_next(m)) {
        struct distill_match *to = &o->matches[o->n_matches++];
        *to = (struct distill_match){
            .teacher_layer = (int32_t)json_number(json_get(m, "teacher_layer"), 0),
            .student_layer = (int32_t)json_number(json_get(m, "student_layer"), 0),
            .kind = match_find(json_text(json_get(m, "loss"), "hidden_mse"), error),
            .weight = json_number(json_get(m, "weight"), 1),
            .projection = activation_of(json_text(json_get(m, "projection"), NULL)),
            .rate = json_number(json_get(m, "learning_rate"), 1e-3),
        };
        if (to->kind == NULL)
            return error_wrap(error, "train.distill.match.%zu", o->n_matches - 1);
        if (!feature_fits(json_text(json_get(m, "feature"), NULL), to->kind))
            return error_set(
                error, ERROR_USAGE,
                "train.distill.match.%zu: %s is a loss of %s states; leave feature out",
                o->n_matches - 1, to->kind->name,
                to->kind->feature == MATCH_HIDDEN ? "hidden" : "attention");
        if (to->projection != MATCH_NONE &&
            (to->kind->feature != MATCH_HIDDEN || !to->kind->same_width))
            return error_set(error, ERROR_USAGE,
                             "train.distill.match.%zu: %s takes no projection; leave it out",
                             o->n_matches - 1, to->kind->name);
    }
    return 0;
}

/* What cannot go together, each with what to do. */
static int check(const struct distill_options *o, struct error *error)
{
    const struct soft_how *h = &o->how;
    const bool full = o->source == DISTILL_LOCAL && o->top_k == 0;
    if (o->source == DISTILL_NONE) {
        if (o->n_matches > 0 || o->policy.share > 0)
            return error_set(
                error, ERROR_USAGE,
                "train.distill: match and on_policy need a teacher; name its folder in "
                "train.distill.teacher");
        return 0;
    }
    if (h->loss->logits && !full)
        return error_set(error, ERROR_USAGE,
                         "train.distill.loss %s compares whole vocabularies; take a local teacher "
                         "without top_k, or the loss fkl",
                         h->loss->name);
    if (!full && h->tail != SOFT_BUCKET && !h->loss->zero_tail)
        return error_set(error, ERROR_USAGE,
                         "train.distill.tail: %s is infinite where the teacher's probability is "
                         "zero; take tail \"bucket\", or the loss srkl",
                         h->loss->name);
    if (h->schedule == SOFT_FLSW && !full)
        return error_set(
            error, ERROR_USAGE,
            "train.distill.schedule.temperature flsw compares whole vocabularies; take "
            "a local teacher without top_k, or cwsm");
    if (o->source == DISTILL_ECHO && (o->n_matches > 0 || o->cache != NULL))
        return error_set(error, ERROR_USAGE,
                         "train.distill: %s needs a local teacher; name a folder in "
                         "train.distill.teacher",
                         o->n_matches > 0 ? "match" : "cache");
    if (o->source == DISTILL_STORED && (o->n_matches > 0 || o->policy.share > 0))
        return error_set(error, ERROR_USAGE,
                         "train.distill: %s needs a local teacher, which stored labels are not; "
                         "name a folder in train.distill.teacher",
                         o->n_matches > 0 ? "match" : "on_policy");
    if (o->policy.share > 0 && o->cache != NULL)
        return error_set(error, ERROR_USAGE,
                         "train.distill: on_policy rows are new in every step, so no cache holds "
                         "them; leave train.distill.cache out");
    if (o->policy.share > 0 && o->policy.loss->logits && !full)
        return error_set(error, ERROR_USAGE,
                         "train.distill.on_policy.loss: %s needs the teacher without top_k",
                         o->policy.loss->name);
    if (h->soft + h->hard <= 0)
        return error_set(error, ERROR_USAGE,
                         "train.distill: soft_weight and hard_weight are both "
                         "0, so nothing would be learnt");
    return 0;
}

int distill_options_read(struct distill_options *o, const struct recipe *r, struct error *error)
{
    memset(o, 0, sizeof *o);
    if (read_teachers(o, r, error) == 0 && read_how(o, r, error) == 0 &&
        read_policy(o, r, error) == 0 && read_matches(o, r, error) == 0 && check(o, error) == 0)
        return 0;
    distill_options_clear(o);
    return -1;
}

void distill_options_clear(struct distill_options *o)
{
    for (size_t i = 0; i < o->n_teachers; i++)
        mem_free(o->teachers[i].folder);
    mem_free(o->cache);
    mem_free(o->beside);
    memset(o, 0, sizeof *o);
}
