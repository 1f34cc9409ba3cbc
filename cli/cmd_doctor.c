/* retort doctor: what this machine offers, and what retort makes of it. */
#include "cli/commands.h"
#include "cli/output.h"
#include "core/compress.h"
#include "core/file.h"
#include "core/json.h"
#include "core/pool.h"
#include "core/regex.h"
#include "core/unicode.h"
#include "core/version.h"
#include "corpus/sql.h"
#include "model/backend.h"
#include "net/http.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct command_operand operands[] = {OPERANDS_END};

static const struct command_option options[] = {
    {.name = "endpoint",
     .kind = VALUE_TEXT,
     .argument = "URL",
     .help = "also ask whether a teacher answers there, e.g. http://127.0.0.1:8080/v1"},
    OPTIONS_END,
};

static const struct command_example examples[] = {
    {"retort doctor", "processor, memory, disk, libraries"},
    {"retort doctor --endpoint http://127.0.0.1:8080/v1", "and: is the teacher there?"},
    EXAMPLES_END,
};

/* ---- the machine --------------------------------------------------------------------------- */

/* "model name : X" of /proc/cpuinfo, "MemTotal: N kB" of /proc/meminfo: the text behind the
 * colon of the first line that starts so; false where there is none. */
static bool proc_line(const char *path, const char *name, char *out, size_t size)
{
    struct error error;
    struct file_lines *lines = file_lines_open(path, 65536, &error);
    struct slice line;
    bool found = false;
    while (!found && lines != NULL && file_lines_next(lines, &line, &error) == 1) {
        size_t colon = slice_find(line, SLICE(":"));
        struct slice value = slice_trim(slice_sub(line, colon + 1, line.len));
        if (!slice_starts(line, name) || colon == line.len)
            continue;
        (void)snprintf(out, size, "%.*s", (int)value.len, value.data);
        found = true;
    }
    file_lines_close(lines);
    return found;
}

static void features(struct json *cpu)
{
    struct json *list = json_new_array();
#if defined(__x86_64__) || defined(__i386__)
#define FEATURE(name)                                                                              \
    if (__builtin_cpu_supports(name))                                                              \
    json_push(list, json_new_string(SLICE(name)))
    FEATURE("sse4.2");
    FEATURE("avx2");
    FEATURE("fma");
    FEATURE("avx512f");
    FEATURE("avx512bw");
    FEATURE("avx512vl");
    FEATURE("avx512vnni");
    FEATURE("avx512bf16");
#undef FEATURE
#endif
    json_put(cpu, "features", list);
}

static void machine(struct json *report)
{
    struct json *cpu = json_new_object(), *compute = json_new_object();
    struct utsname u;
    char text[256];
    if (uname(&u) == 0) {
        (void)snprintf(text, sizeof text, "%s %s %s", u.sysname, u.release, u.machine);
        json_put_text(report, "system", text);
    }
    if (proc_line("/proc/cpuinfo", "model name", text, sizeof text))
        json_put_text(cpu, "model", text);
    json_put_integer(cpu, "usable", pool_cpus());
    features(cpu);
    json_put(report, "cpu", cpu);
    backend_describe(compute);
    json_put(report, "compute", compute);
}

static void space(struct json *report)
{
    struct json *memory = json_new_object(), *disk = json_new_object();
    char text[64];
    unsigned long long kb;
    if (proc_line("/proc/meminfo", "MemTotal", text, sizeof text) && sscanf(text, "%llu", &kb) == 1)
        json_put_integer(memory, "total_bytes", (int64_t)(kb * 1024));
    if (proc_line("/proc/meminfo", "MemAvailable", text, sizeof text) &&
        sscanf(text, "%llu", &kb) == 1)
        json_put_integer(memory, "available_bytes", (int64_t)(kb * 1024));
    json_put_text(disk, "folder", ".");
    json_put_integer(disk, "free_bytes", (int64_t)file_free_space("."));
    json_put(report, "memory", memory);
    json_put(report, "disk", disk);
}

/* ---- the libraries ------------------------------------------------------------------------- */

static void libraries(struct json *report)
{
    struct json *o = json_new_object();
    char pcre[64];
    regex_library(pcre);
    json_put_text(o, "libcurl", http_version());
    json_put_text(o, "sqlite", sql_library());
    json_put_text(o, "cjson", json_library());
    json_put_text(o, "zstd", compress_library());
    json_put_text(o, "pcre2", pcre);
    json_put_text(o, "utf8proc", unicode_library());
    json_put(report, "libraries", o);
}

/* ---- the teacher --------------------------------------------------------------------------- */

static void asked(struct http_exchange *x)
{
    *(bool *)x->context = true;
}

/* GET url, within ten seconds.  0 when a reply of any status came. */
static int ask(struct http_exchange *x, struct error *error)
{
    const struct http_options limits = {.max_in_flight = 1,
                                        .total_ms = 10000,
                                        .max_body = (size_t)1 << 20,
                                        .max_headers = 65536};
    struct http *h = http_open(&limits, error);
    bool done = false;
    unsigned watched;
    int rc = -1;
    if (h == NULL)
        return -1;
    x->done = asked;
    x->context = &done;
    if (http_submit(h, x, error) != 0)
        goto close;
    while (!done)
        if (http_poll(h, 1000, &watched, error) != 0)
            goto close;
    rc = x->cause == NET_OK
             ? 0
             : error_set(error, ERROR_FAILED,
                         "%s: no answer: %s; is the server "
                         "running, and is the address right?",
                         x->url, x->message[0] ? x->message : net_cause_name(x->cause));
close:
    http_close(h);
    return rc;
}

static void models(const struct http_exchange *x, struct json *o)
{
    struct json *reply = json_parse(buf_view(&x->reply), JSON_REPAIR, NULL);
    struct json *names = json_new_array();
    const struct json *m = json_first(json_get(reply, "data"));
    for (; m != NULL && json_count(names) < 20; m = json_next(m))
        json_push(names, json_new_string(json_string(json_get(m, "id"))));
    json_put(o, "models", names);
    json_free(reply);
}

static int endpoint(const char *base, struct json *report, struct error *error)
{
    struct http_exchange x = {0};
    struct json *o = json_new_object();
    struct buf url = BUF;
    int rc;
    buf_printf(&url, "%s%smodels", base, slice_ends(slice_of(base), "/") ? "" : "/");
    x.head = BUF_MAX(65536);
    x.reply = BUF_MAX((size_t)1 << 20);
    x.url = buf_text(&url);
    rc = ask(&x, error);
    json_put_text(o, "url", x.url);
    json_put_bool(o, "answers", rc == 0);
    if (rc == 0) {
        json_put_integer(o, "status", x.status);
        json_put_number(o, "ms", (double)(x.ended_ns - x.started_ns) * 1e-6);
        models(&x, o);
    }
    json_put(report, "endpoint", o);
    http_exchange_clear(&x);
    buf_free(&url);
    return rc;
}

static int doctor_run(const struct arguments *args, struct error *error)
{
    struct json *report = json_new_object();
    struct error second = {ERROR_NONE, ""};
    struct buf text = BUF;
    int rc = 0;
    json_put_text(report, "retort", RETORT_VERSION);
    machine(report);
    space(report);
    libraries(report);
    if (arguments_text(args, "endpoint") != NULL)
        rc = endpoint(arguments_text(args, "endpoint"), report, error);
    json_write(report, 0, &text);
    if (output_report(&text, rc == 0 ? error : &second) != 0)
        rc = -1;
    json_free(report);
    buf_free(&text);
    return rc;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .summary = "what this machine offers: processor, kernels, memory, disk, libraries",
    .description =
        "Says what retort finds: the processor's features and the kernels chosen for them, the "
        "BLAS library, memory, disk space here, and the versions of the libraries. With "
        "--endpoint it also asks a teacher's server for its models, which costs nothing.",
    .operands = operands,
    .options = options,
    .examples = examples,
    .run = doctor_run,
};
