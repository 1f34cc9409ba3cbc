/* syscall is not in POSIX 2008. */
#define _DEFAULT_SOURCE

#include "model/kernels/amx.h"

#include "core/processor.h"
#include "model/half.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#if AMX_BUILT
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* ---- processor and system ------------------------------------------------------------------ */

#if AMX_BUILT
/* Does the system save tiles?  XCR0, as AVX-512 is there. */
static bool saved_by_system(void)
{
    enum { TILES = 1 << 17 | 1 << 18 };
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & TILES) == TILES;
}

static bool permitted(void)
{
    enum { ARCH_GET_XCOMP_PERM = 0x1022, ARCH_REQ_XCOMP_PERM = 0x1023, TILE_DATA = 18 };
    unsigned long mask = 0;
    if (syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, TILE_DATA) != 0 ||
        syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &mask) != 0)
        return false;
    return (mask & 1ul << TILE_DATA) != 0;
}

static const char *missing(void)
{
    if (!processor_has(PROCESSOR_AVX512_BF16) || !processor_has(PROCESSOR_AMX_BF16))
        return "not in this processor";
    if (!saved_by_system())
        return "left out: the system does not save tile registers";
    if (!permitted())
        return "left out: the system gives no permission (Linux before 5.16, or a sandbox)";
    return NULL;
}
#else
static const char *missing(void)
{
    return "not built for this processor or by this compiler";
}
#endif

/* ---- a small product ----------------------------------------------------------------------- */

enum { ROWS = 32, COLS = 32, DEPTH = 77 };

static float rounded(float x)
{
    return half_from_bf16(half_to_bf16(x));
}

/* Numbers of either sign between 1/64 and 1, the same ones every time. */
static void fill(float *x, size_t n, uint32_t state)
{
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = ((float)(state >> 8 & 63) + 1) / 64 * ((state >> 31) != 0 ? -1.0f : 1.0f) +
               (float)(state >> 14 & 127) / 65536;
    }
}

/* Is c the product of a [rows, depth] and b [cols, depth], to the rounding of sums in float? */
static bool correct(const float *a, const float *b, const float *c, int64_t rows, int64_t cols)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++) {
            double sum = 0;
            for (int64_t p = 0; p < DEPTH; p++)
                sum += (double)rounded(a[i * DEPTH + p]) * (double)rounded(b[j * DEPTH + p]);
            if (!(fabs((double)c[i * COLS + j] - sum) < 1e-4))
                return false;
        }
    }
    return true;
}

static bool multiplies(const struct micro *m, int64_t rows, int64_t cols)
{
    static _Alignas(64) uint32_t packed[2][ROWS * 96];
    static float a[ROWS * DEPTH], b[COLS * DEPTH], c[ROWS * COLS];
    const struct micro_source from_a = {a, DEPTH, rows, DEPTH, true, false};
    const struct micro_source from_b = {b, DEPTH, cols, DEPTH, true, false};
    const struct micro_tile tile = {.c = c,
                                    .ldc = COLS,
                                    .rows = rows,
                                    .cols = cols,
                                    .depth = DEPTH,
                                    .alpha = 1,
                                    .step = m->rows};
    fill(a, ROWS * DEPTH, 1);
    fill(b, COLS * DEPTH, 2);
    m->pack_a(packed[0], &from_a);
    m->pack_b(packed[1], &from_b);
    if (m->begin != NULL)
        m->begin();
    m->multiply(packed[0], packed[1], &tile);
    if (m->end != NULL)
        m->end();
    return correct(a, b, c, rows, cols);
}

/* ---- with faults caught -------------------------------------------------------------------- */

static _Thread_local sigjmp_buf back;
static _Thread_local volatile sig_atomic_t checking;

/* Another thread's fault, or one of the check that left: it happens again, uncaught. */
static void on_fault(int number)
{
    if (checking)
        siglongjmp(back, 1);
    (void)signal(number, SIG_DFL);
}

const char *amx_check(const struct micro *m)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction catch = {.sa_handler = on_fault}, illegal, invalid;
    const char *volatile wrong =
        "left out: its instructions are refused"; /* kept across the jump */
    (void)sigemptyset(&catch.sa_mask);
    (void)pthread_mutex_lock(&one_at_a_time);
    (void)sigaction(SIGILL, &catch, &illegal);
    (void)sigaction(SIGSEGV, &catch, &invalid);
    if (sigsetjmp(back, 1) == 0) {
        checking = 1;
        wrong = multiplies(m, ROWS, COLS) && multiplies(m, 5, 3)
                    ? NULL
                    : "left out: its products are wrong";
    }
    checking = 0;
    (void)sigaction(SIGSEGV, &invalid, NULL);
    (void)sigaction(SIGILL, &illegal, NULL);
    (void)pthread_mutex_unlock(&one_at_a_time);
    return wrong;
}

/* ---- once ---------------------------------------------------------------------------------- */

static struct {
    pthread_once_t once;
    bool usable;
    const char *state;
} amx = {.once = PTHREAD_ONCE_INIT, .state = "not asked for"};

static void ask(void)
{
    const char *reason = missing();
    if (reason == NULL)
        reason = amx_check(&micro_bf16_amx);
    amx.usable = reason == NULL;
    amx.state = amx.usable ? "in use" : reason;
}

bool amx_usable(void)
{
    (void)pthread_once(&amx.once, ask);
    return amx.usable;
}

const char *amx_state(void)
{
    return amx.state;
}
