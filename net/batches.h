/*
 * Batches: many requests handed over at once and answered within a day, at a lower price.
 *
 * What a provider's batches look like on the wire: text in, text out, no I/O.  The way of one:
 *
 *   lines ─► [upload a file ─►] create ─► poll … ─► ended ─► fetch its files ─► read their lines
 *                                 └─ after a crash: list, to find what was created already
 *
 * Lines of the input are `head`, line, `between`, line, …, `tail`; the key of a line (custom_id)
 * comes back with its answer.  Answers come in any order, some perhaps twice and some never.
 * Nothing here trusts the server: numbers it gives become part of addresses only where they are
 * made of letters, digits, "-", "_" and ".".
 */
#ifndef NET_BATCHES_H
#define NET_BATCHES_H

#include "core/buf.h"
#include "core/slice.h"
#include "net/cause.h"
#include "net/net.h"

#include <stdbool.h>
#include <stdint.h>

enum { BATCHES_ID = 128, BATCHES_FILES = 2 };

enum net_batch_state { NET_BATCH_WORKING, NET_BATCH_ENDED };

/* A batch as the server describes it. */
struct net_batch {
    char id[BATCHES_ID];
    enum net_batch_state state;
    char status[32];                      /* in its words */
    char file[BATCHES_FILES][BATCHES_ID]; /* to fetch when it ended; "" none */
    char tag[BATCHES_ID];                 /* our mark, where batches carry one */
    int64_t lines;                        /* < 0: not said */
    int64_t created_ms;                   /* 0: not said */
    bool not_billed;                      /* ended: what has no answer was never asked */
    enum net_cause cause;                 /* NET_OK, or why the whole of it was refused */
    char message[256];                    /* of the refusal */
};

/* One line of the results.  Slices point into the line. */
struct net_batch_line {
    struct slice key, request_id;
    int status;           /* HTTP status of the answer; 0: it was never asked */
    enum net_cause cause; /* of status 0 */
    struct slice body;    /* the answer's bytes as they stand in the line; absent: none */
    char message[160];
};

/* What it takes to create one. */
struct net_batch_order {
    struct slice input; /* number of the uploaded file */
    const char *url;    /* what the requests of the batch go to: "/v1/chat/completions" */
    const char *window, *tag;
};

struct net_batches {
    int64_t max_lines;
    int64_t max_bytes;
    const char *upload; /* path the input goes to as a form; NULL: the input is the create's body */
    const char *path;   /* of batches, behind base_url */
    const char *file_head, *file_tail; /* around a file's number: where it is fetched */
    const char *next;                  /* query member that asks for the next page */
    const char *head, *between, *tail;
    bool tagged; /* batches carry our tag; else orphans are known by age, size and their answers */
    void (*line)(const char *key, const char *url, struct slice body, struct buf *out);
    void (*create)(const struct net_batch_order *o, struct buf *out); /* NULL without upload */
    /* The number of an uploaded file.  0, or -1 with the failure. */
    int (*uploaded)(struct slice body, char id[BATCHES_ID], struct net_failure *f);
    int (*read)(struct slice body, struct net_batch *out, struct net_failure *f);
    /* One page of a list; returns how many there were, -1 failure.  next becomes the number to go
     * on from, "" at the end. */
    int (*list)(struct slice body, void (*fn)(void *context, const struct net_batch *b),
                void *context, char next[BATCHES_ID], struct net_failure *f);
    int (*answer)(struct slice line, struct net_batch_line *out, struct net_failure *f);
    /* The lines that made the server refuse a batch; NULL: it never refuses by line. */
    void (*refused)(struct slice body,
                    void (*fn)(void *context, int64_t line, enum net_cause c, struct slice message),
                    void *context);
};

/* For providers. */
int batches_id(const struct json *node, char id[BATCHES_ID]); /* 0, or -1: none that can be used */
/* The bytes of the member at the dotted path of keys in a valid JSON text; absent: not there. */
struct slice batches_raw(struct slice text, const char *path);
/* Parse it, walk its member "data" and read each with `read`. */
int batches_page(struct slice body, void (*one)(const struct json *node, struct net_batch *out),
                 void (*fn)(void *context, const struct net_batch *b), void *context,
                 char next[BATCHES_ID]);

extern const struct net_batches batches_openai, batches_anthropic;

#endif
