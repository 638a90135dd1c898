#include "js_job.h"

#include "args.h"

napi_value run_job(napi_env env, js_job *job) {
  job->run(job);
  napi_value value = job->value(env, job);
  if (value == NULL) napi_throw(env, job->error(env, job));
  job->release(job);
  return value;
}

static void execute(napi_env env, void *data) {
  js_job *job = data;
  job->run(job);
}

static void complete(napi_env env, napi_status status, void *data) {
  js_job *job = data;
  napi_value value = status == napi_ok ? job->value(env, job) : NULL;
  if (value != NULL)
    napi_resolve_deferred(env, job->deferred, value);
  else
    napi_reject_deferred(env, job->deferred, job->error(env, job));
  napi_delete_async_work(env, job->work);
  job->release(job);
}

napi_value queue_job(napi_env env, js_job *job, const char *name) {
  napi_value promise, label;
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &label) == napi_ok &&
      napi_create_async_work(env, NULL, label, execute, complete, job, &job->work) == napi_ok) {
    if (napi_create_promise(env, &job->deferred, &promise) == napi_ok && napi_queue_async_work(env, job->work) == napi_ok)
      return promise;
    napi_delete_async_work(env, job->work);
  }
  job->release(job);
  return throw_failure(env, "NO_MEMORY", "cannot queue a job");
}
