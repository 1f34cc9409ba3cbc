/* Any bytes: repairing gives valid UTF-8 and changes no valid text; the normal forms are stable
 * and agree with one another. */
#include "core/unicode.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
    if (!holds)
        abort();
}

static void check_repair(struct slice s, struct buf *out)
{
    expect(utf8_repair(s, out) == 0);
    expect(utf8_valid(buf_view(out)));
    expect(!utf8_valid(s) || slice_equal(s, buf_view(out)));
    expect((utf8_first_bad(s) == s.len) == utf8_valid(s));
    expect(utf8_count(s) <= s.len);
}

/* Going through `form` first must not change the normal form `last`. */
static void check_form(struct slice s, enum unicode_form first, enum unicode_form last)
{
    struct buf direct = BUF, between = BUF, around = BUF;
    expect(unicode_normalize(s, last, &direct) == 0);
    expect(unicode_normalize(s, first, &between) == 0);
    expect(unicode_normalize(buf_view(&between), last, &around) == 0);
    expect(utf8_valid(buf_view(&direct)));
    expect(slice_equal(buf_view(&direct), buf_view(&around)));
    buf_free(&direct);
    buf_free(&between);
    buf_free(&around);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice s = slice_from(data, size);
    struct buf out = BUF;
    check_repair(s, &out);
    check_form(s, UNICODE_NFD, UNICODE_NFC);
    check_form(s, UNICODE_NFC, UNICODE_NFC);
    check_form(s, UNICODE_NFC, UNICODE_NFD);
    check_form(s, UNICODE_NFC, UNICODE_NFKC);
    check_form(s, UNICODE_NFKC, UNICODE_NFKC);
    check_form(s, UNICODE_NFKC, UNICODE_NFKD);
    buf_clear(&out);
    expect(unicode_fold(s, &out) == 0 && utf8_valid(buf_view(&out)));
    buf_clear(&out);
    expect(unicode_lower(s, &out) == 0 && utf8_valid(buf_view(&out)));
    buf_free(&out);
    return 0;
}
