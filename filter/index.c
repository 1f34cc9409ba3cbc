#include "filter/index.h"

#include "core/mem.h"
#include "core/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Columns stand a little more than INDEX_BLOCK apart: a power of two would put the 32 of them into
 * the same sets of the cache. */
#define STRIDE      ((size_t)INDEX_BLOCK + 16)
#define BLOCK_BYTES (STRIDE * MINHASH_BANDS * sizeof(uint32_t))

void index_init(struct index *x, size_t memory_limit)
{
    *x = (struct index){.memory_limit = memory_limit, .spill = -1, .file = -1};
}

void index_free(struct index *x)
{
    for (size_t i = 0; i < x->n_blocks; i++)
        mem_free(x->blocks[i]);
    mem_free(x->blocks);
    if (x->file >= 0) {
        (void)munmap(x->entries, x->cap * sizeof *x->entries);
        close(x->file);
    } else {
        mem_free(x->entries);
    }
    if (x->spill >= 0)
        close(x->spill);
    index_init(x, x->memory_limit);
}

static void sketch(const struct minhash_signature *s, uint64_t out[INDEX_SKETCH])
{
    for (int w = 0; w < INDEX_SKETCH; w++) {
        uint64_t v = 0;
        for (int i = 0; i < 16; i++)
            v |= (uint64_t)(s->place[16 * w + i] & 15U) << (4 * i);
        out[w] = v;
    }
}

int index_agree(const struct index_entry *a, const struct index_entry *b)
{
    const uint64_t low = UINT64_C(0x1111111111111111), half = UINT64_C(0x0F0F0F0F0F0F0F0F);
    uint64_t differ = 0; /* of each of 16 places, at most INDEX_SKETCH */
    for (int w = 0; w < INDEX_SKETCH; w++) {
        uint64_t v = a->sketch[w] ^ b->sketch[w];
        v |= v >> 2;
        v |= v >> 1;
        differ += v & low;
    }
    differ = (differ & half) + (differ >> 4 & half);
    return MINHASH_PLACES - (int)(differ * UINT64_C(0x0101010101010101) >> 56);
}

/* A file without a name, gone when the program is. */
static int temporary(const char *dir, struct error *error)
{
    char name[4096];
    int fd;
    if (snprintf(name, sizeof name, "%s/retort-filter-XXXXXX", dir) >= (int)sizeof name)
        return error_set(error, ERROR_IO, "%s: name too long", dir);
    fd = mkstemp(name);
    if (fd < 0)
        return error_system(error, errno, "%s: cannot make a temporary file for signatures", name);
    unlink(name);
    return fd;
}

/* Past the limit the entries lie in a mapped file, which the kernel writes out when memory is
 * wanted elsewhere.  Its blocks are had beforehand: a full disk is an error here, not a crash. */
static int grow_file(struct index *x, size_t cap, const char *dir, struct error *error)
{
    const size_t bytes = cap * sizeof *x->entries;
    const int fd = x->file >= 0 ? x->file : temporary(dir, error);
    void *p;
    int rc;
    if (fd < 0)
        return -1;
    rc = posix_fallocate(fd, 0, (off_t)bytes);
    p = rc == 0 ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (p == MAP_FAILED) {
        error_system(error, rc != 0 ? rc : errno, "%s: no room for %zu MB of the index", dir,
                     bytes >> 20);
        if (x->file < 0)
            close(fd);
        return -1;
    }
    if (x->file >= 0) {
        (void)munmap(x->entries, x->cap * sizeof *x->entries);
    } else {
        if (x->n > 0)
            memcpy(p, x->entries, x->n * sizeof *x->entries);
        mem_free(x->entries);
    }
    x->file = fd;
    x->entries = p;
    x->cap = cap;
    return 0;
}

static int reserve(struct index *x, size_t n, const char *dir, struct error *error)
{
    size_t cap = x->cap > 0 ? x->cap : INDEX_BLOCK;
    if (n <= x->cap)
        return 0;
    while (cap < n)
        cap *= 2;
    if (x->file >= 0 || cap * sizeof *x->entries > x->memory_limit)
        return grow_file(x, x->file >= 0 && x->cap + x->cap / 2 >= n ? x->cap + x->cap / 2 : cap,
                         dir, error);
    x->entries = mem_grow(x->entries, cap, sizeof *x->entries);
    x->cap = cap;
    return 0;
}

int index_expect(struct index *x, size_t rows, const char *spill_dir, struct error *error)
{
    return reserve(x, rows, spill_dir, error);
}

static int spill_block(struct index *x, size_t block, const char *dir, struct error *error)
{
    const char *p = (const char *)x->blocks[block];
    if (x->spill < 0 && (x->spill = temporary(dir, error)) < 0)
        return -1;
    for (size_t done = 0; done < BLOCK_BYTES;) {
        const ssize_t k =
            pwrite(x->spill, p + done, BLOCK_BYTES - done, (off_t)(block * BLOCK_BYTES + done));
        if (k <= 0)
            return error_system(error, errno, "writing signatures to %s", dir);
        done += (size_t)k;
    }
    mem_free(x->blocks[block]);
    x->blocks[block] = NULL;
    return 0;
}

/* The full blocks past the limit; those before the first that has gone went earlier. */
static int spill_full(struct index *x, const char *dir, struct error *error)
{
    for (size_t b = x->n / INDEX_BLOCK;
         b-- > 0 && x->blocks[b] != NULL && (b + 1) * BLOCK_BYTES >= x->memory_limit;)
        if (spill_block(x, b, dir, error) != 0)
            return -1;
    return 0;
}

int index_grow(struct index *x, size_t more, const char *spill_dir, struct error *error)
{
    const size_t n = x->n + more;
    if (spill_full(x, spill_dir, error) != 0 || reserve(x, n, spill_dir, error) != 0)
        return -1;
    while (x->n_blocks * INDEX_BLOCK < n) {
        x->blocks = vec_reserve(x->blocks, &x->cap_blocks, x->n_blocks + 1, sizeof *x->blocks);
        x->blocks[x->n_blocks++] = mem_alloc(BLOCK_BYTES);
    }
    x->n = n;
    return 0;
}

void index_set(struct index *x, size_t row, const struct index_entry *entry,
               const struct minhash_signature *signature)
{
    uint32_t *keys = x->blocks[row / INDEX_BLOCK] + row % INDEX_BLOCK;
    struct index_entry *e = &x->entries[row];
    /* a line of the cache holds 16 keys of a column: two columns a row ask for their next one */
    const size_t soon = row % 16 * 2;
    __builtin_prefetch(keys + soon * STRIDE + 16, 1);
    __builtin_prefetch(keys + (soon + 1) * STRIDE + 16, 1);
    *e = *entry;
    if (signature == NULL)
        e->flags |= INDEX_BARE;
    else
        sketch(signature, e->sketch);
    for (int b = 0; b < MINHASH_BANDS; b++)
        keys[(size_t)b * STRIDE] = signature != NULL ? minhash_band(signature, b) : 0;
}

int index_append(struct index *x, const struct index_entry *entry,
                 const struct minhash_signature *signature, const char *spill_dir,
                 struct error *error)
{
    if (index_grow(x, 1, spill_dir, error) != 0)
        return -1;
    index_set(x, x->n - 1, entry, signature);
    return 0;
}

static int read_back(const struct index *x, size_t block, size_t place, uint32_t *keys, size_t n,
                     struct error *error)
{
    const off_t from = (off_t)(block * BLOCK_BYTES + place * sizeof *keys);
    for (size_t done = 0; done < n * sizeof *keys;) {
        const ssize_t k =
            pread(x->spill, (char *)keys + done, n * sizeof *keys - done, from + (off_t)done);
        if (k <= 0)
            return error_system(error, k < 0 ? errno : EIO, "reading signatures back");
        done += (size_t)k;
    }
    return 0;
}

int index_keys(const struct index *x, int band, size_t from, size_t n, uint32_t *keys,
               struct error *error)
{
    while (n > 0) {
        const size_t block = from / INDEX_BLOCK, at = from % INDEX_BLOCK;
        const size_t place = (size_t)band * STRIDE + at;
        const size_t take = n < INDEX_BLOCK - at ? n : INDEX_BLOCK - at;
        if (x->blocks[block] != NULL)
            memcpy(keys, x->blocks[block] + place, take * sizeof *keys);
        else if (read_back(x, block, place, keys, take, error) != 0)
            return -1;
        from += take;
        keys += take;
        n -= take;
    }
    return 0;
}

int index_band(const struct index *x, int band, uint32_t *keys, struct error *error)
{
    return index_keys(x, band, 0, x->n, keys, error);
}

const uint32_t *index_column(const struct index *x, int band, size_t block,
                             uint32_t own[INDEX_BLOCK], struct error *error)
{
    const size_t first = block * INDEX_BLOCK, left = x->n - first;
    if (x->blocks[block] != NULL)
        return x->blocks[block] + (size_t)band * STRIDE;
    return index_keys(x, band, first, left < INDEX_BLOCK ? left : INDEX_BLOCK, own, error) == 0
               ? own
               : NULL;
}

int index_key(const struct index *x, size_t row, int band, uint32_t *key, struct error *error)
{
    const size_t block = row / INDEX_BLOCK, place = (size_t)band * STRIDE + row % INDEX_BLOCK;
    if (x->blocks[block] == NULL)
        return read_back(x, block, place, key, 1, error);
    *key = x->blocks[block][place];
    return 0;
}
