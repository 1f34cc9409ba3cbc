/*
 * One teacher as the recipe names it: provider, address, model, key, prices, limits.
 *
 * The key comes from an environment variable or a file, lives in the headers of this struct only,
 * and is wiped when it is closed.  endpoint_name is what the dataset stores: scheme, host, port and
 * path, without user, query or key.
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "core/error.h"
#include "core/json.h"
#include "net/http.h"
#include "net/net.h"
#include "net/pace.h"

#include <stdint.h>

/* teacher.mode batch: how (net/batches.h). */
struct endpoint_batch {
    bool on;               /* requests go out in batches */
    bool leftovers_online; /* what came back unanswered goes out by itself */
    bool wait;             /* for the answers, in the run that asked */
    double discount;       /* off the price: 0.5 is half of it */
    int64_t max_lines, max_bytes;
    int64_t poll_ms;
    char *url;    /* what the lines of a batch go to */
    char *window; /* in which the answers are wanted */
};

struct endpoint {
    const struct net_provider *provider;
    char *url;          /* base_url + path, to send to */
    char *base, *query; /* base_url without what it asks for, and that ("" or "?…") */
    char *name;         /* what is stored and what the request key contains */
    char *label;        /* teacher.name of the recipe, or the model */
    char *model;
    char *licence; /* as the user stated it; NULL */
    double weight;
    const struct json *extra; /* teacher.body; belongs to the recipe */
    struct net_headers headers;
    struct net_headers plain; /* the same without Content-Type: for forms and for GET */
    struct endpoint_batch batch;
    struct http_route route;
    char *ca_file, *proxy, *proxy_user; /* of the route; the last is wiped when it is closed */
    struct net_dialect dialect;
    bool dialect_fixed; /* the recipe named the field: no fallback */
    struct pace_config limits;
    int64_t part_tokens; /* the most that a content part which is no text counts as; < 0: unknown */
    double input_price, output_price, cached_price; /* USD a million tokens; NAN: unknown */
    int64_t teacher_id;                             /* of the dataset, filled by the caller */
};

/* teacher: the recipe's block (or one element of gen.teachers, filled with defaults); names of files
 * in it begin at `folder`. */
int endpoint_open(struct endpoint *e, const struct json *teacher, const char *folder,
                  struct error *error);
void endpoint_close(struct endpoint *e);
/* Cost in nano-USD; 0 where prices are unknown. */
int64_t endpoint_cost(const struct endpoint *e, const struct net_usage *u); /* rounded up */
/* Append the address of another path of the same server. */
void endpoint_address(const struct endpoint *e, const char *path, struct buf *out);
bool endpoint_has_price(const struct endpoint *e);

#endif
