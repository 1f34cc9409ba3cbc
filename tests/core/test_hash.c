/* Hashes against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/hash.h"

/* The buffer of xxHash's own sanity test (cli/xsum_sanity_check.c). */
static void fill(unsigned char *buffer, size_t n)
{
    uint64_t state = 2654435761U;
    for (size_t i = 0; i < n; i++) {
        buffer[i] = (unsigned char)(state >> 56);
        state *= 11400714785074694797U;
    }
}

static void test_xxh3(void **state)
{
    unsigned char data[16];
    const struct {
        size_t len;
        uint64_t low, high;
    } vectors[] = {
        {0, 0x6001C324468D497FU, 0x99AA06D3014798D8U},
        {1, 0xC44BDFF4074EECDBU, 0xA6CD5E9392000F6AU},
        {6, 0x3E7039BDDA43CFC6U, 0x082AFE0B8162D12AU},
        {12, 0x061A192713F69AD9U, 0x6E3EFD8FC7802B18U},
    };
    (void)state;
    fill(data, sizeof data);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct hash128 h = hash128(data, vectors[i].len);
        assert_true(h.lo == vectors[i].low);
        assert_true(h.hi == vectors[i].high);
    }
    assert_true(hash64(data, 0, 0) == 0x2D06800538D394C2U);
    assert_true(hash64(data, 1, 0) == 0xC44BDFF4074EECDBU);
    assert_true(hash64(data, 1, 1) != hash64(data, 1, 0));
    assert_true(hash64(NULL, 0, 0) == hash64("", 0, 0));
}

static void test_fields(void **state)
{
    struct hash128 none = {0, 0};
    struct hash128 a = hash128_add(hash128_add(none, "ab", 2), "c", 1);
    struct hash128 b = hash128_add(hash128_add(none, "a", 1), "bc", 2);
    struct hash128 c = hash128_add(hash128_add(none, "c", 1), "ab", 2);
    struct hash128 again = hash128_add(hash128_add(none, "ab", 2), "c", 1);
    (void)state;
    assert_int_equal(hash128_compare(a, again), 0);
    assert_int_not_equal(hash128_compare(a, b), 0);
    assert_int_not_equal(hash128_compare(a, c), 0);
    assert_true(hash128_compare(a, b) == -hash128_compare(b, a));
}

static void test_stored_form(void **state)
{
    struct hash128 h = {0x0123456789ABCDEFU, 0xFEDCBA9876543210U};
    unsigned char bytes[16];
    char hex[33];
    (void)state;
    hash128_bytes(h, bytes);
    assert_int_equal(bytes[0], 0x01);
    assert_int_equal(bytes[15], 0x10);
    assert_int_equal(hash128_compare(hash128_from_bytes(bytes), h), 0);
    hash128_hex(h, hex);
    assert_string_equal(hex, "0123456789abcdeffedcba9876543210");
}

static void sha(const char *text, const char *expected)
{
    char hex[65];
    sha256_of(slice_of(text), hex);
    assert_string_equal(hex, expected);
}

static void test_sha256(void **state)
{
    struct sha256 s;
    char hex[65], thousand[1000];
    (void)state;
    sha("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(thousand, 'a', sizeof thousand);
    sha256_init(&s);
    for (int i = 0; i < 1000; i++)
        sha256_add(&s, thousand, sizeof thousand);
    sha256_hex(&s, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Cut anywhere, the pieces give the hash of the whole; all lengths around a block. */
static void test_sha256_pieces(void **state)
{
    unsigned char data[200];
    (void)state;
    fill(data, sizeof data);
    for (size_t n = 0; n <= sizeof data; n++) {
        struct sha256 s;
        char whole[65], pieces[65];
        sha256_of(slice_from(data, n), whole);
        sha256_init(&s);
        sha256_add(&s, data, n / 3);
        sha256_add(&s, data + n / 3, n - n / 3);
        sha256_hex(&s, pieces);
        assert_string_equal(whole, pieces);
    }
}

static void test_crc32c(void **state)
{
    unsigned char data[32];
    uint32_t crc;
    const unsigned char length[8] = {24, 0, 0, 0, 0, 0, 0, 0};
    (void)state;
    assert_true(crc32c(0, "123456789", 9) == 0xE3069283U);
    memset(data, 0, sizeof data);
    assert_true(crc32c(0, data, sizeof data) == 0x8A9136AAU); /* RFC 3720 B.4 */
    memset(data, 0xFF, sizeof data);
    assert_true(crc32c(0, data, sizeof data) == 0x62A8AB43U);
    assert_true(crc32c(crc32c(0, "1234", 4), "56789", 5) == 0xE3069283U);
    crc = crc32c(0, length, sizeof length); /* as TensorBoard masks it */
    assert_true((crc >> 15 | crc << 17) + 0xA282EAD8U == 0x224B7FA3U);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xxh3),          cmocka_unit_test(test_fields),
        cmocka_unit_test(test_stored_form),   cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha256_pieces), cmocka_unit_test(test_crc32c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
