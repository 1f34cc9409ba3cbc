#include "net/pace.h"

#include <math.h>
#include <string.h>

/* So many refusals in a row mean the endpoint, not the request. */
enum { REFUSED_IN_ROW = 8 };

static double least(double a, double b)
{
    return a < b ? a : b;
}

static void refill(struct pace_bucket *b, int64_t now)
{
    if (b->cap <= 0)
        return;
    if (now > b->at_ns)
        b->level = least(b->cap, b->level + (double)(now - b->at_ns) * b->per_ns);
    b->at_ns = now;
}

/* A minute's worth as the rate; a burst of at most a second's worth (and of what one request
 * needs), so that no window of any minute ever holds more than the limit. */
static struct pace_bucket per_minute(double limit, int64_t now)
{
    double burst = limit / 60 < 1 ? 1 : limit / 60;
    if (limit <= 0)
        return (struct pace_bucket){0, 0, 0, now};
    return (struct pace_bucket){burst, burst, limit / 60e9, now};
}

void pace_init(struct pace *p, const struct pace_config *c, int64_t now_ns)
{
    memset(p, 0, sizeof *p);
    p->configured[LIMIT_REQUESTS] = per_minute(c->requests_per_minute, now_ns);
    p->configured[LIMIT_TOKENS] = per_minute(c->tokens_per_minute, now_ns);
    p->configured[LIMIT_INPUT_TOKENS] = per_minute(c->input_tokens_per_minute, now_ns);
    p->configured[LIMIT_OUTPUT_TOKENS] = per_minute(c->output_tokens_per_minute, now_ns);
    p->max_window = p->window = c->in_flight < 1 ? 1 : c->in_flight;
}

static double need_of(int kind, double input, double output)
{
    switch (kind) {
    case LIMIT_REQUESTS: return 1;
    case LIMIT_TOKENS: return input + output;
    case LIMIT_INPUT_TOKENS: return input;
    default: return output;
    }
}

/* A request larger than the whole bucket goes when the bucket is full, and leaves a debt. */
static double bucket_wait(struct pace_bucket *b, double need, int64_t now)
{
    if (b->cap <= 0)
        return 0;
    refill(b, now);
    double lack = least(need, b->cap) - b->level;
    if (lack <= 0)
        return 0;
    return b->per_ns > 0 ? lack / b->per_ns : 1e9;
}

static void take(struct pace_bucket *b, double need, int64_t now)
{
    if (b->cap <= 0)
        return;
    refill(b, now);
    b->level -= need;
}

int64_t pace_wait(struct pace *p, double input_tokens, double output_tokens, int64_t now_ns)
{
    double wait = 0;
    if (p->in_flight >= (int)p->window)
        return -1;
    if (p->hold_until_ns > now_ns)
        wait = (double)(p->hold_until_ns - now_ns);
    for (int k = 0; k < LIMIT_KINDS; k++) {
        double need = need_of(k, input_tokens, output_tokens);
        wait = fmax(wait, bucket_wait(&p->configured[k], need, now_ns));
        wait = fmax(wait, bucket_wait(&p->heard[k], need, now_ns));
    }
    return wait <= 0 ? 0 : wait > 60e9 ? 60000000000LL : (int64_t)wait + 1;
}

struct pace_ticket pace_sent(struct pace *p, double input_tokens, double output_tokens,
                             int64_t now_ns)
{
    struct pace_ticket t = {.sequence = ++p->sequence};
    for (int k = 0; k < LIMIT_KINDS; k++) {
        double need = need_of(k, input_tokens, output_tokens);
        p->sum[k] += need;
        t.sum[k] = p->sum[k];
        take(&p->configured[k], need, now_ns);
        take(&p->heard[k], need, now_ns);
    }
    p->in_flight++;
    return t;
}

/*
 * What a response's headers teach.  `remaining` is what the server knew when it answered; requests
 * sent after this one may or may not be in it, so all of them are taken off: at worst we send a
 * little late.  The rate is the slower of a minute's share of `limit` and of what `reset` implies,
 * which also gets limits a day right.
 */
static void learn(struct pace *p, int kind, const struct net_limit *l,
                  const struct pace_ticket *ticket, int64_t now)
{
    if (l->limit <= 0 || l->remaining < 0 || ticket->sequence < p->anchor[kind])
        return;
    double rate = l->limit / 60e9;
    if (l->reset_s > 0 && l->remaining < l->limit)
        rate = least(rate, (l->limit - l->remaining) / (l->reset_s * 1e9));
    double later = p->sum[kind] - ticket->sum[kind];
    p->heard[kind] = (struct pace_bucket){l->remaining - later, l->limit, rate, now};
    p->anchor[kind] = ticket->sequence;
}

/* Back off in proportion to the share that was refused (as DCTCP does, RFC 8257, section 3.3): where
 * refusals come whatever the load, the window settles at twice the step over their share, and work
 * goes on; where they come of the load, it settles below it. */
static void epoch_over(struct pace *p)
{
    double share = (double)p->refused / (p->good + p->refused), step = fmax(1, p->max_window / 64);
    if (!p->good)
        p->window *= 0.7;
    else
        p->window += step - (share > 0.1 ? p->window * share / 2 : 0);
    p->window = fmax(1, least(p->max_window, p->window));
    p->good = p->refused = 0;
}

static void refused(struct pace *p, const struct net_limits *limits, int64_t now)
{
    p->refused++;
    p->refused_in_row++;
    if (p->refused_in_row < REFUSED_IN_ROW || !limits || limits->retry_after_s <= 0)
        return;
    int64_t until = now + (int64_t)(least(limits->retry_after_s, 3600) * 1e9);
    if (until > p->hold_until_ns)
        p->hold_until_ns = until;
}

void pace_done(struct pace *p, const struct pace_ticket *ticket, enum net_cause cause,
               const struct net_limits *limits, int64_t now_ns)
{
    p->in_flight--;
    for (int k = 0; limits && k < LIMIT_KINDS; k++)
        learn(p, k, &limits->kind[k], ticket, now_ns);
    if (net_cause_class(cause) == NET_RATE_LIMITED) {
        refused(p, limits, now_ns);
    } else if (limits) {
        p->good++;
        p->refused_in_row = 0;
    }
    if (p->good + p->refused >= (int)p->window)
        epoch_over(p);
}

int64_t pace_backoff_ns(int tries, double most_s, double retry_after_s, double u)
{
    double base = 0.5, cap = least(most_s, PACE_MOST_S), pause = base;
    for (int i = 1; i < tries && pause < cap; i++)
        pause *= 2;
    pause = least(pause, cap) * u;
    /* Nobody returns at the very moment the server named: everybody would. */
    if (retry_after_s >= 0)
        pause = least(retry_after_s, 86400) + 0.005 + least(1, 0.1 * retry_after_s) * u;
    return (int64_t)(pause * 1e9);
}
