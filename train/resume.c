#include "train/resume.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/mem.h"
#include "core/vec.h"
#include "model/safetensors.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE = 1 << 20, /* elements moved at once */
    VERSION = 1,
    STATE_MAX = 1 << 20,
};

static const char half[] = ".writing";

/* --- names ------------------------------------------------------------------------------ */

static char *folder_of(const char *out)
{
    return file_join(out, "checkpoints");
}

char *resume_path(const char *out, uint64_t step, bool best)
{
    char name[32];
    char *folder = folder_of(out), *path;
    (void)snprintf(name, sizeof name, "%s-%08" PRIu64, best ? "best" : "step", step);
    path = file_join(folder, name);
    mem_free(folder);
    return path;
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x < *y) - (*x > *y);
}

/* The steps of the checkpoints (or best weights) there, newest first (mem_free). */
static uint64_t *list_steps(const char *out, bool best, size_t *n)
{
    const char *prefix = best ? "best-" : "step-";
    char *folder = folder_of(out);
    DIR *dir = opendir(folder);
    struct dirent *entry;
    uint64_t *steps = NULL;
    size_t cap = 0;
    *n = 0;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        uint64_t step;
        char tail;
        if (!slice_starts(slice_of(entry->d_name), prefix) ||
            sscanf(entry->d_name + 5, "%" SCNu64 "%c", &step, &tail) != 1)
            continue;
        steps = vec_reserve(steps, &cap, *n + 1, sizeof *steps);
        steps[(*n)++] = step;
    }
    if (dir != NULL)
        closedir(dir);
    if (*n > 1)
        qsort(steps, *n, sizeof *steps, newest_first);
    mem_free(folder);
    return steps;
}

/* --- blocks ----------------------------------------------------------------------------- */

struct blocks {
    struct tensor t[6];
    const char *names[6];
    size_t n;
};

static struct blocks blocks_of(struct learner *l, bool best)
{
    struct blocks b = {{model_values(l->model), l->first, l->second},
                       {"values", "first", "second", "projections", "projections.first",
                        "projections.second"},
                       best ? 1 : 3};
    if (l->distill != NULL && !best)
        matcher_blocks(l->distill->matcher, b.t + 3);
    if (tensor_present(b.t[3]))
        b.n = 6;
    return b;
}

int64_t resume_bytes(const struct learner *l)
{
    return 3 * l->first.cols * (int64_t)dtype_size(l->first.type);
}

/* Send one block through `piece` to the writer, folding it into the digest. */
static int put_block(struct backend *b, struct tensor t, struct safetensors_writer *w,
                     uint64_t *digest, struct error *error)
{
    size_t size = dtype_size(t.type);
    void *piece = mem_alloc(PIECE * size);
    int status = 0;
    for (int64_t at = 0; status == 0 && at < t.cols; at += PIECE) {
        int64_t n = t.cols - at < PIECE ? t.cols - at : PIECE;
        b->ops->download(b, tensor_cols(t, at, n), piece, t.type);
        status = b->ops->sync(b, error);
        *digest = hash64(piece, (size_t)n * size, *digest);
        if (status == 0)
            status = safetensors_put_bytes(w, piece, (size_t)n * size, error);
    }
    mem_free(piece);
    return status;
}

static int write_blocks(struct learner *l, const char *dir, bool best, uint64_t *digest,
                        struct error *error)
{
    struct blocks blocks = blocks_of(l, best);
    struct safetensors_spec specs[6];
    struct safetensors_writer *w;
    char *path = file_join(dir, "state.safetensors");
    for (size_t i = 0; i < blocks.n; i++)
        specs[i] = (struct safetensors_spec){.name = blocks.names[i],
                                             .type = blocks.t[i].type,
                                             .dims = 1,
                                             .shape = {blocks.t[i].cols}};
    w = safetensors_create(path, specs, blocks.n, error);
    mem_free(path);
    if (w == NULL)
        return -1;
    *digest = 0;
    for (size_t i = 0; i < blocks.n; i++)
        if (put_block(model_backend(l->model), blocks.t[i], w, digest, error) != 0) {
            safetensors_abort(w);
            return -1;
        }
    return safetensors_commit(w, error);
}

/* --- the point as JSON ------------------------------------------------------------------ */

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

static struct json *point_json(const struct resume_point *p, const struct resume_identity *id,
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

static void point_read(const struct json *o, struct resume_point *p)
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

/* --- writing ---------------------------------------------------------------------------- */

static int sync_folder(const char *path, struct error *error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int status = 0;
    if (fd < 0 || fsync(fd) != 0)
        status = error_system(error, errno, "%s", path);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

static int write_into(struct learner *l, const char *dir, const struct resume_point *at,
                      const struct resume_identity *identity, bool best, struct error *error)
{
    struct buf text = BUF_MAX(STATE_MAX);
    char *path = file_join(dir, "state.json");
    uint64_t digest;
    int status = -1;
    if (file_make_dir(dir, error) == 0 && write_blocks(l, dir, best, &digest, error) == 0) {
        struct json *o = point_json(at, identity, digest);
        json_write(o, JSON_PRETTY, &text);
        json_free(o);
        status = file_replace(path, buf_view(&text), error);
    }
    if (status == 0)
        status = sync_folder(dir, error);
    mem_free(path);
    buf_free(&text);
    return status;
}

int resume_write(struct learner *l, const char *out, const struct resume_point *at,
                 const struct resume_identity *identity, bool best, struct error *error)
{
    char *folder = folder_of(out);
    char *path = resume_path(out, at->step, best);
    struct buf writing = BUF;
    int status;
    buf_printf(&writing, "%s%s", path, half);
    (void)file_remove_tree(buf_text(&writing), NULL);
    status = write_into(l, buf_text(&writing), at, identity, best, error);
    if (status == 0 && file_exists(path))
        status = file_remove_tree(path, error);
    if (status == 0 && rename(buf_text(&writing), path) != 0)
        status = error_system(error, errno, "%s", path);
    if (status == 0)
        status = sync_folder(folder, error);
    if (status != 0) {
        (void)file_remove_tree(buf_text(&writing), NULL);
        error_wrap(error, "checkpoint of step %" PRIu64 " (%.1f MB)", at->step,
                   (double)resume_bytes(l) / 1e6);
    }
    buf_free(&writing);
    mem_free(path);
    mem_free(folder);
    return status;
}

/* --- reading ---------------------------------------------------------------------------- */

/* Upload one block from the file and check its length; folds it into the digest. */
static int take_block(struct backend *b, struct tensor t, const char *name, struct safetensors *s,
                      uint64_t *digest, struct error *error)
{
    const struct safetensors_entry *e = safetensors_find(s, name);
    size_t size = dtype_size(t.type);
    if (e == NULL || e->bytes != (size_t)t.cols * size || strcmp(e->type, dtype_name(t.type)) != 0)
        return error_set(error, ERROR_INPUT, "block %s is missing or of another size", name);
    for (int64_t at = 0; at < t.cols; at += PIECE) {
        int64_t n = t.cols - at < PIECE ? t.cols - at : PIECE;
        const unsigned char *from = e->data + (size_t)at * size;
        *digest = hash64(from, (size_t)n * size, *digest);
        b->ops->upload(b, tensor_cols(t, at, n), from, t.type);
    }
    return b->ops->sync(b, error);
}

static int read_blocks(struct learner *l, const char *dir, const struct json *state, bool best,
                       struct error *error)
{
    struct blocks blocks = blocks_of(l, best);
    char *path = file_join(dir, "state.safetensors");
    struct safetensors *s = safetensors_open(path, error);
    uint64_t digest = 0;
    char hex[17];
    int status = s != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < blocks.n; i++)
        status =
            take_block(model_backend(l->model), blocks.t[i], blocks.names[i], s, &digest, error);
    (void)snprintf(hex, sizeof hex, "%016" PRIx64, digest);
    if (status == 0 && strcmp(hex, json_text(json_get(state, "digest"), "")) != 0)
        status = error_set(error, ERROR_INPUT, "%s: damaged (its digest differs)", path);
    safetensors_close(s);
    mem_free(path);
    return status;
}

static struct json *read_state(const char *dir, struct error *error)
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

static int check_identity(const struct json *o, const struct resume_identity *id, const char *dir,
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

/* 1 loaded, 0 damaged (the error says how), -1 another run's. */
static int try_load(struct learner *l, const char *out, uint64_t step,
                    const struct resume_identity *identity, struct resume_point *at,
                    struct error *error)
{
    char *dir = resume_path(out, step, false);
    struct json *o = read_state(dir, error);
    int found = 0;
    if (o == NULL) {
        mem_free(dir);
        return 0;
    }
    if (check_identity(o, identity, dir, error) != 0)
        found = -1;
    else if (read_blocks(l, dir, o, false, error) == 0)
        found = 1;
    if (found == 1) {
        char *best;
        point_read(o, at);
        best = resume_path(out, at->best_step, true);
        if (!file_is_dir(best))
            at->best = (double)NAN;
        mem_free(best);
    }
    json_free(o);
    mem_free(dir);
    return found;
}

int resume_load(struct learner *l, const char *out, const struct resume_identity *identity,
                struct resume_point *at, struct buf *passed, struct error *error)
{
    size_t n;
    uint64_t *steps = list_steps(out, false, &n);
    int found = 0;
    struct error why;
    for (size_t i = 0; found == 0 && i < n; i++) {
        error_clear(&why);
        found = try_load(l, out, steps[i], identity, at, &why);
        if (found == 0 && passed != NULL)
            buf_printf(passed, "%s\n", why.text);
    }
    if (found < 0 && error != NULL)
        *error = why;
    if (found == 0 && n != 0)
        found = error_set(error, ERROR_INPUT,
                          "%s/checkpoints: none of %zu checkpoints is whole (the newest: %s); pass "
                          "--restart to begin anew",
                          out, n, why.text);
    mem_free(steps);
    return found;
}

int resume_load_best(struct learner *l, const char *out, const struct resume_point *at,
                     struct error *error)
{
    char *dir = resume_path(out, at->best_step, true);
    struct json *o = read_state(dir, error);
    int status = o != NULL ? read_blocks(l, dir, o, true, error) : -1;
    json_free(o);
    mem_free(dir);
    return status;
}

/* --- removing --------------------------------------------------------------------------- */

static void remove_half_written(const char *out)
{
    char *folder = folder_of(out);
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (slice_ends(slice_of(entry->d_name), half)) {
            char *path = file_join(folder, entry->d_name);
            (void)file_remove_tree(path, NULL);
            mem_free(path);
        }
    }
    if (dir != NULL)
        closedir(dir);
    mem_free(folder);
}

static int remove_step(const char *out, uint64_t step, bool best, struct error *error)
{
    char *path = resume_path(out, step, best);
    int status = file_remove_tree(path, error);
    mem_free(path);
    return status;
}

int resume_prune(const char *out, uint64_t keep, uint64_t best_step, struct error *error)
{
    size_t n;
    uint64_t *steps = list_steps(out, false, &n);
    int status = 0;
    for (size_t i = keep; status == 0 && i < n; i++)
        status = remove_step(out, steps[i], false, error);
    mem_free(steps);
    steps = list_steps(out, true, &n);
    for (size_t i = 0; status == 0 && i < n; i++)
        if (steps[i] < best_step)
            status = remove_step(out, steps[i], true, error);
    mem_free(steps);
    remove_half_written(out);
    return status;
}

static bool is_of(const char *out, uint64_t step, bool best, const struct resume_identity *identity)
{
    char *path = resume_path(out, step, best);
    struct json *o = read_state(path, NULL);
    bool same = o != NULL && check_identity(o, identity, path, NULL) == 0;
    json_free(o);
    mem_free(path);
    return same;
}

int resume_remove(const char *out, const struct resume_identity *identity, bool all,
                  struct error *error)
{
    int status = 0;
    for (int best = 0; best < 2; best++) {
        size_t n;
        uint64_t *steps = list_steps(out, best != 0, &n);
        for (size_t i = 0; status == 0 && i < n; i++)
            if (all || !is_of(out, steps[i], best != 0, identity))
                status = remove_step(out, steps[i], best != 0, error);
        mem_free(steps);
    }
    return status;
}
