#include "model/blas.h"

#include <cblas.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void sgemm_fn(enum CBLAS_ORDER, enum CBLAS_TRANSPOSE, enum CBLAS_TRANSPOSE, blasint,
                      blasint, blasint, float, const float *, blasint, const float *, blasint,
                      float, float *, blasint);

static struct {
    sgemm_fn *sgemm;
    char name[128];
} library;

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ISO C has no conversion from void * to a function: POSIX says how it is stored. */
static void find(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof symbol);
}

static void describe(void *handle)
{
    char *(*config)(void) = NULL, *(*core)(void) = NULL;
    const char *text;
    size_t n;
    find(handle, "openblas_get_config", &config);
    find(handle, "openblas_get_corename", &core);
    if (config == NULL || core == NULL) {
        (void)snprintf(library.name, sizeof library.name, "cblas");
        return;
    }
    text = config();
    n = strcspn(text + (strncmp(text, "OpenBLAS ", 9) == 0 ? 9 : 0), " ") + 9;
    (void)snprintf(library.name, sizeof library.name, "%.*s %s", (int)n, text, core());
}

static void load(void)
{
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"};
    void (*set_threads)(int) = NULL;
    void *handle = NULL;
    (void)snprintf(library.name, sizeof library.name, "none");
    for (size_t i = 0; i < sizeof names / sizeof *names && handle == NULL; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return;
    find(handle, "cblas_sgemm", &library.sgemm);
    find(handle, "openblas_set_num_threads", &set_threads);
    if (set_threads != NULL)
        set_threads(1);
    if (library.sgemm != NULL)
        describe(handle);
}

bool blas_present(void)
{
    pthread_once(&once, load);
    return library.sgemm != NULL;
}

void blas_multiply(const struct gemm *g)
{
    library.sgemm(CblasRowMajor, g->ta ? CblasTrans : CblasNoTrans,
                  g->tb ? CblasTrans : CblasNoTrans, (blasint)g->m, (blasint)g->n, (blasint)g->k,
                  g->alpha, g->a, (blasint)g->lda, g->b, (blasint)g->ldb, g->beta, g->c,
                  (blasint)g->ldc);
}

const char *blas_name(void)
{
    pthread_once(&once, load);
    return library.name;
}
