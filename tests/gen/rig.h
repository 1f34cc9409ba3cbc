/* What the tests of gen share: a scratch folder, the fault server, a recipe, and questions to the
 * dataset that came of it. */
#ifndef TESTS_GEN_RIG_H
#define TESTS_GEN_RIG_H

#include "core/file.h"
#include "core/mem.h"
#include "core/recipe.h"
#include "corpus/corpus.h"
#include "corpus/runs.h"
#include "gen/gen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct rig {
    char folder[64], recipe[96], dataset[96];
    pid_t server;
    int port;
    struct error error; /* of the last run */
    struct buf report;
};

enum { RIG_SETS = 24 };

static inline struct rig *rig_new(void)
{
    struct rig *r = mem_zero(1, sizeof *r);
    snprintf(r->folder, sizeof r->folder, "/tmp/retort-gen-XXXXXX");
    if (!mkdtemp(r->folder))
        abort();
    snprintf(r->recipe, sizeof r->recipe, "%s/r.jsonc", r->folder);
    snprintf(r->dataset, sizeof r->dataset, "%s/d.db", r->folder);
    r->report = BUF;
    return r;
}

static inline void rig_stop_server(struct rig *r)
{
    if (r->server > 0) {
        kill(r->server, SIGKILL);
        waitpid(r->server, NULL, 0);
    }
    r->server = 0;
}

static inline void rig_free(struct rig *r)
{
    rig_stop_server(r);
    file_remove_tree(r->folder, NULL);
    buf_free(&r->report);
    mem_free(r);
}

/* Start a server of tests/server with up to three options (NULL: none). */
static inline void rig_start(struct rig *r, const char *server, const char *a, const char *b,
                             const char *c)
{
    const char *build = getenv("BUILD");
    char path[256], line[64] = "";
    int out[2];
    snprintf(path, sizeof path, "%s/tests/server/%s", build ? build : "build/release", server);
    if (pipe(out))
        abort();
    r->server = fork();
    if (r->server == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl(path, server, a ? a : "x=1", b ? b : "x=1", c ? c : "x=1", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    for (size_t n = 0; n < sizeof line - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n';)
        n++;
    close(out[0]);
    if (sscanf(line, "port %d", &r->port) != 1) {
        fprintf(stderr, "%s did not start\n", path);
        abort();
    }
}

/* A teacher nobody here wrote (../shared/peers/gen/fault_teacher.c, built): says "listening PORT". */
static inline void rig_judge(struct rig *r, const char *path, const char *option, const char *value)
{
    char line[64] = "";
    int out[2];
    if (pipe(out))
        abort();
    r->server = fork();
    if (r->server == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl(path, path, option, value, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    for (size_t n = 0; n < sizeof line - 1 && read(out[0], line + n, 1) == 1 && line[n] != '\n';)
        n++;
    close(out[0]);
    if (sscanf(line, "listening %d", &r->port) != 1) {
        fprintf(stderr, "%s did not start\n", path);
        abort();
    }
}

static inline void rig_server(struct rig *r, const char *a, const char *b, const char *c)
{
    rig_start(r, "faults", a, b, c);
}

static inline void rig_file(struct rig *r, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    if (file_replace(path, slice_of(text), NULL))
        abort();
}

/* A teacher that follows the script (tests/server/scripted.c). */
static inline void rig_script(struct rig *r, const char *script, const char *option)
{
    char rules[96], bill[96];
    rig_file(r, "script.jsonl", script);
    snprintf(rules, sizeof rules, "rules=%s/script.jsonl", r->folder);
    snprintf(bill, sizeof bill, "log=%s/bill", r->folder);
    rig_start(r, "scripted", rules, bill, option);
}

/* n prompts "q1 TEXT", "q2 TEXT" … with ids "1", "2" … */
static inline void rig_prompts(struct rig *r, int n, const char *text)
{
    struct buf b = BUF;
    for (int i = 1; i <= n; i++)
        buf_printf(&b, "{\"id\":\"%d\",\"instruction\":\"q%d %s\"}\n", i, i, text);
    rig_file(r, "p.jsonl", buf_text(&b));
    buf_free(&b);
}

/* Run gen with these further settings ("gen.retries=2", …, NULL).  What gen_run returned. */
static inline int rig_run_with(struct rig *r, struct gen_options options, const char *const *more)
{
    char base[80];
    const char *sets[RIG_SETS] = {base,
                                  "dataset=d.db",
                                  "gen.prompts=p.jsonl",
                                  "gen.connect_timeout_s=2",
                                  "gen.idle_timeout_s=0.4",
                                  "gen.timeout_s=3"};
    size_t n = 6;
    snprintf(base, sizeof base, "teacher.base_url=http://127.0.0.1:%d/v1", r->port);
    for (; *more; more++)
        sets[n++] = *more;
    rig_file(r, "r.jsonc", "{}");
    memset(&r->error, 0, sizeof r->error);
    buf_clear(&r->report);
    struct recipe *recipe = recipe_load(r->recipe, sets, n, NULL, &r->error);
    struct corpus *c = recipe ? corpus_open(r->dataset, CORPUS_CREATE, &r->error) : NULL;
    int rc = -1;
    if (c) {
        options.run_id = options.dry_run ? 0 : runs_start(c, "gen", NULL, NULL, &r->error);
        rc = gen_run(recipe, c, &options, NULL, &r->report, &r->error);
    }
    corpus_close(c);
    recipe_free(recipe);
    return rc;
}

#define rig_run(r, ...)                                                                            \
    rig_run_with((r), (struct gen_options){0}, (const char *const[]){__VA_ARGS__, NULL})

/* The first column of the first row as a number; -1 where there is none. */
static inline int64_t rig_number(struct rig *r, const char *query)
{
    struct error error = {0};
    struct corpus *c = corpus_open(r->dataset, CORPUS_READ, &error);
    struct sql_stmt *q = c ? sql_prepare(corpus_sql(c), query, &error) : NULL;
    int64_t v = -1;
    if (q && sql_step(q, &error) == 1)
        v = sql_int(q, 0);
    if (error.code)
        fprintf(stderr, "%s: %s\n", query, error.text);
    sql_reset(q);
    corpus_close(c);
    return v;
}

/* The same as text, into a static buffer; "" for NULL or no row. */
static inline const char *rig_text(struct rig *r, const char *query)
{
    static char text[4096];
    struct corpus *c = corpus_open(r->dataset, CORPUS_READ, NULL);
    struct sql_stmt *q = c ? sql_prepare(corpus_sql(c), query, NULL) : NULL;
    text[0] = '\0';
    if (q && sql_step(q, NULL) == 1) {
        struct slice s = sql_text(q, 0);
        size_t n = s.len < sizeof text - 1 ? s.len : sizeof text - 1;
        if (n)
            memcpy(text, s.data, n);
        text[n] = '\0';
    }
    sql_reset(q);
    corpus_close(c);
    return text;
}

/* A count of the server: "requests", "answered", "again", … */
static inline int64_t rig_stat(struct rig *r, const char *name)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)r->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    static const char ask[] = "GET /stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char text[2048], key[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t n = 0;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) || write(fd, ask, sizeof ask - 1) < 0)
        abort();
    while (n < sizeof text - 1 && !memchr(text, '}', n)) {
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    text[n] = '\0';
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *v = strstr(text, key);
    return v ? strtoll(v + strlen(key), NULL, 10) : -1;
}

#endif
