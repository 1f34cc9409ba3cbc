/* What a run leaves behind for readers: TensorBoard records and the metrics file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/mem.h"
#include "train/metrics.h"
#include "train/tfevents.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/retort-record-XXXXXX";

/* Lengths and the masked CRCs of the length are constants of the format. */
static void test_record_heads(void **state)
{
    static const unsigned char version[12] = {0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22};
    static const unsigned char step0[12] = {0x1e, 0, 0, 0, 0, 0, 0, 0, 0xd9, 0xdc, 0x12, 0x32};
    static const unsigned char step1[12] = {0x20, 0, 0, 0, 0, 0, 0, 0, 0x29, 0xed, 0xa9, 0x50};
    struct buf b = BUF;
    (void)state;
    assert_int_equal(tfevents_record(&b, 1.5, NULL, 0, 0), 0);
    assert_int_equal(b.len, 24 + 16);
    assert_memory_equal(b.data, version, 12);
    buf_clear(&b);
    assert_int_equal(tfevents_record(&b, 1.5, "train/loss", 0, 2.5F), 0);
    assert_memory_equal(b.data, step0, 12);
    buf_clear(&b);
    assert_int_equal(tfevents_record(&b, 1.5, "train/loss", 1, 2.5F), 0);
    assert_memory_equal(b.data, step1, 12);
    assert_memory_equal(b.data + 12 + 9, "\x10\x01\x2a\x13\x0a\x11\x0a\x0atrain/loss\x15", 19);
    buf_free(&b);
}

static uint32_t u32_at(const struct buf *b, size_t at)
{
    const unsigned char *p = (const unsigned char *)b->data + at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t masked(const struct buf *b, size_t at, size_t len)
{
    uint32_t crc = crc32c(0, b->data + at, len);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void read_only_file(const char *path, struct buf *out)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char *name;
        if (entry->d_name[0] == '.')
            continue;
        assert_non_null(strstr(entry->d_name, "tfevents"));
        name = file_join(path, entry->d_name);
        assert_int_equal(file_read(name, out, NULL), 0);
        mem_free(name);
    }
    closedir(dir);
}

/* A whole file: every record with the checksums of its length and of its data. */
static void test_events_file(void **state)
{
    struct error error = {ERROR_NONE, ""};
    char *events = file_join(folder, "events");
    struct tfevents *t = tfevents_open(events, &error);
    struct buf b = BUF;
    size_t at = 0, records = 0;
    (void)state;
    assert_non_null(t);
    for (uint64_t i = 0; i < 300; i++)
        assert_int_equal(tfevents_scalar(t, "train/loss", i, (float)i / 4, &error), 0);
    assert_int_equal(tfevents_close(t, &error), 0);
    read_only_file(events, &b);
    for (; at < b.len; records++) {
        size_t len = u32_at(&b, at);
        assert_int_equal(u32_at(&b, at + 4), 0);
        assert_int_equal(u32_at(&b, at + 8), masked(&b, at, 8));
        assert_int_equal(u32_at(&b, at + 12 + len), masked(&b, at + 12, len));
        at += 16 + len;
    }
    assert_int_equal(at, b.len);
    assert_int_equal(records, 301);
    buf_free(&b);
    mem_free(events);
}

static void add(struct metrics *m, int64_t step)
{
    struct json *o = json_new_object();
    json_put_integer(o, "step", step);
    assert_int_equal(metrics_add(m, o, NULL), 0);
    json_free(o);
}

static void expect(const char *path, const char *text)
{
    struct buf b = BUF;
    assert_int_equal(file_read(path, &b, NULL), 0);
    assert_string_equal(buf_text(&b), text);
    buf_free(&b);
}

static void test_metrics(void **state)
{
    char *path = file_join(folder, "metrics.jsonl");
    struct metrics *m = metrics_open(path, 0, NULL);
    FILE *f;
    (void)state;
    assert_non_null(m);
    for (int64_t i = 0; i < 4; i++)
        add(m, i);
    metrics_close(m);
    f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"step\":", f); /* a crash in the middle of a line */
    fclose(f);
    m = metrics_open(path, 2, NULL);
    assert_non_null(m);
    add(m, 3);
    metrics_close(m);
    expect(path, "{\"step\":0}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
    m = metrics_open(path, 0, NULL);
    metrics_close(m);
    expect(path, "");
    mem_free(path);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_heads),
        cmocka_unit_test(test_events_file),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
