#include "cli/stage.h"

#include "cli/output.h"
#include "core/file.h"
#include "core/json.h"
#include "core/mem.h"
#include "core/signals.h"
#include "core/version.h"
#include "corpus/runs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- opening ------------------------------------------------------------------------------- */

struct recipe *stage_recipe(const struct arguments *args, struct error *error)
{
    size_t n = 0;
    const char *const *sets = arguments_sets(args, &n);
    struct buf violations = BUF;
    struct recipe *r = recipe_load(arguments_operand(args, 0), sets, n, &violations, error);
    if (r == NULL && violations.len > 0) {
        output_problems(&violations);
        error->text[0] = '\0';
    }
    buf_free(&violations);
    return r;
}

int stage_open(struct stage *s, const struct arguments *args, bool dry_run, bool creates,
               struct error *error)
{
    char *path;
    *s = (struct stage){.dry_run = dry_run};
    if ((s->recipe = stage_recipe(args, error)) == NULL)
        return -1;
    path = recipe_path(s->recipe, "dataset");
    if (!dry_run)
        s->corpus = corpus_open(path, creates ? CORPUS_CREATE : CORPUS_WRITE, error);
    else if (!creates || file_exists(path))
        s->corpus = corpus_open(path, CORPUS_READ, error);
    else
        goto open;
    if (s->corpus == NULL)
        goto err;
open:
    signals_install();
    s->progress = output_progress();
    mem_free(path);
    return 0;
err:
    mem_free(path);
    stage_close(s);
    return -1;
}

void stage_close(struct stage *s)
{
    corpus_close(s->corpus);
    recipe_free(s->recipe);
    *s = (struct stage){0};
}

/* ---- identity of what a stage reads --------------------------------------------------------- */

static void fold_text(struct hash128 *h, const char *text)
{
    *h = hash128_add(*h, text, strlen(text));
}

void stage_fold_file(struct hash128 *h, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        int64_t facts[3] = {(int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec,
                            (int64_t)st.st_mtim.tv_nsec};
        *h = hash128_add(*h, facts, sizeof facts);
    }
}

/* Whatever text of the block is the name of a file or folder that is there counts as one. */
static void fold_files(struct hash128 *h, const char *folder, const struct json *node)
{
    const char *text = json_text(node, NULL);
    if (text != NULL && text[0] != '\0' && strlen(text) < 4096) {
        char *path = file_join(folder, text);
        stage_fold_file(h, path);
        mem_free(path);
    }
    for (const struct json *c = json_first(node); c != NULL; c = json_next(c))
        fold_files(h, folder, c);
}

static int identity(struct stage *s, const struct stage_kind *kind, char hex[33],
                    struct error *error)
{
    struct hash128 h = hash128(kind->name, strlen(kind->name));
    const struct json *block = recipe_get(s->recipe, kind->name);
    char *folder = file_dir(recipe_file(s->recipe));
    struct buf text = BUF;
    int64_t seed = recipe_integer(s->recipe, "seed");
    json_write(block, JSON_CANONICAL, &text);
    fold_text(&h, RETORT_VERSION);
    fold_text(&h, buf_text(&text));
    fold_files(&h, folder, block);
    h = hash128_add(h, &seed, sizeof seed);
    buf_free(&text);
    mem_free(folder);
    if (kind->inputs(s, &h, error) != 0)
        return -1;
    hash128_hex(h, hex);
    return 0;
}

static void identity_key(const struct stage_kind *kind, char out[64])
{
    (void)snprintf(out, 64, "finished.%s", kind->name);
}

int stage_fresh(struct stage *s, const struct stage_kind *kind, struct error *error)
{
    char hex[33], key[64];
    struct buf stored = BUF;
    int rc;
    if (kind->inputs == NULL || s->corpus == NULL)
        return 0;
    identity_key(kind, key);
    rc = corpus_meta_get(s->corpus, key, &stored, error);
    if (rc == 1)
        rc = identity(s, kind, hex, error) != 0 ? -1 : strcmp(hex, buf_text(&stored)) == 0;
    buf_free(&stored);
    return rc;
}

static int remember(struct stage *s, const struct stage_kind *kind, struct error *error)
{
    char hex[33], key[64];
    if (kind->inputs == NULL)
        return 0;
    identity_key(kind, key);
    if (identity(s, kind, hex, error) != 0)
        return -1;
    return corpus_meta_set(s->corpus, key, slice_of(hex), error);
}

/* ---- running ------------------------------------------------------------------------------- */

/* "://user:password@host" loses what is before the @: a recipe that will be refused for it is stored
 * before that. */
static void hide_passwords(struct buf *text)
{
    char *end = text->data + text->len, *p = text->data;
    while (text->len != 0 && (p = strstr(p, "://")) != NULL) {
        char *at = p += 3;
        while (at < end && strchr("@/\"?# ", *at) == NULL)
            at++;
        if (at < end && *at == '@') {
            memmove(p, at + 1, (size_t)(end - at));
            end -= at + 1 - p;
        }
    }
    text->len = (size_t)(end - text->data);
}

static int start(struct stage *s, const struct stage_kind *kind, struct error *error)
{
    struct buf recipe = BUF;
    recipe_write(s->recipe, &recipe);
    hide_passwords(&recipe);
    s->run_id =
        runs_start(s->corpus, kind->name, buf_text(&recipe), recipe_sha256(s->recipe), error);
    buf_free(&recipe);
    return s->run_id < 0 ? -1 : 0;
}

static const char *state_of(int rc, const struct error *error)
{
    if (rc == 0)
        return "done";
    if (error->code == ERROR_PARTIAL)
        return "partial";
    return error->code == ERROR_INTERRUPTED ? "interrupted" : "failed";
}

int stage_run(struct stage *s, const struct stage_kind *kind, const struct arguments *args,
              struct buf *report, struct error *error)
{
    struct error second = {ERROR_NONE, ""};
    int rc, ended;
    if (s->dry_run)
        return kind->call(s, args, report, error);
    if (start(s, kind, error) != 0)
        return -1;
    rc = kind->call(s, args, report, error);
    ended = runs_end(s->corpus, s->run_id, state_of(rc, error),
                     report->len > 0 ? buf_text(report) : NULL, &second);
    if (rc == 0 && (ended != 0 || remember(s, kind, &second) != 0)) {
        *error = second;
        rc = -1;
    }
    return rc;
}

int stage_command(const struct stage_kind *kind, const struct arguments *args, struct error *error)
{
    struct stage s;
    struct error second = {ERROR_NONE, ""};
    struct buf report = BUF;
    int rc;
    if (stage_open(&s, args, arguments_flag(args, "dry-run"), kind->creates, error) != 0)
        return -1;
    rc = stage_run(&s, kind, args, &report, error);
    if (output_report(&report, rc == 0 ? error : &second) != 0)
        rc = -1;
    buf_free(&report);
    stage_close(&s);
    return rc;
}
