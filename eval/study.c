#include "eval/study.h"

#include "core/file.h"
#include "core/mem.h"

#include <math.h>
#include <string.h>

/* --- who ---------------------------------------------------------------------------------- */

static bool holds(const char *dir, const char *file)
{
    char *path = file_join(dir, file);
    bool there = file_exists(path);
    mem_free(path);
    return there;
}

static void leave_out(struct study *s, const char *name, const char *why)
{
    struct buf text = BUF_MAX(4096);
    buf_printf(&text, "%s: %s", name, why);
    json_push(s->left_out, json_new_string(buf_view(&text)));
    buf_free(&text);
}

/* dir is moved. */
static void add_folder(struct study *s, const char *name, char *dir)
{
    s->subjects[s->n_subjects++] =
        (struct subject_spec){.name = mem_strdup(name), .folder = dir, .int8 = s->int8};
}

static void add_base(struct study *s, const struct recipe *r)
{
    char *dir = recipe_path(r, "train.student");
    if (dir == NULL) {
        leave_out(s, "base", "train.student is not set");
    } else if (strcmp(recipe_text(r, "train.init"), "random") == 0) {
        leave_out(s, "base", "it starts from random weights");
        mem_free(dir);
    } else {
        add_folder(s, "base", dir);
    }
}

static void add_student(struct study *s, const struct recipe *r)
{
    char *dir = recipe_path(r, "train.out"), *adapter = file_join(dir, "adapter");
    if (holds(dir, "config.json")) {
        add_folder(s, "student", dir);
        dir = NULL;
    } else if (holds(adapter, "adapter_config.json")) {
        add_folder(s, "student", adapter);
        adapter = NULL;
    } else {
        leave_out(s, "student", "train has not finished one yet");
    }
    mem_free(dir);
    mem_free(adapter);
}

/* The recipe's teacher with the fields of an object put over it. */
static struct json *teacher_with(const struct recipe *r, const struct json *over)
{
    struct json *teacher = json_copy(recipe_get(r, "teacher"));
    for (const struct json *f = json_first(over); f != NULL; f = json_next(f))
        if (strcmp(json_key(f), "folder") != 0)
            json_put(teacher, json_key(f), json_copy(f));
    return teacher;
}

static void add_teacher(struct study *s, const char *name, struct json *teacher)
{
    s->subjects[s->n_subjects++] =
        (struct subject_spec){.name = mem_strdup(name), .teacher = teacher};
}

static void add_object(struct study *s, const struct recipe *r, const struct json *o)
{
    const char *folder = json_text(json_get(o, "folder"), NULL);
    const char *model = json_text(json_get(o, "model"), "model");
    const char *name = json_text(json_get(o, "name"), folder != NULL ? folder : model);
    if (folder != NULL) {
        add_folder(s, name, file_join(s->folder, folder));
        s->subjects[s->n_subjects - 1].int8 |= json_true(json_get(o, "int8"));
    } else {
        add_teacher(s, name, teacher_with(r, o));
    }
}

static int add_models(struct study *s, const struct recipe *r, struct error *error)
{
    const struct json *models = recipe_get(r, "eval.models");
    s->left_out = json_new_array();
    s->subjects = mem_zero(json_count(models) + 1, sizeof *s->subjects);
    for (const struct json *m = json_first(models); m != NULL; m = json_next(m)) {
        const char *name = json_text(m, "");
        if (json_type(m) == JSON_OBJECT)
            add_object(s, r, m);
        else if (strcmp(name, "base") == 0)
            add_base(s, r);
        else if (strcmp(name, "student") == 0)
            add_student(s, r);
        else if (strcmp(name, "teacher") == 0)
            add_teacher(s, name, teacher_with(r, NULL));
        else
            add_folder(s, name, file_join(s->folder, name));
    }
    if (s->n_subjects != 0)
        return 0;
    return error_set(error, ERROR_INPUT,
                     "no model to measure (%s); run `retort train`, or name folders in eval.models",
                     json_text(json_at(s->left_out, 0), "eval.models is empty"));
}

static void add_judge(struct study *s, const struct recipe *r)
{
    const struct json *judge = recipe_get(r, "eval.judge");
    if (judge == NULL || json_type(judge) == JSON_NULL)
        return;
    s->judge.name = mem_strdup(json_text(json_get(judge, "name"), "judge"));
    s->judge.teacher = teacher_with(r, json_type(judge) == JSON_OBJECT ? judge : NULL);
}

/* --- on what ------------------------------------------------------------------------------ */

static int add_suite(struct study *s, const struct recipe *r, const char *name, struct error *error)
{
    const struct suite_options options = {.format = recipe_text(r, "eval.format"),
                                          .grader = recipe_text(r, "eval.grader"),
                                          .limit = (uint64_t)recipe_integer(r, "eval.limit")};
    char *path = file_join(s->folder, name);
    int status = suite_read(&s->suites[s->n_suites], path, &options, error);
    mem_free(path);
    if (status == 0)
        s->n_suites++;
    return status;
}

static int add_suites(struct study *s, const struct recipe *r, struct error *error)
{
    const struct json *suite = recipe_get(r, "eval.suite");
    s->suites = mem_zero(json_count(suite) + 2, sizeof *s->suites);
    if (json_type(suite) == JSON_STRING)
        return add_suite(s, r, json_text(suite, ""), error);
    for (const struct json *f = json_first(suite); f != NULL; f = json_next(f))
        if (add_suite(s, r, json_text(f, ""), error) != 0)
            return -1;
    return 0;
}

static void read_how(struct study *s, const struct recipe *r)
{
    s->how = (struct subject_how){
        .pool = s->pool,
        .temperature = recipe_number(r, "eval.temperature"),
        .seed = (uint64_t)recipe_integer(r, "seed"),
        .slots = (int32_t)recipe_integer(r, "eval.slots"),
        .max_length = (uint32_t)recipe_integer(r, "train.max_length"),
        .template_name = recipe_text(r, "eval.template"),
        .template_other = recipe_text(r, "train.template"),
        .last_reply_only = strcmp(recipe_text(r, "train.replies"), "last") == 0,
        .recipe_folder = s->folder,
        .budget_usd = json_number(recipe_get(r, "eval.budget_usd"), (double)NAN),
    };
    s->score = (struct score_how){
        .confidence = recipe_number(r, "eval.confidence"),
        .rounds = (int)recipe_integer(r, "eval.rounds"),
        .seed = s->how.seed,
    };
    s->int8 = recipe_bool(r, "eval.int8");
    s->command = recipe_text(r, "eval.command");
    s->max_tokens = recipe_integer(r, "eval.max_tokens");
    s->measure_held_out = recipe_bool(r, "eval.held_out");
    s->held_out = recipe_number(r, "train.held_out");
    s->held_out_rows = (uint64_t)recipe_integer(r, "eval.held_out_rows");
    s->replies = (uint64_t)recipe_integer(r, "eval.replies");
}

int study_open(struct study *s, const struct recipe *r, struct error *error)
{
    memset(s, 0, sizeof *s);
    s->folder = file_dir(recipe_file(r));
    s->pool = pool_new((int)recipe_integer(r, "threads"));
    read_how(s, r);
    add_judge(s, r);
    if (add_suites(s, r, error) == 0 && add_models(s, r, error) == 0)
        return 0;
    study_close(s);
    return -1;
}

static void spec_clear(struct subject_spec *spec)
{
    mem_free(spec->name);
    mem_free(spec->folder);
    json_free(spec->teacher);
}

void study_close(struct study *s)
{
    for (size_t i = 0; i < s->n_subjects; i++)
        spec_clear(&s->subjects[i]);
    for (size_t i = 0; i < s->n_suites; i++)
        suite_free(&s->suites[i]);
    spec_clear(&s->judge);
    json_free(s->left_out);
    mem_free(s->subjects);
    mem_free(s->suites);
    mem_free(s->folder);
    pool_free(s->pool);
    memset(s, 0, sizeof *s);
}
