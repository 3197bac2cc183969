// The photos of this page: what is sent, what is waited for, what came of it.

import * as api from "./api.js";

const AT_ONCE = 2;

export class Items {
  constructor(changed) {
    this.all = [];
    this.changed = changed;
    this.sending = 0;
    this.number = 0;
  }

  add(files) {
    const fresh = [...files].map((file) => this.item(file.name || "photo.png", { file, local: preview(file) }));
    this.all.push(...fresh);
    this.changed(fresh[0]);
    this.pump();
    return fresh;
  }

  item(name, more) {
    return { key: ++this.number, name, file: null, local: null, upload: null, job: null, detection: null, layering: null, lost: false,
      error: null, sent: 0, strength: 1, options: {}, order: null, ...more };
  }

  // Jobs of before this page was loaded anew come back.
  recall(jobs) {
    for (const job of jobs) if (job.task === "restore") {
      const known = this.all.find((item) => item.upload === job.upload);
      if (known) known.job = job;
      else this.all.push(this.item(job.name, { upload: job.upload, job }));
    }
    this.changed(this.all[0]);
  }

  pump() {
    const next = this.all.find((item) => !item.upload && !item.error && !item.busy);
    if (!next || this.sending >= AT_ONCE) return;
    this.sending++;
    next.busy = true;
    this.send(next).finally(() => { next.busy = false; this.sending--; this.pump(); });
    this.pump();
  }

  async send(item) {
    try {
      await api.ready;
      // A refusal while the file is on its way would look like a broken connection.
      if (item.file.size > api.session.limits.upload_bytes) throw new api.Refused("TooLarge", "");
      const upload = await api.send(item.file, item.name, (share) => { item.sent = share; this.changed(); });
      item.upload = upload.id;
      item.clip = upload.kind === "clip";
      if (!this.all.includes(item)) { api.forget(item.upload); return; }
      item.job = await api.order({ upload: item.upload, ...item.options });
    } catch (error) { item.error = error; }
    this.changed();
  }

  // Restores an item again, with other options; one whose upload the server lost is sent anew.
  async again(item) {
    item.error = null;
    if (!item.upload || item.lost) {
      if (!item.file) return;
      Object.assign(item, { upload: null, job: null, detection: null, layering: null, lost: false });
      item.options = { model: item.options.model, tone: item.options.tone };
      this.pump();
    } else {
      try { item.job = await api.order({ upload: item.upload, ...item.options }); } catch (error) { item.error = error; }
    }
    this.changed();
  }

  // Asks for a map of an item: task "detect" for its "detection", "layers" for its "layering".
  async map(item, task, name) {
    if (item[name] && item[name].state !== "failed") return;
    try { item[name] = await api.order({ upload: item.upload, task, tone: item.options.tone ?? "auto" }); } catch (error) { item[name] = { state: "failed" }; }
    this.changed();
  }

  news(jobs) {
    const byId = new Map(jobs.map((job) => [job.id, job]));
    for (const item of this.all) {
      if (item.job) item.job = byId.get(item.job.id) ?? item.job;
      for (const name of ["detection", "layering"]) if (item[name]) item[name] = byId.get(item[name].id) ?? item[name];
    }
    this.changed();
  }

  // The server was started anew: nothing that it had is there any more.
  forgotten() {
    for (const item of this.all) item.lost = true;
    this.changed();
  }

  remove(item) {
    this.all = this.all.filter((other) => other !== item);
    if (item.local) URL.revokeObjectURL(item.local);
    if (item.upload && !item.lost) api.forget(item.upload).catch(() => {});
    this.changed(this.all[0]);
  }

  clear() {
    for (const item of this.all) if (item.local) URL.revokeObjectURL(item.local);
    this.all = [];
    api.forgetAll().catch(() => {});
    this.changed(null);
  }
}

const preview = (file) => /^image\/(jpeg|png|webp|gif|avif|bmp)$/.test(file.type) ? URL.createObjectURL(file) : null;

// One word for where an item stands: sending, queued, running, failed, cancelled, or the verdict.
export function stateOf(item) {
  if (item.lost || item.error) return "failed";
  if (!item.job) return "sending";
  if (item.job.state === "done") return item.job.result.verdict;
  return item.job.state;
}
export const isBusy = (item) => ["sending", "queued", "running"].includes(stateOf(item));
export const isDone = (item) => item.job?.state === "done" && !item.lost;
