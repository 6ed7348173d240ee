// Sends one file's original bytes to the server, and has a file mended there. Both end, one way or the other.
const UPLOAD_PATIENCE_MS = 15 * 60 * 1000;
const MENDING_LOOK_MS = 500;

// share: hears 0 to 1. Gives {done: a promise of the path on the server, abort}.
function sendFile(file, share) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    const body = new FormData();
    body.append("files", file, file.name);
    request.open("POST", kit.url("gradio_api/upload"));
    request.timeout = UPLOAD_PATIENCE_MS;
    request.responseType = "json";
    request.upload.onprogress = (event) => { if (event.lengthComputable) share(event.loaded / event.total); };
    request.onload = () => (request.status === 200 && request.response?.[0]
      ? resolve(request.response[0])
      : reject(kit.failure(request.status === 413 ? "too_big_for_server" : request.status === 429 ? "too_many_uploads" : "upload_failed")));
    request.onerror = request.ontimeout = () => reject(kit.failure("no_connection"));
    request.send(body);
  });
  return { done, abort() { request.abort(); } };
}

// Yields {progress} until {file, changes, before, after} is there. A reader who leaves early calls it off.
async function* mendFile(request) {
  const { id } = await kit.ask("mend", request);
  let ended = false;
  try {
    for (;;) {
      const state = await kit.ask("mending", { id });
      ended = Boolean(state.file || state.stopped);
      if (state.stopped) return;
      yield state;
      if (ended) return;
      await new Promise((go) => { setTimeout(go, MENDING_LOOK_MS); });
    }
  } catch (error) {
    ended = error.code !== "no_connection";
    throw error;
  } finally {
    if (!ended) kit.ask("mend_stop", { id }).catch(() => {});
  }
}
