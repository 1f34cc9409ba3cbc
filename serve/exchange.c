#include "serve/exchange.h"

#include "core/clock.h"
#include "core/mem.h"
#include "serve/reply.h"

#include <stdatomic.h>
#include <stdio.h>

/* Lives until every job has closed.  All but `cancelled` and `jobs` belongs to the engine's
 * thread once the first job is submitted. */
struct exchange {
    struct httpd_request *http;
    struct request request;
    struct reply_head head;
    struct reply_choice *choices;
    size_t n_choices, ended;
    struct reply_usage usage;
    int status; /* 200, or of the fault that ended a reply */
    bool answered;
    char message[256];
    atomic_bool cancelled;
    atomic_int jobs; /* open ones, and one for exchange_begin */
};

/* One prompt's share, the context of its job. */
struct part {
    struct exchange *exchange;
    int first; /* its first choice */
};

void exchange_refuse(struct httpd_request *http, const struct api_problem *problem)
{
    struct buf body = BUF;
    api_problem_write(problem, &body);
    httpd_reply(http, problem->status, "application/json", buf_view(&body));
    buf_free(&body);
}

static void exchange_free(struct exchange *x)
{
    for (size_t i = 0; i < x->n_choices; i++)
        reply_choice_free(&x->choices[i]);
    mem_free(x->choices);
    request_free(&x->request);
    httpd_release(x->http);
    mem_free(x);
}

/* -- the end --------------------------------------------------------------------------------- */

static void answer_fault(struct exchange *x)
{
    struct api_problem problem;
    struct buf body = BUF;
    if (x->status == 400)
        api_problem_set(&problem, 400, "invalid_request_error", "response_format", "%s",
                        x->message);
    else
        api_problem_set(&problem, x->status, "server_error", NULL, "%s", x->message);
    if (x->request.stream) {
        buf_str(&body, "data: ");
        api_problem_write(&problem, &body);
        buf_str(&body, "\n\n");
        httpd_add(x->http, buf_view(&body));
        httpd_end(x->http);
        buf_free(&body);
    } else {
        exchange_refuse(x->http, &problem);
    }
}

static void answer(struct exchange *x)
{
    struct buf body = BUF;
    x->answered = true;
    if (x->status != 200) {
        answer_fault(x);
        return;
    }
    if (x->request.stream) {
        if (x->request.include_usage)
            reply_usage(&x->head, &x->usage, &body);
        reply_last(&body);
        httpd_add(x->http, buf_view(&body));
        httpd_end(x->http);
    } else {
        reply_whole(&x->head, x->choices, x->n_choices, &x->usage, &body);
        httpd_reply(x->http, 200, "application/json", buf_view(&body));
    }
    buf_free(&body);
}

static void fail(struct exchange *x, int status, const char *message)
{
    x->status = status;
    (void)snprintf(x->message, sizeof x->message, "%s", message);
}

/* The HTTP status of a reply that ended in a fault; 0: it did not. */
static int fault_status(enum engine_finish finish)
{
    switch (finish) {
    case FINISH_IMPOSSIBLE: return 400;
    case FINISH_ERROR: return 500;
    case FINISH_CANCELLED: return 503;
    case FINISH_NONE:
    case FINISH_STOP:
    case FINISH_LENGTH: break;
    }
    return 0;
}

/* The last job is over.  One that the engine gave up before it began has told nothing. */
static void let_go(struct exchange *x)
{
    if (atomic_fetch_sub(&x->jobs, 1) != 1)
        return;
    if (!x->answered) {
        fail(x, 503, "the server is shutting down");
        answer(x);
    }
    exchange_free(x);
}

/* -- events, on the engine's thread --------------------------------------------------------- */

static void stream_event(struct exchange *x, const struct engine_event *event)
{
    struct buf body = BUF;
    reply_event(&x->head, event, &body);
    if (body.len != 0)
        httpd_add(x->http, buf_view(&body));
    buf_free(&body);
}

static bool wanted(void *context)
{
    const struct part *part = context;
    return !atomic_load(&part->exchange->cancelled) && !httpd_gone(part->exchange->http);
}

static bool on_event(void *context, const struct engine_event *event)
{
    struct part *part = context;
    struct exchange *x = part->exchange;
    struct engine_event named = *event;
    named.choice += part->first;
    if (fault_status(event->finish) != 0) {
        fail(x, fault_status(event->finish),
             event->message != NULL ? event->message : "the reply was cancelled");
    } else if (x->request.stream) {
        stream_event(x, &named);
    } else {
        reply_gather(&x->head, &x->choices[named.choice], &named);
    }
    if (event->finish != FINISH_NONE) {
        x->usage.completion += event->completion_tokens;
        if (++x->ended == x->n_choices)
            answer(x);
    }
    return wanted(part);
}

static void on_close(void *context)
{
    struct part *part = context;
    struct exchange *x = part->exchange;
    mem_free(part);
    let_go(x);
}

/* -- the beginning --------------------------------------------------------------------------- */

static void name_reply(struct exchange *x, const struct served *served)
{
    static atomic_uint counter;
    const bool chat = x->request.kind == REQUEST_CHAT;
    x->head = (struct reply_head){.kind = x->request.kind,
                                  .created = clock_wall_ms() / 1000,
                                  .model = served->name,
                                  .tokenizer = served->tokenizer,
                                  .logprobs = x->request.job.want_logprobs,
                                  .top = x->request.job.top};
    (void)snprintf(x->head.id, sizeof x->head.id, "%s-%llx%04x", chat ? "chatcmpl" : "cmpl",
                   (unsigned long long)clock_wall_ms(), atomic_fetch_add(&counter, 1) & 0xFFFF);
}

/* Room for every choice; with echo each begins with its prompt. */
static void prepare_choices(struct exchange *x)
{
    const size_t each = (size_t)x->request.job.choices;
    x->n_choices = each * x->request.n_prompts;
    x->choices = mem_zero(x->n_choices, sizeof *x->choices);
    for (size_t i = 0; i < x->n_choices; i++) {
        reply_choice_init(&x->choices[i]);
        if (x->request.echo)
            buf_slice(&x->choices[i].text, buf_view(&x->request.prompts[i / each].text));
    }
}

/* The first chunks stand in front of whatever the engine adds. */
static void prepare_stream(struct exchange *x)
{
    struct buf body = BUF;
    for (size_t i = 0; i < x->n_choices; i++) {
        const struct engine_event echo = {.choice = (int)i, .text = buf_view(&x->choices[i].text)};
        reply_first(&x->head, (int)i, &body);
        if (x->request.echo)
            reply_event(&x->head, &echo, &body);
    }
    httpd_add(x->http, buf_view(&body));
    buf_free(&body);
}

static int submit(struct exchange *x, struct engine *engine, size_t prompt,
                  struct api_problem *problem)
{
    const struct tokens *ids = &x->request.prompts[prompt].ids;
    struct part *part = mem_zero(1, sizeof *part);
    struct engine_job job = x->request.job;
    struct error error = {0};
    part->exchange = x;
    part->first = (int)prompt * job.choices;
    job.prompt = ids->ids;
    job.prompt_tokens = (int32_t)ids->n;
    job.wanted = wanted;
    job.on_event = on_event;
    job.on_close = on_close;
    job.context = part;
    if (request_grammar(&x->request, &job.grammar, problem) != 0) {
        mem_free(part);
        return -1;
    }
    atomic_fetch_add(&x->jobs, 1);
    if (engine_submit(engine, &job, &error) == 0)
        return 0;
    atomic_fetch_sub(&x->jobs, 1);
    grammar_free(job.grammar);
    mem_free(part);
    return api_problem_set(problem, error.code == ERROR_BUSY ? 503 : 400,
                           error.code == ERROR_BUSY ? "server_error" : "invalid_request_error",
                           NULL, "%s", error.text);
}

int exchange_begin(struct engine *engine, const struct served *served, struct request *request,
                   struct httpd_request *http)
{
    struct exchange *x = mem_zero(1, sizeof *x);
    struct api_problem problem;
    struct grammar *probe = NULL;
    int status = 200;
    x->request = *request;
    *request = (struct request){.kind = request->kind};
    x->http = http;
    x->status = 200;
    httpd_hold(http);
    atomic_store(&x->jobs, 1);
    name_reply(x, served);
    prepare_choices(x);
    for (size_t i = 0; i < x->request.n_prompts; i++)
        x->usage.prompt += (int64_t)x->request.prompts[i].ids.n;
    if (request_grammar(&x->request, &probe, &problem) != 0)
        status = problem.status;
    grammar_free(probe);
    if (x->request.stream)
        prepare_stream(x);
    for (size_t i = 0; i < x->request.n_prompts && status == 200; i++)
        if (submit(x, engine, i, &problem) != 0)
            status = problem.status;
    if (status == 200 && x->request.stream)
        httpd_stream(http, 200, "text/event-stream");
    if (status != 200) {
        atomic_store(&x->cancelled, true);
        exchange_refuse(http, &problem);
    }
    let_go(x);
    return status;
}
