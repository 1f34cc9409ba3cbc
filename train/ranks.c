#include "train/ranks.h"

#include "core/mem.h"

#include <stdlib.h>

struct ranks {
    int number, count;
};

/* What mpirun of Open MPI tells its children. */
static int told(const char *variable, int fallback)
{
    const char *text = getenv(variable);
    return text != NULL ? (int)strtol(text, NULL, 10) : fallback;
}

bool ranks_follower(void)
{
    return told("OMPI_COMM_WORLD_RANK", 0) > 0;
}

int ranks_number(const struct ranks *r)
{
    return r != NULL ? r->number : 0;
}

int ranks_count(const struct ranks *r)
{
    return r != NULL ? r->count : 1;
}

static struct ranks *alone(void)
{
    struct ranks *r = mem_alloc(sizeof *r);
    *r = (struct ranks){0, 1};
    return r;
}

#ifdef RETORT_MPI

#include <mpi.h>

enum { PIECE = 1 << 26 }; /* elements a call */

static int check(int status, const char *what, struct error *error)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;
    if (status == MPI_SUCCESS)
        return 0;
    (void)MPI_Error_string(status, text, &len);
    return error_set(error, ERROR_FAILED,
                     "another process of this mpirun is gone (%s: %s); the newest checkpoint is "
                     "kept, run the same command to go on",
                     what, text);
}

struct ranks *ranks_open(struct error *error)
{
    struct ranks *r;
    if (told("OMPI_COMM_WORLD_SIZE", 1) <= 1)
        return alone();
    if (check(MPI_Init(NULL, NULL), "MPI_Init", error) != 0)
        return NULL;
    (void)MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    r = mem_zero(1, sizeof *r);
    (void)MPI_Comm_rank(MPI_COMM_WORLD, &r->number);
    (void)MPI_Comm_size(MPI_COMM_WORLD, &r->count);
    return r;
}

void ranks_close(struct ranks *r, bool together)
{
    if (together && ranks_count(r) > 1)
        (void)MPI_Finalize();
    mem_free(r);
}

static int piece_of(size_t n)
{
    return n < PIECE ? (int)n : PIECE;
}

int ranks_sum(struct ranks *r, float *x, size_t n, struct error *error)
{
    int status = 0;
    for (size_t at = 0; status == 0 && ranks_count(r) > 1 && at < n; at += PIECE)
        status = check(MPI_Allreduce(MPI_IN_PLACE, x + at, piece_of(n - at), MPI_FLOAT, MPI_SUM,
                                     MPI_COMM_WORLD),
                       "sum of gradients", error);
    return status;
}

int ranks_sum_doubles(struct ranks *r, double *x, size_t n, struct error *error)
{
    int status = 0;
    for (size_t at = 0; status == 0 && ranks_count(r) > 1 && at < n; at += PIECE)
        status = check(MPI_Allreduce(MPI_IN_PLACE, x + at, piece_of(n - at), MPI_DOUBLE, MPI_SUM,
                                     MPI_COMM_WORLD),
                       "sum of losses", error);
    return status;
}

int ranks_send(struct ranks *r, const float *x, size_t n, int to, struct error *error)
{
    int status = 0;
    for (size_t at = 0; status == 0 && ranks_count(r) > 1 && at < n; at += PIECE)
        status = check(MPI_Send(x + at, piece_of(n - at), MPI_FLOAT, to, 0, MPI_COMM_WORLD), "send",
                       error);
    return status;
}

int ranks_receive(struct ranks *r, float *x, size_t n, int from, struct error *error)
{
    int status = 0;
    for (size_t at = 0; status == 0 && ranks_count(r) > 1 && at < n; at += PIECE)
        status = check(MPI_Recv(x + at, piece_of(n - at), MPI_FLOAT, from, 0, MPI_COMM_WORLD,
                                MPI_STATUS_IGNORE),
                       "receive", error);
    return status;
}

int ranks_broadcast(struct ranks *r, float *x, size_t n, int from, struct error *error)
{
    int status = 0;
    for (size_t at = 0; status == 0 && ranks_count(r) > 1 && at < n; at += PIECE)
        status = check(MPI_Bcast(x + at, piece_of(n - at), MPI_FLOAT, from, MPI_COMM_WORLD),
                       "broadcast", error);
    return status;
}

bool ranks_any(struct ranks *r, bool flag)
{
    int x = flag ? 1 : 0;
    if (ranks_count(r) > 1)
        (void)MPI_Allreduce(MPI_IN_PLACE, &x, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return x != 0;
}

#else

struct ranks *ranks_open(struct error *error)
{
    if (told("OMPI_COMM_WORLD_SIZE", 1) > 1) {
        error_set(
            error, ERROR_USAGE,
            "this retort was built without MPI; install libopenmpi-dev and build it again, or "
            "start it without mpirun");
        return NULL;
    }
    return alone();
}

void ranks_close(struct ranks *r, bool together)
{
    (void)together;
    mem_free(r);
}

/* Alone, every sum is what it is and nobody sends. */
int ranks_sum(struct ranks *r, float *x, size_t n, struct error *error)
{
    (void)r;
    (void)x;
    (void)n;
    (void)error;
    return 0;
}

int ranks_sum_doubles(struct ranks *r, double *x, size_t n, struct error *error)
{
    (void)r;
    (void)x;
    (void)n;
    (void)error;
    return 0;
}

int ranks_send(struct ranks *r, const float *x, size_t n, int to, struct error *error)
{
    (void)to;
    (void)x;
    return ranks_sum(r, NULL, n, error);
}

int ranks_receive(struct ranks *r, float *x, size_t n, int from, struct error *error)
{
    (void)from;
    return ranks_sum(r, x, n, error);
}

int ranks_broadcast(struct ranks *r, float *x, size_t n, int from, struct error *error)
{
    (void)from;
    return ranks_sum(r, x, n, error);
}

bool ranks_any(struct ranks *r, bool flag)
{
    (void)r;
    return flag;
}

#endif
