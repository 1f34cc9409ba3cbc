/* Rules that look at all rows, scores and selection: against plain loops over all pairs, the same
 * for any number of threads and order of rows, increments, and what a recipe can get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/json.h"
#include "core/rng.h"
#include "core/rouge.h"
#include "filter/filter.h"
#include "model/safetensors.h"
#include "tests/corpus/scratch.h"
#include "tests/filter/staging.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 150, WORDS = 40, WIDTH = 24 };

struct text {
    char name[24], instruction[200], output[400];
};

static void words(struct rng *r, char *to, size_t n, uint32_t vocabulary)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const char first = (char)('a' + rng_below(r, vocabulary));
        const char second = (char)('a' + rng_below(r, 2));
        at += (size_t)snprintf(to + at, 8, "%sw%c%c", i > 0 ? " " : "", first, second);
    }
}

/* The words in another order: the same embedding, other shingles. */
static void turn(char *text)
{
    char *middle = strchr(text + strlen(text) / 2, ' ');
    char copy[400];
    (void)snprintf(copy, sizeof copy, "%s %.*s", middle + 1, (int)(middle - text), text);
    memcpy(text, copy, strlen(copy) + 1);
}

static struct text *make_rows(void)
{
    struct text *t = calloc(ROWS, sizeof *t);
    struct rng r = rng_new(7, 7);
    for (size_t i = 0; i < ROWS; i++) {
        (void)snprintf(t[i].name, sizeof t[i].name, "r%zu", i);
        words(&r, t[i].instruction, 6 + rng_below(&r, 6), 20);
        words(&r, t[i].output, 20 + rng_below(&r, 40), 20);
        if (i >= 100 && i % 2 == 0) { /* a paraphrase of an earlier row */
            memcpy(t[i].instruction, t[i - 100].instruction, sizeof t[i].instruction);
            memcpy(t[i].output, t[i - 100].output, sizeof t[i].output);
            turn(t[i].instruction);
            turn(t[i].output);
        } else if (i >= 100) { /* an earlier prompt with one word more, and another answer */
            (void)snprintf(t[i].instruction, sizeof t[i].instruction, "%.180s wxx",
                           t[i - 100].instruction);
        }
    }
    return t;
}

static void add(struct corpus *c, const struct text *t)
{
    struct error e;
    char meta[32];
    (void)snprintf(meta, sizeof meta, "{\"topic\":%d}", t->name[1] % 3);
    struct sample s = {.name = slice_of(t->name),
                       .source = SLICE("test"),
                       .instruction = slice_of(t->instruction),
                       .output = slice_of(t->output),
                       .meta = slice_of(meta)};
    assert_int_equal(samples_add(c, &s, &e), 1);
}

static struct corpus *fill(void **state, const char *name, const struct text *rows, size_t n)
{
    struct corpus *c = make(scratch_path(state, name));
    for (size_t i = 0; i < n; i++)
        add(c, &rows[i]);
    return c;
}

/* A static embedding model of the words, with random vectors; its folder. */
static const char *make_model(void **state)
{
    const char *dir = scratch_path(state, "static");
    struct buf vocab = BUF, text = BUF;
    struct error e = {ERROR_NONE, ""};
    float v[(WORDS + 4) * WIDTH];
    struct rng r = rng_new(5, 5);
    size_t n = 2;
    buf_str(&vocab, "\"[UNK]\":0,\"wxx\":1");
    for (char a = 'a'; a < 'a' + 20; a++)
        for (char b = 'a'; b < 'c'; b++)
            buf_printf(&vocab, ",\"w%c%c\":%zu", a, b, n++);
    buf_printf(&vocab, ",\"7\":%zu,\"8\":%zu", n, n + 1);
    n += 2;
    buf_printf(&text,
               "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0,\"content\":\"[UNK]\",\"special\":"
               "true}],\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,"
               "\"handle_chinese_chars\":true,\"strip_accents\":null,\"lowercase\":true},"
               "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"post_processor\":null,"
               "\"decoder\":null,\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\","
               "\"continuing_subword_prefix\":\"##\",\"max_input_chars_per_word\":100,"
               "\"vocab\":{%s}}}",
               buf_text(&vocab));
    for (size_t i = 0; i < n * WIDTH; i++)
        v[i] = (float)rng_normal(&r);
    memcpy(v + (n - 1) * WIDTH, v + (n - 2) * WIDTH, WIDTH * sizeof *v); /* 7 and 8 mean the same */
    assert_int_equal(file_make_dir(dir, &e), 0);
    char *path = file_join(dir, "tokenizer.json");
    assert_int_equal(file_replace(path, buf_view(&text), &e), 0);
    mem_free(path);
    path = file_join(dir, "config.json");
    assert_int_equal(file_replace(path, SLICE("{\"normalize\":true}"), &e), 0);
    mem_free(path);
    path = file_join(dir, "model.safetensors");
    const struct safetensors_spec spec = {.name = "embeddings",
                                          .type = DTYPE_F32,
                                          .dims = 2,
                                          .shape = {(int64_t)n, WIDTH}};
    struct safetensors_writer *w = safetensors_create(path, &spec, 1, &e);
    assert_non_null(w);
    assert_int_equal(safetensors_put(w, v, n * WIDTH, &e), 0);
    assert_int_equal(safetensors_commit(w, &e), 0);
    mem_free(path);
    buf_free(&vocab);
    buf_free(&text);
    return dir;
}

enum { SETS = 12 };

static int try_run(struct corpus *c, const char *const *sets, const struct filter_options *o,
                   struct error *e)
{
    struct buf report = BUF;
    size_t n = 0;
    while (sets[n] != NULL)
        n++;
    struct recipe *r = recipe_load(NULL, sets, n, NULL, e);
    if (r == NULL)
        fail_msg("%s", e->text);
    const int rc = filter_run(r, c, o, NULL, &report, e);
    recipe_free(r);
    buf_free(&report);
    return rc;
}

static void run_sets(struct corpus *c, const char *const *sets, const struct filter_options *o)
{
    struct error e = {ERROR_NONE, ""};
    if (try_run(c, sets, o, &e) != 0)
        fail_msg("%s", e.text);
}

/* The verdicts of one rule, by sample number. */
struct told {
    const char *rule;
    struct verdict by[ROWS + 1];
    bool fired[ROWS + 1];
    size_t n;
};

static int tell_one(void *context, const struct verdict *v, struct error *error)
{
    struct told *t = context;
    (void)error;
    if (strcmp(v->rule, t->rule) != 0)
        return 0;
    assert_true(v->why.len > 0);
    t->by[v->sample_id] = *v;
    t->fired[v->sample_id] = true;
    t->n++;
    return 0;
}

static struct told *tell(struct corpus *c, const char *rule)
{
    struct told *t = calloc(1, sizeof *t);
    struct error e;
    t->rule = rule;
    assert_int_equal(verdicts_each(c, 0, tell_one, t, &e), 0);
    return t;
}

/* ---- novelty */

static void test_novelty(void **state)
{
    const char *const sets[] = {"filter.rules=[\"novelty\"]", "filter.novelty.threshold=0.6", NULL};
    struct text *rows = make_rows();
    struct corpus *c = fill(state, "n.db", rows, ROWS);
    run_sets(c, sets, &(struct filter_options){0});
    struct told *t = tell(c, "novelty");
    assert_true(t->n >= 25 && t->n < ROWS / 2);
    for (size_t i = 1; i <= ROWS; i++) {
        for (size_t k = 1; k <= ROWS; k++) {
            const double f =
                rouge_l(slice_of(rows[i - 1].instruction), slice_of(rows[k - 1].instruction));
            if (i != k && !t->fired[i] && !t->fired[k])
                assert_true(f <= 0.6);
            if (t->fired[i] && t->by[i].match_id == (int64_t)k) {
                assert_false(t->fired[k]);
                assert_true(fabs(t->by[i].value - f) < 1e-12 && f > 0.6);
            }
        }
        assert_true(!t->fired[i] || t->by[i].match_id != 0);
    }
    free(t);
    corpus_close(c);
    free(rows);
}

/* ---- semantic */

static void test_semantic(void **state)
{
    char model[300];
    (void)snprintf(model, sizeof model, "filter.embeddings=\"%s\"", make_model(state));
    const char *const sets[] = {"filter.rules=[\"semantic\"]", model,
                                "filter.semantic.threshold=0.999", "filter.scores=[\"density\"]",
                                NULL};
    struct text *rows = make_rows();
    /* The same but for the number: a variant, kept, though the embeddings agree. */
    (void)snprintf(rows[98].instruction, sizeof rows[98].instruction, "%.150s 7",
                   rows[97].instruction);
    memcpy(rows[98].output, rows[97].output, sizeof rows[98].output);
    (void)snprintf(rows[97].instruction + strlen(rows[97].instruction), 4, " 8");
    struct corpus *c = fill(state, "s.db", rows, ROWS);
    run_sets(c, sets, &(struct filter_options){0});
    struct told *t = tell(c, "semantic");
    for (size_t i = 100; i < ROWS; i += 2) {
        const size_t gone = t->fired[i + 1] ? i + 1 : i - 99,
                     other = gone == i + 1 ? i - 99 : i + 1;
        assert_true(t->fired[gone] && !t->fired[other]);
        assert_int_equal(t->by[gone].match_id, other);
        assert_true(t->by[gone].similarity > 0.999 && t->by[gone].similarity <= 1);
    }
    assert_int_equal(t->n, 25);
    assert_true(!t->fired[98] && !t->fired[99]);
    for (size_t id = 1; id <= ROWS; id++) {
        const double density = scores_get(c, (int64_t)id, "density");
        assert_true(t->fired[id] ? isnan(density) : density > -1 && density <= 1);
    }
    free(t);
    corpus_close(c);
    free(rows);
}

/* ---- scores */

static void test_scores(void **state)
{
    const char *sets[] = {"filter.rules=[]",
                          "filter.scores=[\"length\",\"type_token\",\"compression\"]",
                          "filter.limits={\"length\":{\"min\":30},\"judge\":{\"min\":0.5}}", NULL};
    struct text *rows = make_rows();
    struct corpus *c = fill(state, "sc.db", rows, 50);
    struct error e = {ERROR_NONE, ""};
    assert_int_equal(scores_put(c, 7, "judge", 3, 0.25, &e), 0);
    assert_int_equal(scores_put(c, 8, "judge", 3, 0.75, &e), 0);
    run_sets(c, sets, &(struct filter_options){.dry_run = true});
    assert_true(isnan(scores_get(c, 1, "length"))); /* a dry run stores nothing */
    run_sets(c, sets, &(struct filter_options){0});
    struct told *t = tell(c, "score length"), *judge = tell(c, "score judge");
    for (size_t i = 1; i <= 50; i++) {
        size_t n = 1;
        for (const char *p = rows[i - 1].output; *p != '\0'; p++)
            n += *p == ' ';
        assert_true(scores_get(c, (int64_t)i, "length") == (double)n);
        assert_int_equal(t->fired[i], n < 30);
        assert_true(scores_get(c, (int64_t)i, "type_token") <= 1);
        assert_true(scores_get(c, (int64_t)i, "compression") > 0.5);
        assert_int_equal(judge->fired[i], i == 7);
    }
    assert_true(judge->by[7].value == 0.25 && judge->by[7].threshold == 0.5);
    free(t);
    free(judge);
    /* Measured once: what is stored is believed when a limit moves. */
    assert_int_equal(scores_put(c, 1, "length", 1, 29, &e), 0);
    assert_int_equal(scores_put(c, 2, "length", 1, 28, &e), 0);
    sets[2] = "filter.limits={\"length\":{\"min\":29}}";
    run_sets(c, sets, &(struct filter_options){0});
    t = tell(c, "score length");
    assert_true(!t->fired[1] && t->fired[2]);
    free(t);
    sets[1] = "filter.scores=[\"ifd\"]";
    assert_int_equal(try_run(c, sets, &(struct filter_options){0}, &e), -1);
    assert_non_null(strstr(e.text, "filter.score_model"));
    corpus_close(c);
    free(rows);
}

/* Against transformers 5.23 with torch 2.15 in double precision: the alpaca template's tokens, the
 * reply encoded apart, exp(mean NLL(A|Q)) and its ratio to mean NLL(A) behind the first token. */
static void test_likelihood(void **state)
{
    const char *dir = "../shared/models/tinystories-656k";
    const char *const sets[] = {"filter.rules=[]", "filter.scores=[\"ifd\",\"perplexity\"]",
                                "filter.score_model=../shared/models/tinystories-656k",
                                "filter.score_template=alpaca", NULL};
    if (!file_is_dir(dir)) {
        print_message("SKIP: %s is absent\n", dir);
        skip();
    }
    struct corpus *c = make(scratch_path(state, "l.db"));
    struct error e = {ERROR_NONE, ""};
    struct sample s = {.source = SLICE("t"),
                       .instruction = SLICE("Tell a story."),
                       .output = SLICE("Once upon a time, there was a little girl named Lily.")};
    assert_int_equal(samples_add(c, &s, &e), 1);
    s.id = 0;
    s.output = SLICE("zebra quux 17 lintel of of of of the blorp");
    assert_int_equal(samples_add(c, &s, &e), 1);
    s.id = 0;
    s.output = SLICE("");
    assert_int_equal(samples_add(c, &s, &e), 1);
    run_sets(c, sets, &(struct filter_options){0});
    assert_true(scores_get(c, 1, "perplexity") < scores_get(c, 2, "perplexity") / 10);
    assert_true(fabs(scores_get(c, 1, "perplexity") / 89.849641 - 1) < 1e-5);
    assert_true(fabs(scores_get(c, 1, "ifd") / 2.09724978 - 1) < 1e-5);
    assert_true(isnan(scores_get(c, 3, "ifd")));
    corpus_close(c);
}

/* ---- selection */

static void test_top(void **state)
{
    const char *const sets[] = {"filter.rules=[]", "filter.select.method=top",
                                "filter.select.count=10", "filter.select.score=a * b", NULL};
    struct text *rows = make_rows();
    struct corpus *c = fill(state, "t.db", rows, 60);
    struct error e = {ERROR_NONE, ""};
    assert_int_equal(try_run(c, sets, &(struct filter_options){0}, &e), -1);
    assert_non_null(strstr(e.text, "no row has the score"));
    for (int64_t id = 1; id <= 50; id++) {
        assert_int_equal(scores_put(c, id, "a", 1, (double)id, &e), 0);
        assert_int_equal(scores_put(c, id, "b", 1, id == 50 ? 0 : 2, &e), 0);
    }
    assert_int_equal(filter_keep(c, "r0", "", &e), 0);
    run_sets(c, sets, &(struct filter_options){0});
    struct told *t = tell(c, "not_selected");
    for (size_t id = 1; id <= 60; id++) /* 41 … 49 and a person's */
        assert_int_equal(t->fired[id], !((id >= 41 && id < 50) || id == 1));
    assert_true(t->by[40].value == 80 && t->by[40].threshold == 82);
    free(t);
    corpus_close(c);
    free(rows);
}

static size_t kept_of_topic(struct corpus *c, const struct text *rows, int topic)
{
    struct told *t = tell(c, "not_selected");
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++)
        n += !t->fired[i + 1] && rows[i].name[1] % 3 == topic;
    free(t);
    return n;
}

static void test_strata(void **state)
{
    const char *sets[] = {"filter.rules=[]",
                          "filter.select.method=random",
                          "filter.select.stratum=json_extract(meta, '$.topic')",
                          "filter.select.count=30",
                          NULL,
                          NULL};
    struct text *rows = make_rows();
    struct corpus *c = fill(state, "st.db", rows, ROWS);
    struct error e = {ERROR_NONE, ""};
    run_sets(c, sets, &(struct filter_options){0});
    for (int topic = 0; topic < 3; topic++)
        assert_int_equal(kept_of_topic(c, rows, topic), 10);
    sets[4] = "filter.select.per_stratum=5";
    run_sets(c, sets, &(struct filter_options){0});
    for (int topic = 0; topic < 3; topic++)
        assert_int_equal(kept_of_topic(c, rows, topic), 5);
    sets[4] = "filter.select.balance=size";
    run_sets(c, sets, &(struct filter_options){0});
    assert_int_equal(samples_count(c, SAMPLES_KEPT, &e), 30);
    assert_int_not_equal(kept_of_topic(c, rows, 1), 10);
    /* Later rows compete with earlier ones: still 30. */
    struct text more = {"more", "w", "x"};
    add(c, &more);
    run_sets(c, sets, &(struct filter_options){0});
    assert_int_equal(samples_count(c, SAMPLES_KEPT, &e), 30);
    sets[2] = "filter.select.stratum=no such column";
    assert_int_equal(try_run(c, sets, &(struct filter_options){0}, &e), -1);
    assert_non_null(strstr(e.text, "filter.select.stratum"));
    sets[2] = "filter.select.count=null";
    sets[3] = NULL;
    assert_int_equal(try_run(c, sets, &(struct filter_options){0}, &e), -1);
    assert_non_null(strstr(e.text, "say how many"));
    corpus_close(c);
    free(rows);
}

/* Of twenty texts, each there ten times with one word changed, diverse choices take one each. */
static void test_diverse(void **state)
{
    static const char *const methods[] = {"filter.select.method=k_center",
                                          "filter.select.method=facility_location",
                                          "filter.select.method=deita"};
    char model[300];
    (void)snprintf(model, sizeof model, "filter.embeddings=\"%s\"", make_model(state));
    const char *sets[] = {"filter.rules=[]",
                          "filter.select.count=15",
                          "filter.select.score=length",
                          "filter.select.diversity=0.6",
                          NULL,
                          NULL,
                          NULL};
    struct corpus *c = make(scratch_path(state, "d.db"));
    struct rng r = rng_new(9, 9);
    struct text t = {"", "", ""};
    for (int i = 0; i < ROWS; i++) {
        if (i % 10 == 0)
            words(&r, t.output, 40, 20);
        (void)snprintf(t.name, sizeof t.name, "d%d", i);
        (void)snprintf(t.instruction, sizeof t.instruction, "wab waa");
        memcpy(t.output + 4 * (i % 10), "wxx", 3);
        add(c, &t);
    }
    for (int space = 0; space < 2; space++)
        for (int m = 0; m < 3; m++) {
            size_t of[ROWS / 10] = {0};
            sets[4] = methods[m];
            sets[5] = space ? model : NULL;
            run_sets(c, sets, &(struct filter_options){0});
            struct told *told = tell(c, "not_selected");
            for (size_t i = 0; i < ROWS; i++) {
                of[i / 10] += !told->fired[i + 1];
                if (told->fired[i + 1] && told->by[i + 1].match_id != 0)
                    assert_false(told->fired[told->by[i + 1].match_id]);
            }
            for (size_t g = 0; g < ROWS / 10; g++)
                if (!space) /* random vectors of few words are all near each other */
                    assert_int_equal(of[g], 1);
            assert_true(m == 2 ? told->n >= ROWS - 15 : told->n == ROWS - 15);
            free(told);
        }
    corpus_close(c);
}

/* ---- all of it: threads, orders, increments */

static void shuffle(struct text *t, size_t n, uint64_t seed)
{
    struct rng r = rng_new(seed, 0);
    for (size_t i = n; i > 1; i--) {
        const size_t k = rng_below(&r, (uint32_t)i);
        const struct text swap = t[i - 1];
        t[i - 1] = t[k];
        t[k] = swap;
    }
}

static void test_digest(void **state)
{
    static const char *const threads[] = {"threads=1", "threads=3", "threads=8"};
    char model[300];
    (void)snprintf(model, sizeof model, "filter.embeddings=\"%s\"", make_model(state));
    struct text *rows = make_rows();
    for (int method = 0; method < 2; method++) {
        uint64_t kept = 0, verdicts = 0;
        for (int round = 0; round < 3; round++) {
            const char *sets[] = {"filter.rules=[\"default\",\"novelty\",\"semantic\"]",
                                  threads[round],
                                  model,
                                  "filter.semantic.threshold=0.9",
                                  "filter.semantic.fields=prompt",
                                  "filter.scores=[\"density\"]",
                                  "filter.limits={\"compression\":{\"max\":2.2}}",
                                  method ? "filter.select.method=k_center"
                                         : "filter.select.method=facility_location",
                                  "filter.select.share=0.5",
                                  "filter.select.stratum=json_extract(meta, '$.topic')",
                                  NULL};
            char name[64];
            (void)snprintf(name, sizeof name, "g%d%d.db", method, round);
            struct corpus *c = fill(state, name, rows, ROWS);
            run_sets(c, sets, &(struct filter_options){0});
            if (round == 0) {
                kept = kept_digest(c);
                verdicts = verdict_digest(c);
            }
            assert_true(kept_digest(c) == kept);
            assert_true(verdict_digest(c) == verdicts);
            /* With everything stored already the outcome is the same. */
            run_sets(c, sets, &(struct filter_options){.dry_run = true});
            assert_true(verdict_digest(c) == verdicts);
            run_sets(c, sets, &(struct filter_options){.again = true});
            assert_true(verdict_digest(c) == verdicts);
            corpus_close(c);
            shuffle(rows, ROWS, (uint64_t)round);
        }
    }
    free(rows);
}

/* A new batch is compared with the old rows, whose texts are not looked at again. */
static void test_increments(void **state)
{
    char model[300];
    (void)snprintf(model, sizeof model, "filter.embeddings=\"%s\"", make_model(state));
    const char *const sets[] = {"filter.rules=[\"novelty\",\"semantic\"]", model,
                                "filter.semantic.threshold=0.999", "filter.novelty.threshold=0.6",
                                NULL};
    struct text *rows = make_rows();
    struct corpus *c = fill(state, "i.db", rows, 100);
    struct error e = {ERROR_NONE, ""};
    run_sets(c, sets, &(struct filter_options){0});
    struct told *before = tell(c, "novelty");
    /* Were old texts read again, these would be new. */
    assert_int_equal(sql_exec(corpus_sql(c),
                              "UPDATE sample SET instruction = 'gone', output = 'gone'", &e),
                     0);
    for (size_t i = 100; i < ROWS; i++)
        add(c, &rows[i]);
    run_sets(c, sets, &(struct filter_options){0});
    struct told *after = tell(c, "novelty"), *meaning = tell(c, "semantic");
    size_t found = 0;
    for (size_t i = 1; i <= 100; i++)
        assert_true(after->fired[i] == before->fired[i] && !meaning->fired[i]);
    for (size_t i = 101; i <= ROWS; i++)
        found += after->fired[i] && after->by[i].match_id <= 100;
    assert_true(found >= 20);
    free(before);
    free(after);
    free(meaning);
    corpus_close(c);
    free(rows);
}

static void test_against(void **state)
{
    char model[300];
    (void)snprintf(model, sizeof model, "filter.embeddings=\"%s\"", make_model(state));
    const char *const sets[] = {"filter.rules=[\"novelty\",\"semantic\"]",
                                model,
                                "filter.semantic.threshold=0.999",
                                "filter.select.method=random",
                                "filter.select.count=20",
                                NULL};
    struct text *rows = make_rows();
    corpus_close(fill(state, "other.db", rows, 100));
    struct corpus *c = fill(state, "mine.db", rows + 100, 50);
    struct error e = {ERROR_NONE, ""};
    const char *other = scratch_path(state, "other.db");
    run_sets(c, sets, &(struct filter_options){.against = other});
    struct told *novel = tell(c, "novelty"), *same = tell(c, "semantic");
    for (size_t i = 1; i <= 50; i++) {
        assert_true(i % 2 == 0 ? novel->fired[i] : novel->fired[i] || same->fired[i]);
        assert_int_equal(novel->by[i].match_id + same->by[i].match_id, 0);
    }
    assert_int_equal(samples_count(c, SAMPLES_KEPT, &e), 0);
    free(novel);
    free(same);
    corpus_close(c);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_novelty),    scratch_test(test_semantic), scratch_test(test_scores),
        scratch_test(test_likelihood), scratch_test(test_top),      scratch_test(test_strata),
        scratch_test(test_diverse),    scratch_test(test_digest),   scratch_test(test_increments),
        scratch_test(test_against),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
