#include "train/resume.h"

#include "core/file.h"
#include "core/mem.h"
#include "core/vec.h"
#include "train/resume_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
    uint64_t digest;
    if (file_make_dir(dir, error) != 0 || resume_blocks_write(l, dir, best, &digest, error) != 0 ||
        resume_state_write(dir, at, identity, digest, error) != 0)
        return -1;
    return sync_folder(dir, error);
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

/* 1 loaded, 0 damaged (the error says how), -1 another run's. */
static int try_load(struct learner *l, const char *out, uint64_t step,
                    const struct resume_identity *identity, struct resume_point *at,
                    struct error *error)
{
    char *dir = resume_path(out, step, false);
    struct json *o = resume_state_read(dir, error);
    int found = 0;
    if (o == NULL) {
        mem_free(dir);
        return 0;
    }
    if (resume_state_check(o, identity, dir, error) != 0)
        found = -1;
    else if (resume_blocks_read(l, dir, resume_state_digest(o), false, error) == 0)
        found = 1;
    if (found == 1) {
        char *best;
        resume_state_point(o, at);
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
    struct json *o = resume_state_read(dir, error);
    int status = o != NULL ? resume_blocks_read(l, dir, resume_state_digest(o), true, error) : -1;
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
    struct json *o = resume_state_read(path, NULL);
    bool same = o != NULL && resume_state_check(o, identity, path, NULL) == 0;
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
