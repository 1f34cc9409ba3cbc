/* zstd frames: round trips, damage, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/compress.h"
#include "core/rng.h"

static void test_round_trip(void **state)
{
    struct compressor *c = compressor_new(3);
    struct rng r = rng_new(1, 1);
    struct error error;
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct buf in = BUF, packed = BUF, out = BUF;
        for (uint32_t n = rng_below(&r, 5000); n != 0; n--)
            buf_char(&in, (char)rng_below(&r, i % 2 == 0 ? 3 : 256));
        buf_str(&out, "kept");
        assert_int_equal(compress_bytes(c, buf_view(&in), &packed, &error), 0);
        assert_int_equal(decompress_bytes(c, buf_view(&packed), &out, &error), 0);
        assert_int_equal(out.len, in.len + 4);
        assert_memory_equal(buf_text(&out) + 4, buf_text(&in), in.len);
        buf_free(&in);
        buf_free(&packed);
        buf_free(&out);
    }
    compressor_free(c);
    compressor_free(NULL);
}

static void test_damage(void **state)
{
    struct compressor *c = compressor_new(3);
    struct buf in = BUF, packed = BUF, out = BUF;
    struct error error;
    (void)state;
    for (int i = 0; i < 2000; i++)
        buf_printf(&in, "line %d\n", i);
    compress_bytes(c, buf_view(&in), &packed, &error);
    for (size_t cut = 0; cut < packed.len; cut += 37)
        assert_int_equal(decompress_bytes(c, slice_from(packed.data, cut), &out, &error), -1);
    for (size_t at = 0; at < packed.len; at += 13) {
        packed.data[at] ^= 0x10;
        assert_int_equal(decompress_bytes(c, buf_view(&packed), &out, &error), -1);
        packed.data[at] ^= 0x10;
    }
    assert_int_equal(out.len, 0);
    assert_int_equal(decompress_bytes(c, SLICE("no frame at all"), &out, &error), -1);
    assert_int_equal(error.code, ERROR_INPUT);
    buf_free(&out);
    out = BUF_MAX(in.len - 1);
    assert_int_equal(decompress_bytes(c, buf_view(&packed), &out, &error), -1);
    assert_int_equal(error.code, ERROR_LIMIT);
    out = BUF_MAX(in.len);
    assert_int_equal(decompress_bytes(c, buf_view(&packed), &out, &error), 0);
    buf_free(&in);
    buf_free(&packed);
    buf_free(&out);
    compressor_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
