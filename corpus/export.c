#include "corpus/exchange.h"

#include "core/file.h"
#include "core/signals.h"
#include "corpus/format.h"

#include <inttypes.h>

enum { WINDOW = 256 << 10, LOOK_EVERY = 1024 };

struct export
{
    struct corpus *c;
    const struct export_options *o;
    const struct format *format;
    const struct export_sink *sink;
    struct export_counts *counts;
    struct progress *progress;
    struct progress_state state;
    struct buf out;
};

static int flush(struct export *x, struct error *error)
{
    if (x->sink->write(x->sink->context, buf_text(&x->out), x->out.len, error) != 0)
        return -1;
    x->counts->bytes += x->out.len;
    buf_clear(&x->out);
    return 0;
}

static void leave_out(struct export *x, const struct sample *s, const char *why)
{
    struct buf id = BUF;
    x->counts->left_out++;
    if (x->o->left_out != NULL) {
        record_put_id(s, &id);
        x->o->left_out(x->o->context, buf_text(&id), why);
    }
    buf_free(&id);
}

/* Between two rows. */
static void separate(struct export *x)
{
    if (!x->format->array)
        return;
    buf_str(&x->out, x->counts->written == 0 ? "[\n" : ",\n");
}

static int one_row(void *context, const struct sample *s, struct error *error)
{
    struct export *x = context;
    struct error why = {0};
    size_t before = x->out.len;
    int rc;
    separate(x);
    rc = x->format->write(x->c, s, &x->out, &why);
    if (rc < 0) {
        *error = why;
        return -1;
    }
    if (x->out.full)
        return error_set(error, ERROR_LIMIT, "row %" PRId64 ": too large to export", s->id);
    if (rc == 0) {
        x->out.len = before;
        leave_out(x, s, why.text);
    } else {
        if (!x->format->array)
            buf_char(&x->out, '\n');
        x->counts->written++;
    }
    if (++x->state.done % LOOK_EVERY == 0) {
        progress_update(x->progress, &x->state);
        if (signals_draining())
            return error_set(error, ERROR_INTERRUPTED, "export interrupted");
    }
    return x->out.len >= WINDOW ? flush(x, error) : 0;
}

static int all_rows(struct export *x, struct error *error)
{
    int64_t total = samples_count(x->c, x->o->which, error);
    if (total < 0)
        return -1;
    x->state = (struct progress_state){.stage = "export", .unit = "rows", .total = (uint64_t)total};
    if (samples_each(x->c, x->o->which, 0, one_row, x, error) != 0)
        return -1;
    if (x->format->array)
        buf_str(&x->out, x->counts->written == 0 ? "[]\n" : "\n]\n");
    if (flush(x, error) != 0)
        return -1;
    progress_finish(x->progress, &x->state);
    return 0;
}

int export_rows(struct corpus *c, const struct export_options *o, const struct export_sink *sink,
                struct progress *progress, struct export_counts *counts, struct error *error)
{
    struct export x = {
        .c = c,
        .o = o,
        .sink = sink,
        .counts = counts,
        .progress = progress,
        .out = BUF,
    };
    int rc;
    *counts = (struct export_counts){0};
    x.format = format_find(o->format != NULL ? o->format : "jsonl", error);
    if (x.format == NULL)
        return -1;
    rc = all_rows(&x, error);
    buf_free(&x.out);
    return rc;
}

static int to_file(void *context, const void *data, size_t len, struct error *error)
{
    return file_new_write(context, data, len, error);
}

int export_file(struct corpus *c, const struct export_options *o, const char *path,
                struct progress *progress, struct export_counts *counts, struct error *error)
{
    struct file_new f;
    struct export_sink sink = {to_file, &f};
    if (file_new_open(&f, path, error) != 0)
        return -1;
    if (export_rows(c, o, &sink, progress, counts, error) != 0) {
        file_new_abort(&f);
        return -1;
    }
    return file_new_commit(&f, error);
}
