#include "filter/ledger.h"

#include "core/mem.h"

#include <errno.h>
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

int ledger_each(struct ledger *l, visit *fn, void *context, struct error *error)
{
    if (l->spill != NULL &&
        (each_spilled(l, fn, context, error) != 0 || fseek(l->spill, 0, SEEK_END) != 0))
        return -1;
    for (size_t at = 0; at < l->log.len;) {
        struct record r;
        memcpy(&r, l->log.data + at, sizeof r);
        at += sizeof r;
        if (r.v.why.data != NULL)
            r.v.why.data = l->log.data + at;
        at += r.v.why.len;
        if (fn(context, &r.v, error) != 0)
            return -1;
    }
    return 0;
}
