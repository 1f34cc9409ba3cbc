/*
 * An exchange: one completion request from its HTTP arrival to its last byte.  It hands jobs to
 * the engine and turns their events into a whole reply or a stream.
 */
#ifndef SERVE_EXCHANGE_H
#define SERVE_EXCHANGE_H

#include "serve/engine.h"
#include "serve/httpd.h"
#include "serve/request.h"

/* Take the request over and answer `http`, now with a fault or later with the reply.  Called on
 * the HTTP thread.  Returns the HTTP status of a fault, or 200 when the engine has it. */
int exchange_begin(struct engine *engine, const struct served *served, struct request *request,
                   struct httpd_request *http);

/* Answer a fault. */
void exchange_refuse(struct httpd_request *http, const struct api_problem *problem);

#endif
