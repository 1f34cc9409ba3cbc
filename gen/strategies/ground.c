/*
 * ground: questions and answers from documents.  An answer counts only with a quotation that
 * supports it and occurs in the document, white space aside.
 *
 *   document ─► pieces ─► questions (a list) ─► answer with quote ─► the quote occurs? ─► row
 */
#include "core/mem.h"
#include "gen/chain.h"
#include "gen/reply_list.h"
#include "gen/strategies/strategies.h"
#include "gen/walk.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int ground_open(struct gen *g, void **state, struct error *error)
{
    static const char *const members[] = {"text", "document", "content", "output", NULL};
    struct walk *w = mem_zero(1, sizeof *w);
    *state = w;
    return walk_open(g, w, "prompts", members, error);
}

/* Where a piece of at most `most` bytes ends: behind the last paragraph in its second half, else
 * the last sentence, else the last word, else between two characters. */
static size_t piece_end(struct slice text, size_t most)
{
    static const char *const ends[] = {"\n\n", "\n", ". ", " ", NULL};
    if (text.len <= most)
        return text.len;
    for (int k = 0; ends[k]; k++) {
        size_t n = strlen(ends[k]);
        for (size_t i = most - n; i > most / 2; i--)
            if (!memcmp(text.data + i, ends[k], n))
                return i + n;
    }
    while (most > 1 && (text.data[most] & 0xC0) == 0x80)
        most--;
    return most;
}

static int ask_piece(struct gen *g, struct json *chain, struct slice piece, struct slice source,
                     struct error *error)
{
    struct buf count = BUF;
    buf_printf(&count, "%" PRId64, chain_setting(g, "ground.questions"));
    struct gen_field fields[] = {{"text", piece}, {"count", buf_view(&count)}};
    struct chain_ask ask = {.step = "questions",
                            .template = "ground-questions",
                            .fields = fields,
                            .n = 2,
                            .source = source};
    json_put_string(chain, "piece", piece);
    int rc = chain_ask(g, &ask, chain, error);
    buf_free(&count);
    return rc;
}

static void refuse(struct gen *g, struct slice source)
{
    struct buf why = BUF_MAX(400);
    buf_slice(&why, source);
    buf_str(&why, ": expected a document in \"text\"");
    gen_bad_line(g, buf_text(&why));
    buf_free(&why);
}

static int ask_line(struct gen *g, void *state, const struct prompt_line *line, struct slice source,
                    struct error *error)
{
    struct prompt_line rest = *line;
    rest.instruction = (struct slice){NULL, 0};
    struct slice text = line->instruction;
    size_t at = 0;
    int rc = 0;
    (void)state;
    if (!slice_trim(text).len) {
        refuse(g, source);
        return 0;
    }
    struct json *chain = chain_begin(&rest);
    while (at < text.len && !rc) {
        struct slice left = slice_sub(text, at, text.len);
        size_t n = piece_end(left, (size_t)chain_setting(g, "ground.chunk"));
        json_put_integer(chain, "offset", (int64_t)at);
        if (slice_trim(slice_sub(left, 0, n)).len)
            rc = ask_piece(g, chain, slice_sub(left, 0, n), source, error);
        at += n;
    }
    json_free(chain);
    return rc;
}

static int ground_plan(struct gen *g, void *state, struct error *error)
{
    return walk_plan(g, state, ask_line, error);
}

/* ---- hearing --------------------------------------------------------------------------------- */

static int on_questions(struct gen *g, const struct gen_answer *a, struct json *chain,
                        struct error *error)
{
    struct reply_list list;
    int rc = 0;
    reply_list_read(a->choice->text, &list);
    size_t n = list.n < (size_t)chain_setting(g, "ground.questions")
                   ? list.n
                   : (size_t)chain_setting(g, "ground.questions");
    if (n && slice_is(a->choice->finish_reason, "length"))
        n--;
    for (size_t k = 0; k < n && !rc; k++) {
        struct gen_field fields[] = {{"text", chain_text(chain, "piece")},
                                     {"question", list.items[k].text}};
        struct chain_ask ask = {.step = "answer",
                                .template = "ground-answer",
                                .fields = fields,
                                .n = 2,
                                .source = a->prompt.source,
                                .parent = a->request};
        json_put_string(chain, "question", list.items[k].text);
        rc = list.items[k].text.len ? chain_ask(g, &ask, chain, error) : 0;
    }
    if (!n)
        gen_reject(g, "the reply is no list of questions");
    reply_list_free(&list);
    return rc;
}

/* Where the quotation stands in the text, any run of white space being equal to any other; false:
 * nowhere. */
static bool find_quote(struct slice text, struct slice quote, size_t *from, size_t *to)
{
    for (size_t start = 0; start < text.len; start++) {
        size_t i = start, k = 0;
        while (i < text.len && k < quote.len) {
            bool space = isspace((unsigned char)quote.data[k]);
            if (space != (isspace((unsigned char)text.data[i]) != 0) ||
                (!space && text.data[i] != quote.data[k]))
                break;
            i++;
            k++;
            while (space && i < text.len && isspace((unsigned char)text.data[i]))
                i++;
            while (space && k < quote.len && isspace((unsigned char)quote.data[k]))
                k++;
        }
        if (k == quote.len) {
            *from = start;
            *to = i;
            return true;
        }
    }
    return false;
}

static int put_row(struct gen *g, const struct json *chain, const struct reply_item *item,
                   const size_t span[2], struct error *error)
{
    struct json *about = json_new_object();
    struct buf meta = BUF;
    bool context = json_true(gen_setting(g, "ground.context"));
    int64_t offset = chain_integer(chain, "offset");
    json_put_string(about, "quote", item->quote);
    json_put_integer(about, "quote_from", offset + (int64_t)span[0]);
    json_put_integer(about, "quote_to", offset + (int64_t)span[1]);
    json_put_string(about, "document", chain_text(chain, "name"));
    chain_meta(chain, about, &meta);
    struct gen_row row = {.instruction = chain_text(chain, "question"),
                          .input = context ? chain_text(chain, "piece") : SLICE(""),
                          .output = item->output,
                          .meta = buf_view(&meta)};
    int rc = gen_row(g, &row, error);
    json_free(about);
    buf_free(&meta);
    return rc;
}

static int on_answer(struct gen *g, const struct gen_answer *a, const struct json *chain,
                     struct error *error)
{
    struct reply_list list;
    size_t span[2];
    int rc = 0;
    reply_list_read(a->choice->text, &list);
    const struct reply_item *item = list.n ? &list.items[0] : NULL;
    if (!item || !item->output.len)
        gen_reject(g, "the reply has no answer");
    else if ((int64_t)item->quote.len < chain_setting(g, "ground.quote"))
        gen_reject(g, "the answer has no quotation long enough");
    else if (!find_quote(chain_text(chain, "piece"), item->quote, &span[0], &span[1]))
        gen_reject(g, "the quotation does not occur in the document");
    else
        rc = put_row(g, chain, item, span, error);
    reply_list_free(&list);
    return rc;
}

static int ground_answer(struct gen *g, void *state, const struct gen_answer *a,
                         struct error *error)
{
    (void)state;
    if (!a->choice)
        return 0;
    struct json *chain = chain_state(a);
    int rc = !strcmp(a->step, "questions") ? on_questions(g, a, chain, error)
                                           : on_answer(g, a, chain, error);
    json_free(chain);
    return rc;
}

static struct gen_follow ground_follow(struct gen *g, const void *state, const char *step,
                                       int64_t planned)
{
    int64_t n = strcmp(step, "answer") ? 0 : planned * chain_setting(g, "ground.questions");
    (void)state;
    return (struct gen_follow){n, n};
}

static const char *const steps[] = {"questions", "answer", NULL};
static const char *const templates[] = {"ground-questions", "ground-answer", NULL};

const struct gen_strategy strategy_ground = {
    .name = "ground",
    .about = "questions and answers from documents, with quotations that are checked",
    .version = 1,
    .templates = templates,
    .steps = steps,
    .needs = NET_CHAT,
    .open = ground_open,
    .plan = ground_plan,
    .answer = ground_answer,
    .count = walk_count,
    .follow = ground_follow,
    .position = walk_position,
    .seek = walk_seek,
    .close = walk_close,
};
