#include "serve/request.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/mem.h"
#include "serve/grammar_json.h"
#include "serve/request_prompt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int api_problem_set(struct api_problem *p, int status, const char *type, const char *param,
                    const char *format, ...)
{
    va_list ap;
    p->status = status;
    p->type = type;
    p->code = NULL;
    (void)snprintf(p->param, sizeof p->param, "%s", param != NULL ? param : "");
    va_start(ap, format);
    (void)vsnprintf(p->message, sizeof p->message, format, ap);
    va_end(ap);
    return -1;
}

void api_problem_write(const struct api_problem *p, struct buf *out)
{
    buf_str(out, "{\"error\":{\"message\":");
    json_quote(slice_of(p->message), JSON_REPAIR, out);
    buf_printf(out, ",\"type\":\"%s\",\"param\":", p->type);
    if (p->param[0] != '\0')
        json_quote(slice_of(p->param), 0, out);
    else
        buf_str(out, "null");
    if (p->code != NULL)
        buf_printf(out, ",\"code\":\"%s\"}}", p->code);
    else
        buf_str(out, ",\"code\":null}}");
}

int api_problem_field(struct api_problem *p, const char *param, const char *what)
{
    return api_problem_set(p, 400, "invalid_request_error", param, "%s: %s", param, what);
}

/* -- numbers --------------------------------------------------------------------------------- */

static bool absent(const struct json *body, const char *name)
{
    const enum json_type type = json_type(json_get(body, name));
    return type == JSON_ABSENT || type == JSON_NULL;
}

struct number_field {
    const char *name;
    double least, most;
};

static int read_number(const struct json *body, struct number_field f, double *out,
                       struct api_problem *p)
{
    const struct json *node = json_get(body, f.name);
    if (absent(body, f.name))
        return 0;
    if (json_type(node) != JSON_NUMBER || !(json_number(node, (double)NAN) >= f.least) ||
        json_number(node, (double)NAN) > f.most)
        return api_problem_set(p, 400, "invalid_request_error", f.name,
                               "%s: expected a number from %g to %g", f.name, f.least, f.most);
    *out = json_number(node, 0);
    return 0;
}

static int read_integer(const struct json *body, struct number_field f, int32_t *out,
                        struct api_problem *p)
{
    int64_t value;
    if (absent(body, f.name))
        return 0;
    if (json_integer(json_get(body, f.name), &value) != 0 || (double)value < f.least ||
        (double)value > f.most)
        return api_problem_set(p, 400, "invalid_request_error", f.name,
                               "%s: expected an integer from %.0f to %.0f", f.name, f.least,
                               f.most);
    *out = (int32_t)value;
    return 0;
}

static int read_flag(const struct json *body, const char *name, bool *out, struct api_problem *p)
{
    const enum json_type type = json_type(json_get(body, name));
    if (absent(body, name))
        return 0;
    if (type != JSON_TRUE && type != JSON_FALSE)
        return api_problem_field(p, name, "expected true or false");
    *out = type == JSON_TRUE;
    return 0;
}

/* -- sampling -------------------------------------------------------------------------------- */

static int read_sampling(struct request *r, struct api_problem *p)
{
    struct engine_job *job = &r->job;
    struct sampling *s = &job->sampling;
    int64_t seed;
    *s = (struct sampling){.temperature = 1, .top_p = 1, .repetition_penalty = 1};
    if (read_number(r->body, (struct number_field){"temperature", 0, 2}, &s->temperature, p) != 0 ||
        read_number(r->body, (struct number_field){"top_p", 0, 1}, &s->top_p, p) != 0 ||
        read_number(r->body, (struct number_field){"min_p", 0, 1}, &s->min_p, p) != 0 ||
        read_integer(r->body, (struct number_field){"top_k", -1, 1e6}, &s->top_k, p) != 0 ||
        read_number(r->body, (struct number_field){"repetition_penalty", 0.01, 10},
                    &s->repetition_penalty, p) != 0 ||
        read_number(r->body, (struct number_field){"presence_penalty", -2, 2},
                    &job->presence_penalty, p) != 0 ||
        read_number(r->body, (struct number_field){"frequency_penalty", -2, 2},
                    &job->frequency_penalty, p) != 0 ||
        read_flag(r->body, "ignore_eos", &job->ignore_eos, p) != 0)
        return -1;
    if (s->top_k < 0)
        s->top_k = 0;
    if (absent(r->body, "seed")) {
        const int64_t now = clock_ns();
        s->seed = hash64(&now, sizeof now, (uint64_t)clock_wall_ms());
        return 0;
    }
    if (json_integer(json_get(r->body, "seed"), &seed) != 0)
        return api_problem_field(p, "seed", "expected an integer");
    s->seed = (uint64_t)seed;
    return 0;
}

static int read_bias(struct request *r, struct api_problem *p)
{
    const struct json *bias = json_get(r->body, "logit_bias");
    if (absent(r->body, "logit_bias"))
        return 0;
    if (json_type(bias) != JSON_OBJECT || json_count(bias) > ENGINE_BIAS_MAX)
        return api_problem_field(p, "logit_bias", "expected an object of at most 300 token ids");
    for (const struct json *b = json_first(bias); b != NULL; b = json_next(b)) {
        const double value = json_number(b, (double)NAN);
        int32_t id;
        char end;
        if (sscanf(json_key(b), "%d%c", &id, &end) != 1 || !(fabs(value) <= 100))
            return api_problem_field(p, "logit_bias",
                                     "expected token ids with numbers from -100 to 100");
        r->job.bias[r->job.n_bias++] = (struct engine_bias){id, (float)value};
    }
    return 0;
}

/* -- stops and lengths ----------------------------------------------------------------------- */

static int add_stop(struct request *r, const struct json *stop, struct api_problem *p)
{
    const struct slice text = json_string(stop);
    if (text.data == NULL || text.len == 0 || r->job.n_stops == ENGINE_STOPS_MAX)
        return api_problem_field(p, "stop",
                                 "expected a text or a list of at most 16 texts, none empty");
    r->job.stops[r->job.n_stops++] = text;
    return 0;
}

static int read_stops(struct request *r, struct api_problem *p)
{
    const struct json *stop = json_get(r->body, "stop");
    if (absent(r->body, "stop"))
        return 0;
    if (json_type(stop) != JSON_ARRAY)
        return add_stop(r, stop, p);
    for (const struct json *s = json_first(stop); s != NULL; s = json_next(s))
        if (add_stop(r, s, p) != 0)
            return -1;
    return 0;
}

static int read_lengths(struct request *r, const struct served *served, struct api_problem *p)
{
    const struct number_field tokens = {"max_tokens", 0, 1e9};
    const struct number_field completion = {"max_completion_tokens", 0, 1e9};
    r->job.max_tokens = r->kind == REQUEST_CHAT ? served->capacity : 16;
    r->job.choices = 1;
    if (read_integer(r->body, tokens, &r->job.max_tokens, p) != 0 ||
        read_integer(r->body, completion, &r->job.max_tokens, p) != 0 ||
        read_integer(r->body, (struct number_field){"n", 1, REQUEST_CHOICES_MAX}, &r->job.choices,
                     p) != 0)
        return -1;
    return 0;
}

static int read_logprobs(struct request *r, struct api_problem *p)
{
    int32_t top = -1;
    if (r->kind == REQUEST_CHAT) {
        if (read_flag(r->body, "logprobs", &r->job.want_logprobs, p) != 0 ||
            read_integer(r->body, (struct number_field){"top_logprobs", 0, ENGINE_TOP_MAX}, &top,
                         p) != 0)
            return -1;
        if (top >= 0 && !r->job.want_logprobs)
            return api_problem_field(p, "top_logprobs", "needs logprobs: true");
    } else {
        if (read_integer(r->body, (struct number_field){"logprobs", 0, ENGINE_TOP_MAX}, &top, p) !=
            0)
            return -1;
        r->job.want_logprobs = top >= 0;
    }
    r->job.top = top > 0 ? top : 0;
    return 0;
}

static int read_stream(struct request *r, struct api_problem *p)
{
    const struct json *options = json_get(r->body, "stream_options");
    if (read_flag(r->body, "stream", &r->stream, p) != 0 ||
        read_flag(r->body, "echo", &r->echo, p) != 0)
        return -1;
    if (!absent(r->body, "stream_options") && json_type(options) != JSON_OBJECT)
        return api_problem_field(p, "stream_options", "expected an object");
    if (r->echo && r->kind == REQUEST_CHAT)
        return api_problem_field(p, "echo", "is offered by /v1/completions alone");
    r->job.score_prompt = r->echo && r->job.want_logprobs;
    return read_flag(options, "include_usage", &r->include_usage, p);
}

/* -- response_format ------------------------------------------------------------------------- */

static int read_format(struct request *r, struct api_problem *p)
{
    const struct json *format = json_get(r->body, "response_format");
    const struct slice type = json_string(json_get(format, "type"));
    const struct json *wrapper = json_get(format, "json_schema");
    if (absent(r->body, "response_format") || slice_is(type, "text"))
        return 0;
    if (slice_is(type, "json_object")) {
        r->json_object = true;
        return 0;
    }
    if (!slice_is(type, "json_schema") || json_type(json_get(wrapper, "schema")) != JSON_OBJECT)
        return api_problem_field(p, "response_format",
                                 "expected {\"type\":\"text\"}, {\"type\":\"json_object\"} or "
                                 "{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{…}}}");
    r->schema = json_copy(json_get(wrapper, "schema"));
    return 0;
}

int request_grammar(const struct request *r, struct grammar **out, struct api_problem *problem)
{
    struct error error = {0};
    *out = NULL;
    if (r->json_object)
        *out = grammar_json_object();
    else if (r->schema != NULL && (*out = grammar_json_schema(r->schema, &error)) == NULL)
        return api_problem_set(problem, 400, "invalid_request_error", "response_format", "%s",
                               error.text);
    return 0;
}

/* What changes the reply and is not built is refused, never ignored. */
static int check_unsupported(const struct request *r, struct api_problem *p)
{
    static const char *const names[] = {"tools", "functions", "audio", "suffix", "best_of", NULL};
    for (int i = 0; names[i] != NULL; i++) {
        const struct json *node = json_get(r->body, names[i]);
        const bool list = json_type(node) == JSON_ARRAY && json_count(node) == 0;
        if (!absent(r->body, names[i]) && !list && !(i == 4 && json_number(node, 0) <= 1))
            return api_problem_field(p, names[i], "is not supported by this server; leave it out");
    }
    return 0;
}

int request_parse(struct request *r, enum request_kind kind, struct slice body,
                  const struct served *served, struct api_problem *problem)
{
    struct error error = {0};
    *r = (struct request){.kind = kind};
    r->body = json_parse(body, JSON_REPAIR, &error);
    if (r->body == NULL)
        return api_problem_set(problem, 400, "invalid_request_error", NULL,
                               "the body is not JSON: %s", error.text);
    if (json_type(r->body) != JSON_OBJECT)
        return api_problem_set(problem, 400, "invalid_request_error", NULL,
                               "the body must be a JSON object");
    if (check_unsupported(r, problem) != 0 || read_sampling(r, problem) != 0 ||
        read_bias(r, problem) != 0 || read_stops(r, problem) != 0 ||
        read_lengths(r, served, problem) != 0 || read_logprobs(r, problem) != 0 ||
        read_stream(r, problem) != 0 || read_format(r, problem) != 0)
        return -1;
    return request_prompt_read(r, served, problem);
}

void request_free(struct request *r)
{
    for (size_t i = 0; i < r->n_prompts; i++) {
        tokens_free(&r->prompts[i].ids);
        buf_free(&r->prompts[i].text);
    }
    mem_free(r->prompts);
    json_free(r->schema);
    json_free(r->body);
    *r = (struct request){.kind = r->kind};
}
