#include "filter/ledger.h"

#include "core/mem.h"
#include "core/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A record as it stands in the log; `why` bytes follow. */
struct record {
    struct verdict v; /* the slice's pointer means nothing */
};

void ledger_init(struct ledger *l)
{
    *l = (struct ledger){.log = BUF, .spill = NULL, .n = 0};
}

void ledger_free(struct ledger *l)
{
    buf_free(&l->log);
    for (size_t i = 0; i < LEDGER_NAMES; i++)
        mem_free(l->names[i]);
    if (l->spill != NULL)
        fclose(l->spill);
    ledger_init(l);
}

const char *ledger_name(struct ledger *l, const char *name)
{
    size_t i = 0;
    while (i < LEDGER_NAMES - 1 && l->names[i] != NULL && strcmp(l->names[i], name) != 0)
        i++;
    if (l->names[i] == NULL)
        l->names[i] = mem_strdup(name);
    return l->names[i];
}

static int spill(struct ledger *l, struct error *error)
{
    if (l->spill == NULL && (l->spill = tmpfile()) == NULL)
        return error_system(error, errno, "cannot make a temporary file for verdicts");
    if (fwrite(l->log.data, 1, l->log.len, l->spill) != l->log.len)
        return error_system(error, errno, "writing verdicts to a temporary file");
    buf_clear(&l->log);
    return 0;
}

int ledger_add(struct ledger *l, const struct verdict *v, struct error *error)
{
    const struct record r = {*v};
    buf_add(&l->log, &r, sizeof r);
    buf_slice(&l->log, v->why);
    l->n++;
    return l->log.len >= LEDGER_MEMORY ? spill(l, error) : 0;
}

typedef int visit(void *context, const struct verdict *v, struct error *error);

static int each_spilled(struct ledger *l, visit *fn, void *context, struct error *error)
{
    struct record r;
    char *why = NULL;
    size_t cap = 0;
    int rc = 0;
    if (fflush(l->spill) != 0 || fseek(l->spill, 0, SEEK_SET) != 0)
        return error_system(error, errno, "reading verdicts back");
    while (rc == 0 && fread(&r, sizeof r, 1, l->spill) == 1) {
        if (r.v.why.data != NULL) {
            if (r.v.why.len > cap)
                why = mem_grow(why, cap = r.v.why.len, 1);
            if (fread(why, 1, r.v.why.len, l->spill) != r.v.why.len)
                rc = error_system(error, EIO, "reading verdicts back");
            r.v.why.data = why;
        }
        if (rc == 0)
            rc = fn(context, &r.v, error);
    }
    mem_free(why);
    return rc;
}

static int spilled(struct ledger *l, visit *fn, void *context, struct error *error)
{
    return l->spill == NULL ||
                   (each_spilled(l, fn, context, error) == 0 && fseek(l->spill, 0, SEEK_END) == 0)
               ? 0
               : -1;
}

/* The record at an offset of the log; returns the offset of the next. */
static size_t record_at(const struct ledger *l, size_t at, struct record *r)
{
    memcpy(r, l->log.data + at, sizeof *r);
    at += sizeof *r;
    if (r->v.why.data != NULL)
        r->v.why.data = l->log.data + at;
    return at + r->v.why.len;
}

int ledger_each(struct ledger *l, visit *fn, void *context, struct error *error)
{
    struct record r;
    if (spilled(l, fn, context, error) != 0)
        return -1;
    for (size_t at = 0; at < l->log.len;) {
        at = record_at(l, at, &r);
        if (fn(context, &r.v, error) != 0)
            return -1;
    }
    return 0;
}

struct place {
    int64_t sample;
    size_t at;
};

static int by_sample(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->sample != y->sample)
        return x->sample > y->sample ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

int ledger_by_sample(struct ledger *l, visit *fn, void *context, struct error *error)
{
    struct place *places = NULL;
    size_t n = 0, cap = 0;
    struct record r;
    int rc = spilled(l, fn, context, error);
    for (size_t at = 0; rc == 0 && at < l->log.len; n++) {
        const size_t here = at;
        at = record_at(l, at, &r);
        places = vec_reserve(places, &cap, n + 1, sizeof *places);
        places[n] = (struct place){r.v.sample_id, here};
    }
    if (n > 1)
        qsort(places, n, sizeof *places, by_sample);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        (void)record_at(l, places[i].at, &r);
        rc = fn(context, &r.v, error);
    }
    mem_free(places);
    return rc;
}
