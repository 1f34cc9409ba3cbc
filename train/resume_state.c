/* Where a run stands and whose it is: state.json of a checkpoint. */
#include "core/file.h"
#include "core/mem.h"
#include "train/resume_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, STATE_MAX = 1 << 20 };

static void put_exact(struct json *o, const char *key, double x)
{
    char text[40];
    if (isnan(x)) {
        json_put(o, key, json_new_null());
        return;
    }
    (void)snprintf(text, sizeof text, "%a", x); /* hexadecimal: every bit comes back */
    json_put_text(o, key, text);
}

static double get_exact(const struct json *o, const char *key)
{
    const char *text = json_text(json_get(o, key), NULL);
    return text != NULL ? strtod(text, NULL) : (double)NAN;
}

static void put_count(struct json *o, const char *key, uint64_t x)
{
    json_put_integer(o, key, (int64_t)x);
}

static uint64_t get_count(const struct json *o, const char *key)
{
    int64_t x;
    return json_integer(json_get(o, key), &x) == 0 && x >= 0 ? (uint64_t)x : 0;
}

static struct json *to_json(const struct resume_point *p, const struct resume_identity *id,
                            uint64_t digest)
{
    struct json *o = json_new_object();
    char hex[17];
    (void)snprintf(hex, sizeof hex, "%016" PRIx64, digest);
    put_count(o, "version", VERSION);
    put_count(o, "step", p->step);
    put_count(o, "epoch", p->epoch);
    put_count(o, "in_epoch", p->in_epoch);
    put_count(o, "tokens", p->tokens);
    put_count(o, "supervised", p->supervised);
    put_exact(o, "seconds", p->seconds);
    put_exact(o, "before", p->before);
    put_exact(o, "best", p->best);
    put_count(o, "best_step", p->best_step);
    put_count(o, "worse", p->worse);
    put_exact(o, "last", p->last);
    put_exact(o, "statistic", p->statistic);
    json_put_bool(o, "stopped", p->stopped);
    json_put_text(o, "digest", hex);
    json_put_text(o, "recipe", id->recipe);
    json_put_text(o, "data", id->data);
    json_put_text(o, "student", id->student);
    return o;
}

int resume_state_write(const char *dir, const struct resume_point *at,
                       const struct resume_identity *id, uint64_t digest, struct error *error)
{
    struct buf text = BUF_MAX(STATE_MAX);
    char *path = file_join(dir, "state.json");
    struct json *o = to_json(at, id, digest);
    int status;
    json_write(o, JSON_PRETTY, &text);
    status = file_replace(path, buf_view(&text), error);
    json_free(o);
    mem_free(path);
    buf_free(&text);
    return status;
}

void resume_state_point(const struct json *o, struct resume_point *p)
{
    *p = (struct resume_point){
        .step = get_count(o, "step"),
        .epoch = get_count(o, "epoch"),
        .in_epoch = get_count(o, "in_epoch"),
        .tokens = get_count(o, "tokens"),
        .supervised = get_count(o, "supervised"),
        .seconds = get_exact(o, "seconds"),
        .before = get_exact(o, "before"),
        .best = get_exact(o, "best"),
        .best_step = get_count(o, "best_step"),
        .worse = get_count(o, "worse"),
        .last = get_exact(o, "last"),
        .statistic = get_exact(o, "statistic"),
        .stopped = json_true(json_get(o, "stopped")),
    };
}

const char *resume_state_digest(const struct json *o)
{
    return json_text(json_get(o, "digest"), "");
}

struct json *resume_state_read(const char *dir, struct error *error)
{
    struct buf text = BUF_MAX(STATE_MAX);
    char *path = file_join(dir, "state.json");
    struct json *o = NULL;
    if (file_read(path, &text, error) == 0) {
        o = json_parse(buf_view(&text), 0, error);
        if (o == NULL)
            error_wrap(error, "%s", path);
        else if (get_count(o, "version") != VERSION) {
            error_set(error, ERROR_INPUT, "%s: written by another version of retort", path);
            json_free(o);
            o = NULL;
        }
    }
    mem_free(path);
    buf_free(&text);
    return o;
}

/* The first field of the two recipe identities that differs, as "learning_rate"; "" for none. */
static void name_difference(const char *theirs, const char *ours, struct buf *out)
{
    struct json *a = json_parse(slice_of(theirs), 0, NULL);
    struct json *b = json_parse(slice_of(ours), 0, NULL);
    for (const struct json *f = json_first(b); f != NULL; f = json_next(f))
        if (!json_equal(f, json_get(a, json_key(f))))
            buf_printf(out, "%s%s", out->len != 0 ? ", " : "", json_key(f));
    json_free(a);
    json_free(b);
}

int resume_state_check(const struct json *o, const struct resume_identity *id, const char *dir,
                       struct error *error)
{
    const char *recipe = json_text(json_get(o, "recipe"), "");
    struct buf what = BUF_MAX(400);
    if (strcmp(recipe, id->recipe) != 0) {
        buf_str(&what, "train: ");
        name_difference(recipe, id->recipe, &what);
    } else if (strcmp(json_text(json_get(o, "data"), ""), id->data) != 0) {
        buf_str(&what, "the kept rows, the template or the tokenizer");
    } else if (strcmp(json_text(json_get(o, "student"), ""), id->student) != 0) {
        buf_str(&what, "the student's weights");
    } else {
        return 0;
    }
    error_set(error, ERROR_USAGE,
              "%s belongs to another run (%s differ); restore that, or pass --restart to begin "
              "anew, or choose another train.out",
              dir, buf_text(&what));
    buf_free(&what);
    return -1;
}
