/* Asynchronous work that settles a promise; a job struct starts with one of these. */
#ifndef CRESSET_JS_JOB_H
#define CRESSET_JS_JOB_H

#include <node_api.h>

typedef struct js_job {
  void (*run)(struct js_job *job);                     /* on a native thread */
  napi_value (*value)(napi_env env, struct js_job *job); /* NULL: reject with error() */
  napi_value (*error)(napi_env env, struct js_job *job);
  void (*release)(struct js_job *job);
  napi_async_work work;
  napi_deferred deferred;
} js_job;

/* Runs the job on this thread: its value, or NULL with its error thrown. */
napi_value run_job(napi_env env, js_job *job);

/* Queues the job: a promise, or NULL with an error thrown. Either way the job is released when it is over. */
napi_value queue_job(napi_env env, js_job *job, const char *name);

#endif
