#include "train/export.h"

#include "core/file.h"
#include "core/mem.h"
#include "model/checkpoint.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { MARKER_MAX = 1 << 24 };

static int write_tokenizer(const struct setup *s, const char *dir, struct error *error)
{
    return tokenizer_write(s->tokenizer, dir,
                           s->chat != NULL ? chat_template_source(s->chat)
                                           : (struct slice){NULL, 0},
                           error);
}

static int write_adapter(const struct setup *s, struct model *m,
                         const struct checkpoint_options *options, struct error *error)
{
    char *dir = file_join(s->settings.out, "adapter");
    int status = file_make_dir(dir, error);
    if (status == 0)
        status = write_tokenizer(s, dir, error);
    if (status == 0)
        status = checkpoint_write_adapter(m, dir, options, error);
    mem_free(dir);
    return status;
}

int export_write(const struct setup *s, struct model *m, struct error *error)
{
    const struct train_settings *t = &s->settings;
    struct checkpoint_options options = {.type = t->save_type,
                                         .base = t->student,
                                         .stops = s->stops,
                                         .n_stops = s->n_stops};
    bool lora = t->model.method == MODEL_LORA;
    int status = file_make_dir(t->out, error);
    if (status == 0)
        status = write_tokenizer(s, t->out, error);
    if (status == 0 && lora)
        status = write_adapter(s, m, &options, error);
    if (status == 0 && (!lora || t->merge))
        status = checkpoint_write(m, t->out, &options, error);
    return status == 0 ? 0 : error_wrap(error, "export to %s", t->out);
}

/* --- the marker of a finished run --------------------------------------------------------- */

static void identity_hex(const struct setup *s, char hex[33])
{
    struct hash128 h = hash128(s->recipe.data, s->recipe.len);
    h = hash128_add(h, s->export_as.data, s->export_as.len);
    h = hash128_add(h, s->data, strlen(s->data));
    h = hash128_add(h, s->student, strlen(s->student));
    hash128_hex(h, hex);
}

static char *marker_path(const struct setup *s)
{
    return file_join(s->settings.out, "train.json");
}

int export_finish(const struct setup *s, const struct json *report, struct error *error)
{
    struct json *o = json_new_object();
    struct buf text = BUF_MAX(MARKER_MAX);
    char hex[33], *path = marker_path(s);
    int status;
    identity_hex(s, hex);
    json_put_text(o, "identity", hex);
    json_put(o, "report", json_copy(report));
    json_write(o, JSON_PRETTY, &text);
    status = file_replace(path, buf_view(&text), error);
    json_free(o);
    buf_free(&text);
    mem_free(path);
    return status;
}

static struct json *read_marker(const struct setup *s)
{
    struct buf text = BUF_MAX(MARKER_MAX);
    char *path = marker_path(s);
    struct json *o = NULL;
    if (file_read(path, &text, NULL) == 0)
        o = json_parse(buf_view(&text), 0, NULL);
    mem_free(path);
    buf_free(&text);
    return o;
}

int export_forget(const struct setup *s, struct error *error)
{
    char *path = marker_path(s);
    int status = 0;
    if (unlink(path) != 0 && errno != ENOENT)
        status = error_system(error, errno, "%s", path);
    mem_free(path);
    return status;
}

bool export_present(const struct setup *s)
{
    struct json *o = read_marker(s);
    json_free(o);
    return o != NULL;
}

struct json *export_finished(const struct setup *s)
{
    struct json *o = read_marker(s), *report = NULL;
    char hex[33];
    bool merged = s->settings.merge || s->settings.model.method != MODEL_LORA;
    char *config =
        file_join(s->settings.out, merged ? "config.json" : "adapter/adapter_config.json");
    identity_hex(s, hex);
    if (strcmp(json_text(json_get(o, "identity"), ""), hex) == 0 && file_exists(config))
        report = json_copy(json_get(o, "report"));
    json_free(o);
    mem_free(config);
    return report;
}
