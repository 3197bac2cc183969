// Talks to the server this page came from, and to nobody else.

let token = sessionStorage.getItem("token") ?? "";
export let session = null;

export class Refused extends Error {
  constructor(code, message) { super(message); this.code = code; }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(method, path, body) {
  const headers = { "X-Unblur-Token": token };
  let response;
  try {
    response = await fetch(path, { method, headers, body });
  } catch {
    throw new Refused("network", "");
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  const { error } = await response.json().catch(() => ({ error: { code: "network", message: response.statusText } }));
  throw new Refused(error.code, error.message);
}

// Returns whether the server still knows us from before.
export async function begin() {
  const before = token;
  session = await ask("GET", "api/session");
  token = session.token;
  sessionStorage.setItem("token", token);
  return before === token;
}

// Resolves, to the same answer, once the server is there.
export const ready = (async () => {
  for (;;) {
    try { return await begin(); } catch { await pause(1500); }
  }
})();

export const jobs = async () => (await ask("GET", "api/jobs")).jobs;
export const order = (what) => ask("POST", "api/jobs", JSON.stringify(what));
export const cancel = (id) => ask("POST", `api/jobs/${id}/cancel`);
export const forget = (upload) => ask("DELETE", `api/uploads/${upload}`);
export const forgetAll = () => ask("DELETE", "api/session");
export const motionOf = (id) => ask("GET", `api/jobs/${id}/motion`);
export const pictureOf = (id, name) => `api/jobs/${id}/${name}`;

// Sends one file; XMLHttpRequest, because fetch does not tell how far it is.
export function send(file, name, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `api/uploads?name=${encodeURIComponent(name)}`);
    request.setRequestHeader("X-Unblur-Token", token);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onerror = () => reject(new Refused("network", ""));
    request.onload = () => {
      if (request.status === 201) return resolve(request.response);
      const error = request.response?.error ?? { code: "network", message: request.statusText };
      reject(new Refused(error.code, error.message));
    };
    request.send(file);
  });
}

// Calls news(jobs) at each change, and state(true or false) as the server comes and goes.
export async function follow(news, state) {
  for (;;) {
    try {
      const response = await fetch("api/events", { headers: { "X-Unblur-Token": token } });
      if (response.status === 403) { state(true, !(await begin())); continue; }
      if (!response.ok) throw new Error(response.statusText);
      state(true, false);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          const data = part.match(/^event: jobs\ndata: (.*)$/);
          if (data) news(JSON.parse(data[1]).jobs);
        }
      }
    } catch { /* the server is away */ }
    state(false, false);
    await pause(1500);
  }
}
