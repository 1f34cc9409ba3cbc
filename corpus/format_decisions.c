/*
 * Decisions: one line a row, kept and removed, for other tools and for judging a filter:
 * {"id":…,"kept":bool,"reasons":["rule",…],"duplicate_of":id|null,"similarity":number|null}
 */
#include "corpus/format.h"
#include "corpus/verdicts.h"

struct reasons {
    struct buf *out;
    bool removed;
    int64_t match;
    double similarity;
    size_t n;
};

static int one_reason(void *context, const struct verdict *v, struct error *error)
{
    struct reasons *r = context;
    (void)error;
    if (!r->removed || v->action != VERDICT_REMOVE)
        return 0;
    if (r->n++ != 0)
        buf_char(r->out, ',');
    json_quote(slice_of(v->rule), 0, r->out);
    if (v->match_id != 0 && r->match == 0) {
        r->match = v->match_id;
        r->similarity = v->similarity;
    }
    return 0;
}

static int put_id(void *context, const struct sample *s, struct error *error)
{
    (void)error;
    record_put_id(s, context);
    return 0;
}

static int put_match(struct corpus *c, const struct reasons *r, struct buf *out,
                     struct error *error)
{
    int rc = 1;
    buf_str(out, "],\"duplicate_of\":");
    if (r->match == 0)
        buf_str(out, "null");
    else
        rc = samples_get(c, r->match, put_id, out, error);
    buf_str(out, ",\"similarity\":");
    if (r->match == 0 || isnan(r->similarity))
        buf_str(out, "null}");
    else
        buf_printf(out, "%.6g}", r->similarity);
    return rc < 0 ? -1 : 1;
}

static int write_one(struct corpus *c, const struct sample *s, struct buf *out, struct error *error)
{
    struct reasons r = {.out = out, .removed = !s->kept, .similarity = (double)NAN};
    buf_str(out, "{\"id\":");
    record_put_id(s, out);
    buf_printf(out, ",\"kept\":%s,\"reasons\":[", s->kept ? "true" : "false");
    if (verdicts_each(c, s->id, one_reason, &r, error) != 0)
        return -1;
    return put_match(c, &r, out, error);
}

const struct format format_decisions = {
    .name = "decisions",
    .summary = "JSON Lines of what the filter decided, a line a row (export only)",
    .write = write_one,
};
