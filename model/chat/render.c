/*
 * Rendering: run the template, then read from the marks which bytes are whose.
 *
 *     <|im_start|>assistant\n Hello.     <|im_end|> \n
 *     control                 content    control    control
 *                             └ supervised ────────┘
 *
 * A reply's supervised part begins where a generation prompt for it would end (some templates put
 * a blank between the two, or write `<think>` themselves), and ends behind its end-of-turn token.
 */
#include "model/chat/template.h"

#include "core/mem.h"
#include "core/unicode.h"
#include "core/vec.h"

#include <string.h>

enum { END_TOKEN_MAX = 64, RENDERS_MAX = 64, MESSAGES_MAX = 4096 };
#define DATE_DEFAULT INT64_C(1721952000000) /* 2024-07-26, the constant in Llama 3.1's template */

/* --- one run ---------------------------------------------------------------------------- */

struct pass {
    struct jinja j;
    struct jinja_scope scope;
    struct jinja_out page;
};

static void put(struct pass *p, const char *name, struct jinja_value v)
{
    jinja_set(&p->j, &p->scope, slice_of(name), v);
}

static void put_inputs(struct pass *p, const struct chat_input *in, size_t messages, bool prompt)
{
    struct jinja *j = &p->j;
    const struct jinja_mark tool = {0, 0, -1, JF_CONTENT};
    for (const struct json *v = json_first(in->vars); v != NULL; v = json_next(v))
        put(p, json_key(v), jinja_from_json(j, v, NULL));
    put(p, "messages", jinja_messages(j, in->messages, messages));
    put(p, "tools", in->tools != NULL ? jinja_from_json(j, in->tools, &tool) : JINJA_NONE);
    put(p, "documents", JINJA_NONE);
    put(p, "add_generation_prompt", jinja_bool(prompt));
    if (in->bos != NULL)
        put(p, "bos_token", jinja_text(j, in->bos));
    if (in->eos != NULL)
        put(p, "eos_token", jinja_text(j, in->eos));
}

/* Render the first `messages` messages. */
static int run(struct pass *p, const struct chat_template *c, const struct chat_input *in,
               size_t messages, bool prompt, struct error *error)
{
    memset(p, 0, sizeof *p);
    p->j.arena = ARENA;
    p->j.error = error;
    p->j.date_ms = in->date_ms != 0 ? in->date_ms : DATE_DEFAULT;
    p->j.scope = p->j.global = &p->scope;
    p->j.out = p->j.page = &p->page;
    put_inputs(p, in, messages, prompt);
    return p->j.failed ? -1 : jinja_run(&p->j, c->root);
}

static void release(struct pass *p)
{
    arena_free(&p->j.arena);
    jinja_out_free(&p->page);
    mem_free(p->j.generations);
}

/* --- replies ---------------------------------------------------------------------------- */

static struct chat_reply *push_reply(struct chat_render *r, int message, size_t begin, size_t end)
{
    r->replies = vec_reserve(r->replies, &r->replies_cap, r->n_replies + 1, sizeof *r->replies);
    r->replies[r->n_replies] = (struct chat_reply){message, begin, end, begin, end};
    return &r->replies[r->n_replies++];
}

static bool is_assistant(const struct json *message)
{
    return slice_is(json_string(json_get(message, "role")), "assistant");
}

/* Where the message's own bytes stand: from the first to the last; empty ones count where there
 * are no others. */
static bool content_of(const struct jinja_out *page, int message, size_t *begin, size_t *end)
{
    bool found = false, full = false;
    for (size_t i = 0; i < page->n; i++) {
        const struct jinja_mark *m = &page->marks[i];
        bool bytes = m->end > m->begin;
        if (m->message != message || m->field != JF_CONTENT || (full && !bytes))
            continue;
        if (!found || (bytes && !full))
            *begin = m->begin;
        *end = m->end;
        found = true;
        full = full || bytes;
    }
    return found;
}

/* The end of the last content before `at`, and the beginning of the next one behind it. */
static size_t content_before(const struct jinja_out *page, size_t at)
{
    size_t last = 0;
    for (size_t i = 0; i < page->n && page->marks[i].begin < at; i++)
        if (page->marks[i].end <= at)
            last = page->marks[i].end;
    return last;
}

static size_t content_behind(const struct jinja_out *page, size_t at)
{
    for (size_t i = 0; i < page->n; i++)
        if (page->marks[i].begin >= at && page->marks[i].end > page->marks[i].begin)
            return page->marks[i].begin;
    return page->text.len;
}

/* Length of "<|im_end|>" or "</s>" at the front, 0 where the text does not look like one. */
static size_t bracketed(struct slice s)
{
    if (s.len < 2 || s.data[0] != '<')
        return 0;
    for (size_t i = 1; i < s.len && i < END_TOKEN_MAX; i++) {
        if (s.data[i] == '>')
            return i + 1;
        if (s.data[i] == '<' || s.data[i] == '\n' || s.data[i] == ' ')
            break;
    }
    return 0;
}

/* Behind the end-of-turn token that the template writes behind a reply. */
static size_t end_of_turn(const struct jinja_out *page, size_t at, const char *eos)
{
    struct slice rest = {buf_text(&page->text) + at, content_behind(page, at) - at};
    size_t skip = 0;
    while (skip < rest.len && (rest.data[skip] == ' ' || rest.data[skip] == '\n'))
        skip++;
    if (eos != NULL && eos[0] != '\0' && slice_starts(slice_sub(rest, skip, rest.len), eos))
        return at + skip + strlen(eos);
    for (skip = 0; skip < rest.len && rest.data[skip] == ' ';)
        skip++;
    rest = slice_sub(rest, skip, rest.len);
    return bracketed(rest) != 0 ? at + skip + bracketed(rest) : at;
}

/* --- the token that ends a plain reply ----------------------------------------------------- */

static void push_message(struct json *list, const char *role, const char *content)
{
    struct json *m = json_new_object();
    json_put_string(m, "role", slice_of(role));
    json_put_string(m, "content", slice_of(content));
    json_push(list, m);
}

static bool end_literal(const struct chat_template *c, const char *bos, const char *eos,
                        struct buf *out)
{
    struct json *messages = json_new_array();
    struct chat_input in = {.messages = messages, .bos = bos, .eos = eos};
    struct chat_render r = CHAT_RENDER;
    struct error ignored = {0};
    struct slice end = {NULL, 0};
    push_message(messages, "user", "a");
    push_message(messages, "assistant", "b");
    if (chat_render(c, &in, &r, &ignored) == 0 && r.n_replies == 1)
        end = slice_trim(slice_sub(buf_view(&r.text), r.replies[0].end,
                                   r.replies[0].supervised_end - r.replies[0].end));
    buf_slice(out, end);
    chat_render_free(&r);
    json_free(messages);
    return end.len != 0;
}

/* --- where a generation prompt would end --------------------------------------------------- */

/* A message of role and content alone. */
static bool simple(const struct json *message)
{
    return json_count(message) <= 2;
}

/* Nearly every template ends the prompt where the reply begins, which shows in the character
 * before it; then nothing has to be rendered again. */
static bool obvious(const struct json *message, const struct jinja_out *page, size_t begin)
{
    char before = begin > 0 ? page->text.data[begin - 1] : '\n';
    return simple(message) && (before == '\n' || before == '>' || before == ']');
}

static size_t common(struct slice a, struct slice b)
{
    size_t n = 0;
    while (n < a.len && n < b.len && a.data[n] == b.data[n])
        n++;
    while (n > 0 && n < a.len && ((unsigned char)a.data[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* As far as the prompt for this reply and the whole text agree, if only text of the template lies
 * between there and the reply. */
static size_t prompt_end(const struct chat_template *c, const struct chat_input *in,
                         const struct jinja_out *page, const struct chat_reply *reply)
{
    struct pass p;
    struct error ignored = {0};
    size_t end = reply->begin, n;
    if (run(&p, c, in, (size_t)reply->message, true, &ignored) == 0) {
        n = common(buf_view(&p.page.text), buf_view(&page->text));
        if (n < end && n >= content_before(page, reply->begin))
            end = n;
    }
    release(&p);
    return end;
}

/* The end of a turn that closes with more than the token (a tool call's brackets): behind the
 * token that ends a plain reply. */
static size_t end_of_calls(const struct chat_template *c, const struct chat_input *in,
                           const struct jinja_out *page, size_t at)
{
    struct slice rest = {buf_text(&page->text) + at, content_behind(page, at) - at};
    struct buf end = BUF_MAX(END_TOKEN_MAX * 4);
    size_t found = rest.len;
    if (end_literal(c, in->bos, in->eos, &end))
        found = slice_find(rest, buf_view(&end));
    at = found < rest.len ? at + found + end.len : end_of_turn(page, at, in->eos);
    buf_free(&end);
    return at;
}

/* Replies with the same text of the template in front of them begin alike: of those only the first
 * is looked into by rendering.  `renders` bounds the others. */
struct seeker {
    struct slice literal;
    size_t gap;
    int renders;
};

static size_t seek_begin(struct seeker *s, const struct chat_template *c,
                         const struct chat_input *in, const struct jinja_out *page,
                         const struct chat_reply *reply)
{
    size_t before = content_before(page, reply->begin);
    struct slice literal = {buf_text(&page->text) + before, reply->begin - before};
    if (s->literal.data != NULL && slice_equal(literal, s->literal))
        return reply->begin - s->gap;
    if (++s->renders > RENDERS_MAX)
        return reply->begin;
    s->literal = literal;
    s->gap = reply->begin - prompt_end(c, in, page, reply);
    return reply->begin - s->gap;
}

static void find_replies(const struct chat_template *c, const struct chat_input *in,
                         const struct jinja_out *page, struct chat_render *out)
{
    struct seeker seeker = {.renders = 0};
    int n = 0;
    for (const struct json *m = json_first(in->messages); m != NULL; m = json_next(m), n++) {
        struct chat_reply *reply;
        size_t begin = 0, end = 0;
        if (!is_assistant(m) || !content_of(page, n, &begin, &end))
            continue;
        reply = push_reply(out, n, begin, end);
        if (!obvious(m, page, begin))
            reply->supervised_begin = seek_begin(&seeker, c, in, page, reply);
        reply->supervised_end =
            simple(m) ? end_of_turn(page, end, in->eos) : end_of_calls(c, in, page, end);
    }
}

/* The template says itself what is learned. */
static void take_generations(const struct pass *p, struct chat_render *out)
{
    for (size_t i = 0; i < p->j.n_generations; i++) {
        struct jinja_range r = p->j.generations[i];
        int message = -1;
        for (size_t k = 0; k < p->page.n; k++)
            if (p->page.marks[k].begin >= r.begin && p->page.marks[k].end <= r.end)
                message = p->page.marks[k].message;
        push_reply(out, message, r.begin, r.end);
    }
}

/* --- spans ------------------------------------------------------------------------------ */

static void push_span(struct chat_render *r, struct chat_span span)
{
    struct chat_span *last = r->n != 0 ? &r->spans[r->n - 1] : NULL;
    if (span.begin == span.end)
        return;
    if (last != NULL && last->kind == span.kind && last->supervised == span.supervised &&
        last->message == span.message) {
        last->end = span.end;
        return;
    }
    r->spans = vec_reserve(r->spans, &r->cap, r->n + 1, sizeof *r->spans);
    r->spans[r->n++] = span;
}

/* The reply whose supervised part holds `at`, or begins next. */
static const struct chat_reply *reply_at(const struct chat_render *r, size_t at, size_t *next)
{
    const struct chat_reply *found = NULL;
    for (size_t i = 0; i < r->n_replies; i++) {
        const struct chat_reply *x = &r->replies[i];
        if (at >= x->supervised_begin && at < x->supervised_end)
            found = x;
        else if (x->supervised_begin > at && x->supervised_begin < *next)
            *next = x->supervised_begin;
    }
    if (found != NULL && found->supervised_end < *next)
        *next = found->supervised_end;
    return found;
}

static void cut_spans(const struct jinja_out *page, struct chat_render *out)
{
    size_t at = 0, mark = 0, len = page->text.len;
    while (at < len) {
        struct chat_span span = {.begin = at, .end = len, .kind = CHAT_CONTROL, .message = -1};
        const struct chat_reply *reply = reply_at(out, at, &span.end);
        const struct jinja_mark *m;
        while (mark < page->n && page->marks[mark].end <= at)
            mark++;
        m = mark < page->n ? &page->marks[mark] : NULL;
        if (m != NULL && m->begin <= at) {
            span.kind = CHAT_CONTENT;
            span.message = m->message;
            span.end = m->end < span.end ? m->end : span.end;
        } else if (m != NULL && m->begin < span.end) {
            span.end = m->begin;
        }
        span.supervised = reply != NULL;
        if (reply != NULL && span.message < 0)
            span.message = reply->message;
        push_span(out, span);
        at = span.end;
    }
}

/* --- the public face -------------------------------------------------------------------- */

static void clear(struct chat_render *r)
{
    buf_clear(&r->text);
    r->n = r->n_replies = 0;
}

int chat_render(const struct chat_template *c, const struct chat_input *in, struct chat_render *out,
                struct error *error)
{
    struct pass p;
    int rc = -1;
    clear(out);
    if (json_count(in->messages) > MESSAGES_MAX)
        return error_set(error, ERROR_LIMIT, "a conversation of %zu messages: more than %d",
                         json_count(in->messages), MESSAGES_MAX);
    if (run(&p, c, in, SIZE_MAX, in->generation_prompt, error) != 0) {
        error_wrap(error, "chat template");
        goto done;
    }
    if (buf_slice(&out->text, buf_view(&p.page.text)) != 0) {
        error_set(error, ERROR_LIMIT, "chat template: the text is longer than %zu bytes",
                  out->text.max);
        goto done;
    }
    if (c->generation)
        take_generations(&p, out);
    else
        find_replies(c, in, &p.page, out);
    cut_spans(&p.page, out);
    rc = 0;
done:
    release(&p);
    if (rc != 0)
        clear(out);
    return rc;
}

void chat_render_free(struct chat_render *r)
{
    buf_free(&r->text);
    mem_free(r->spans);
    mem_free(r->replies);
    *r = CHAT_RENDER;
}

static char *piece_text(const struct tokenizer *t, int32_t id)
{
    struct slice piece = t != NULL ? tokenizer_piece(t, id) : (struct slice){NULL, 0};
    return piece.data != NULL ? mem_strndup(piece.data, piece.len) : NULL;
}

bool chat_template_end(const struct chat_template *c, const struct tokenizer *t, struct buf *out)
{
    char *bos = piece_text(t, t != NULL ? tokenizer_bos(t) : -1);
    char *eos = piece_text(t, t != NULL ? tokenizer_eos(t) : -1);
    bool found = end_literal(c, bos, eos, out);
    mem_free(bos);
    mem_free(eos);
    return found;
}
