// The page: wires items, stage and panel together.

import * as api from "./api.js";
import { Items, isBusy, isDone, stateOf } from "./items.js";
import { Layers } from "./layers.js";
import { Mask } from "./mask.js";
import { Motion } from "./motion.js";
import { Pad } from "./pad.js";
import { current, has, seconds, speak, t, turn } from "./text.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
let shown = null, showing = "";
const announced = new Map();

const motion = new Motion($("motion"));
const viewer = new Viewer($("stage"), $("split"), (v) => {
  $("zoom").value = `${Math.round(v.at.s * 100)} %`;
  motion.draw(v);
});
const mask = new Mask($("paint").querySelector("canvas"), (m) => {
  $("clearmask").hidden = !m.isSet;
  if (m.box) for (const input of $("boxfield").querySelectorAll("input")) input.value = m.box[input.dataset.side];
});
const layers = new Layers($("layers").querySelector("canvas"));
const MAPS = ["motion", "layers", "heat"];
const pad = new Pad($("pad"), (blob, name) => {
  if (!shown) return;
  shown.psf = { blob, name };
  draw();
});
const items = new Items((chosen) => {
  if (chosen !== undefined && (!shown || !items.all.includes(shown) || chosen === null)) select(chosen ?? null);
  draw();
});

// --- choosing -----------------------------------------------------------------------------

function select(item) {
  shown = item;
  showing = "";
  for (const name of MAPS) toggle(name, false);
  mask.clear(1, 1);
  tool("pan");
  document.querySelector("aside").scrollTop = 0;
  if (item) { $("strength").value = Math.round(item.strength * 100); strengthen(); $("model").value = item.options.model ?? $("model").options[0]?.value ?? ""; $("tone").value = item.options.tone ?? "auto"; }
  draw();
}

function take(files) {
  if (!files.length) return;
  const fresh = items.add(files);
  if (!shown || !isBusy(shown)) select(fresh[0]);
  $("empty").hidden || $("stage").focus({ preventScroll: true });
}

// --- drawing the state --------------------------------------------------------------------

function draw() {
  $("empty").hidden = items.all.length > 0;
  $("work").hidden = items.all.length === 0;
  const done = items.all.filter(isDone);
  const open = items.all.length - items.all.filter((item) => !isBusy(item)).length;
  document.title = open ? `(${items.all.length - open}/${items.all.length}) unblur` : "unblur";
  $("zip").hidden = items.all.length < 2;
  link($("zip"), done.length ? `api/zip?${done.map((item) => `job=${item.job.id}:${item.strength}`).join("&")}${taking("&")}` : null);
  film();
  if (shown) { stage(); panel(); }
  announce();
}

function film() {
  const list = $("film");
  items.all.forEach((item, place) => {
    let row = list.querySelector(`[data-key="${item.key}"]`);
    if (!row) {
      row = make("li", {}, make("button", { type: "button" }, make("img", { className: "thumb", alt: "" }), make("span", { className: "name" }), make("span", { className: "state" })),
        make("progress", { max: 1 }), make("button", { type: "button", className: "gone", textContent: "×" }));
      row.dataset.key = item.key;
      row.children[0].addEventListener("click", () => select(item));
      row.children[2].addEventListener("click", () => { say(t("removed", item)); items.remove(item); });
    }
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
    const [button, bar, gone] = row.children, picture = button.querySelector("img");
    const url = item.local ?? (isDone(item) && item.job.result.kind === "photo" ? api.pictureOf(item.job.id, "before") : "");
    if (picture.getAttribute("src") !== (url || null)) url ? (picture.src = url) : picture.removeAttribute("src");
    row.dataset.kind = stateOf(item);
    button.setAttribute("aria-current", item === shown);
    button.querySelector(".name").textContent = button.title = item.name;
    button.querySelector(".state").textContent = inShort(item);
    bar.hidden = !isBusy(item);
    bar.value = share(item);
    bar.setAttribute("aria-label", `${t("progress")}: ${item.name}`);
    gone.setAttribute("aria-label", t("remove", item));
  });
  for (const row of [...list.children]) if (!items.all.some((item) => String(item.key) === row.dataset.key)) row.remove();
}

const share = (item) => item.job ? 0.05 + 0.95 * item.job.progress : 0.05 * item.sent;

function inShort(item) {
  const state = stateOf(item);
  if (state === "sending") return t("sending");
  if (state === "queued") return item.job.place ? t("queued", { n: item.job.place }) : t("next");
  if (state === "running") return t("left", { t: seconds(item.job.seconds_left) });
  if (state === "restored") return item.job.result.kind === "clip" ? t("v_restored_clip", { n: item.job.result.frames }) : t("n_restored", { l: Math.round(item.job.result.length_px) });
  return has(`n_${state}`) ? t(`n_${state}`) : t(state);
}

function stage() {
  const busy = isBusy(shown), state = stateOf(shown);
  $("busy").hidden = !busy;
  if (busy) {
    $("stagename").textContent = state !== "running" ? inShort(shown) : t(shown.job.preview ? "preview" : shown.job.stage || "reading");
    $("bar").value = share(shown);
    $("left").textContent = shown.job?.seconds_left != null ? t("left", { t: seconds(shown.job.seconds_left) }) : "";
    $("cancel").hidden = !shown.job;
  }
  const early = busy && shown.job?.preview && shown.local;
  const what = isDone(shown) ? shown.job.id : early ? `local ${shown.key} ${shown.job.id}` : `local ${shown.key}`;
  if (what === showing || (busy && showing && !showing.startsWith("local") && shown.job)) return;
  showing = what;
  if (early) { showEarly(shown, what); return; }
  if (!isDone(shown)) { showLocal(shown); return; }
  const { id, result } = shown.job;
  if (result.kind === "clip") { showClip(id); return; }
  const size = [result.width, result.height];
  const keep = viewer.size[0] === size[0] && viewer.size[1] === size[1];
  const before = picture(api.pictureOf(id, "before"), t("before"));
  const after = result.changed ? picture(api.pictureOf(id, "after"), t("after")) : null;
  // Both are decoded before they take the place of what is there, so that nothing flickers.
  Promise.allSettled([before.decode(), after?.decode()]).then(() => {
    if (showing !== what) return;
    if (!keep) viewer.fitted = true;
    viewer.show(before, after, ...size);
    if (mask.size[0] !== size[0] || mask.size[1] !== size[1]) mask.clear(...size);
    $("stage").dataset.ready = id;
  });
  toggle("motion", !$("motion").hidden);
}

function showLocal(item) {
  if (!item.local) { viewer.show(null, null, 4, 3); return; }
  const image = picture(item.local, item.name);
  image.decode().then(() => {
    if (showing === `local ${item.key}`) viewer.show(image, null, image.naturalWidth, image.naturalHeight);
  }, () => viewer.show(null, null, 4, 3));
}

// The preview, as large as the photo itself, beside the photo.
function showEarly(item, what) {
  const before = picture(item.local, item.name), after = picture(api.pictureOf(item.job.id, "preview"), t("preview"));
  Promise.all([before.decode(), after.decode()]).then(() => {
    if (showing !== what) return;
    viewer.show(before, after, before.naturalWidth, before.naturalHeight);
    $("stage").dataset.preview = item.job.id;
  }, () => {});
}

function showClip(id) {
  const [before, after] = ["before", "after"].map((name) => make("video", { src: api.pictureOf(id, name), muted: true, loop: true, playsInline: true, preload: "auto" }));
  after.addEventListener("loadedmetadata", () => viewer.show(before, after, after.videoWidth, after.videoHeight));
  after.addEventListener("timeupdate", () => { if (Math.abs(after.currentTime - before.currentTime) > 0.1) before.currentTime = after.currentTime; });
  after.addEventListener("error", () => say($("verdict").lastChild.textContent = t("noshow")));
  after.addEventListener("loadeddata", () => { $("stage").dataset.ready = id; });
  after.load();
  before.load();
  $("play").onclick = () => {
    const play = after.paused;
    for (const video of [before, after]) play ? video.play() : video.pause();
    $("play").setAttribute("aria-pressed", play);
  };
}

function panel() {
  const state = stateOf(shown), ok = isDone(shown), result = ok ? shown.job.result : null;
  const clip = result?.kind === "clip";
  const [title, text] = verdict(shown);
  $("verdict").dataset.kind = state;
  $("verdict").firstChild.textContent = title;
  $("verdict").lastChild.textContent = text;
  $("strengthfield").hidden = !(result?.changed) || clip;
  $("again").hidden = clip || (!ok && isBusy(shown));
  $("form").hidden = !ok || clip;
  $("play").hidden = !clip;
  for (const name of MAPS) $(`show${name}`).disabled = !ok || clip;
  $("facts").hidden = !ok || clip;
  if (ok && !clip) facts(result);
  const strength = result?.changed && !clip ? `strength=${shown.strength}` : "strength=1";
  link($("download"), ok ? `api/jobs/${shown.job.id}/result?${strength}${taking("&")}` : null);
  $("restore").textContent = state === "failed" ? t("tryagain") : t("restore");
  if (state === "failed") $("again").open = true;
  $("psfname").textContent = shown.psf ? shown.psf.name || t("drawn") : "";
  $("nopsf").hidden = !shown.psf;
  const name = $("model").value;
  $("modelabout").textContent = t(has(`m_${name}`) ? `m_${name}` : "m_other");
  const detection = shown.detection;
  if (detection?.state === "done" && !$("heat").hidden) heat(detection);
  const layering = shown.layering;
  if (layering?.state === "done" && !$("layers").hidden) layered(layering);
  const map = $("layers").hidden ? $("heat").hidden ? null : detection : layering;
  if (map?.state === "failed") $("legend").textContent = map.error?.message ?? t("failed");
}

function verdict(item) {
  const state = stateOf(item);
  if (item.lost) return [t("v_failed"), t("gone")];
  if (state === "failed") {
    const { code, message } = item.error ?? item.job.error;
    const known = has(`e_${code}`) ? t(`e_${code}`) : message;
    return [t("v_failed"), current() === "en" && message && known !== message ? `${known} (${message})` : known];
  }
  if (isBusy(item)) return [item.name, inShort(item)];
  if (state === "cancelled") return [t("v_cancelled"), t("s_cancelled")];
  const result = item.job.result, took = seconds(item.job.seconds);
  if (result.kind === "clip") return [t("v_restored_clip", { n: result.frames }), t("s_clip", { t: took })];
  const values = { l: Math.round(result.length_px), a: Math.round(result.angle_deg), k: t(result.uniform ? "uniform" : "varying"), t: took };
  const text = t(state === "restored" && item.options.psf ? "s_psf" : `s_${state}`, values);
  return [t(`v_${state}`, values), result.tone.evidence === "estimate" ? `${text} ${t("s_tone", { c: light(result.tone) })}` : text];
}

function facts(result) {
  const rows = [
    [t("f_size"), `${result.width} × ${result.height} px`], [t("f_format"), `${result.format}, ${t("bits", { n: result.bits })}`],
    [t("f_model"), result.model], [t("f_tone"), light(result.tone)], [t("f_time"), t("f_seconds", { a: result.seconds.analyse?.toFixed(1), b: result.seconds.restore?.toFixed(1) })],
    ...(result.notes.length ? [[t("f_notes"), result.notes.join("; ")]] : []),
  ];
  $("facts").lastElementChild.replaceChildren(...rows.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
}

// "linear, estimated, 97 %"
function light({ curve, evidence, probability, source }) {
  const [kind, gamma] = curve.split(":");
  const name = t(has(`c_${kind}`) ? `c_${kind}` : "c_other", { g: gamma, c: curve });
  return [name, t(`l_${evidence}`, { p: Math.round(100 * probability), s: source })].join(current() === "zh" ? "，" : ", ");
}

function announce() {
  for (const item of items.all) {
    const state = stateOf(item), key = `${item.key} ${item.job?.id}`;
    if (isBusy(item) || announced.get(key) === state) continue;
    announced.set(key, state);
    say(t("announced", { name: item.name, what: verdict(item).join(". ") }));
  }
}

// --- layers and tools ---------------------------------------------------------------------

function strengthen() {
  const value = Number($("strength").value) / 100;
  if (shown) shown.strength = value;
  $("strengthshown").value = `${Math.round(value * 100)} %`;
  viewer.set("--strength", value);
}

async function toggle(name, on) {
  $(name).hidden = !on;
  $(`show${name}`).setAttribute("aria-pressed", on);
  $("legend").hidden = MAPS.every((map) => $(map).hidden);
  $("layerlist").hidden = $("layers").hidden || !$("layerlist").childElementCount;
  $("stage").classList.toggle("mapped", !($("heat").hidden && $("layers").hidden));
  if (name === "layers") tool("pan");
  if (!on || !shown || !isDone(shown)) return;
  for (const other of MAPS) if (other !== name && !$(other).hidden) toggle(other, false);
  $("legend").hidden = false;
  $("legend").textContent = "…";
  if (name === "heat") { await items.map(shown, "detect", "detection"); return; }
  if (name === "layers") {
    delete $("layers").dataset.job;
    $("layerlist").replaceChildren();
    await items.map(shown, "layers", "layering");
    return;
  }
  const id = shown.job.id, field = await api.motionOf(id);
  if (shown?.job?.id !== id) return;
  motion.load(field);
  motion.draw(viewer);
  $("legend").textContent = t("motionlegend", { n: motion.enlarged });
}

function heat(detection) {
  const image = $("heat").querySelector("img"), url = api.pictureOf(detection.id, "heat");
  if (image.getAttribute("src") !== url) image.src = url;
  const shares = detection.result.probabilities;
  $("legend").replaceChildren(...[["sharp", "sharp"], ["motion", "moved"], ["defocus", "defocus"]].flatMap(([kind, word]) =>
    [make("i", { className: `i-${kind}` }), `${t(word)} ${Math.round(100 * shares[kind])} %`]));
}

async function layered(job) {
  const box = $("layers");
  if (box.dataset.job === job.id) return;
  box.dataset.job = job.id;
  await layers.load(job.result, api.pictureOf(job.id, "layers"));
  if (box.dataset.job !== job.id) return;
  $("legend").textContent = t("layerlegend");
  $("layerlist").replaceChildren(...job.result.layers.map(layerRow));
  $("layerlist").hidden = box.hidden;
  if (!box.hidden) viewer.tool = picking();
  box.dataset.ready = job.id;
}

function layerRow(layer, number) {
  const told = [layer.length_px == null ? null : t("l_motion", { l: layer.length_px.toFixed(1), a: Math.round(layer.angle_deg) }), t("l_share", { p: Math.round(100 * layer.share) }),
    layer.confidence == null ? null : t("l_sure", { p: Math.round(100 * layer.confidence) })].filter(Boolean).join(current() === "zh" ? "，" : ", ");
  const box = make("input", { type: "checkbox", checked: true }), chip = make("i", {});
  box.addEventListener("change", () => layers.switch(number, box.checked));
  chip.style.background = `rgb(${layer.colour})`;
  const row = make("li", {}, make("label", {}, box, chip, layers.paths[number] ?? make("span", {}), make("span", { textContent: `${t(`k_${layer.kind}`)}: ${told}` })));
  row.dataset.kind = layer.kind;
  if (layers.moves(number)) {
    const button = make("button", { type: "button", textContent: t("onlythis") });
    button.addEventListener("click", () => pick(number));
    row.append(button);
  }
  return row;
}

// A click, not a drag, picks the layer under it; a drag moves the photo.
function picking() {
  let from = null, far = 0;
  return {
    down: (x, y) => { from = [x, y]; far = 0; },
    move: (x, y) => {
      if (!from) return;
      const [dx, dy] = [(x - from[0]) * viewer.at.s, (y - from[1]) * viewer.at.s];
      far += Math.hypot(dx, dy);
      viewer.pan(dx, dy); // which brings the point back under the pointer
    },
    up: () => {
      if (from && far < 4) pick(layers.at(...from));
      from = null;
    },
  };
}

// Restores what moved with a layer, and nothing else.
async function pick(number) {
  if (!layers.moves(number) || isBusy(shown)) { say(t("nopick")); $("legend").textContent = t("nopick"); return; }
  const { kind, centre } = layers.told.layers[number];
  const part = kind === "camera" ? { only: "camera" } : { only: "subject", at: [Math.floor(centre[1]), Math.floor(centre[0])] };
  await toggle("layers", false);
  await restore(part);
}

function tool(name) {
  for (const button of document.querySelectorAll("[data-tool][role]")) {
    button.setAttribute("aria-checked", button.dataset.tool === name);
    button.tabIndex = button.dataset.tool === name ? 0 : -1;
  }
  $("stage").dataset.tool = name;
  $("boxfield").hidden = name !== "box";
  $("brushfield").hidden = name !== "brush";
  viewer.tool = name === "box" ? mask.boxTool() : name === "brush" ? mask.brushTool(() => viewer.at.s) : null;
}

async function restore(part = null) {
  const item = shown, options = { model: $("model").value, tone: $("tone").value, ...part };
  try {
    if (part) item.psf = null;
    else if (mask.box) options.region = mask.box;
    else if (mask.painted) options.mask = (await api.send(await mask.picture(), "mask.png")).id;
    if (item.psf) options.psf = (await api.send(item.psf.blob, item.psf.name || "psf.png")).id;
  } catch (error) { if (!item.lost && item.upload) { item.error = error; draw(); return; } }
  item.options = options;
  mask.clear(...mask.size);
  tool("pan");
  await items.again(item);
}

// --- small help ---------------------------------------------------------------------------

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
const picture = (src, alt) => make("img", { src, alt, draggable: false });
const say = (text) => { $("live").textContent = text; };
const taking = (mark) => ($("format").value ? `${mark}format=${$("format").value}` : "") + ($("strip").checked ? `${mark}location=strip` : "");
function link(anchor, url) {
  if (url) anchor.href = url; else anchor.removeAttribute("href");
  anchor.setAttribute("aria-disabled", !url);
}
function alarm(text) { $("alarm").textContent = text; $("alarm").hidden = !text; }
function theme(next) {
  const root = document.documentElement;
  if (next) root.dataset.theme = next; else delete root.dataset.theme;
}

// --- events -------------------------------------------------------------------------------

const on = (id, kind, act) => $(id).addEventListener(kind, act);
for (const id of ["choose", "more"]) on(id, "click", () => $("files").click());
on("files", "change", () => { take([...$("files").files]); $("files").value = ""; });
on("language", "click", () => { turn(); showing = ""; draw(); for (const name of ["motion", "layers"]) if (!$(name).hidden) toggle(name, true).then(draw); });
on("theme", "click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  theme(dark ? "light" : "dark");
  try { localStorage.setItem("theme", dark ? "light" : "dark"); } catch { /* not kept, then */ }
});
on("strength", "input", () => { strengthen(); draw(); });
on("in", "click", () => viewer.zoomAt(viewer.at.s * 1.5));
on("out", "click", () => viewer.zoomAt(viewer.at.s / 1.5));
on("fit", "click", () => viewer.fit());
on("full", "click", () => viewer.zoomAt(1));
const peek = (yes) => $("stage").classList.toggle("peeking", yes);
on("peek", "pointerdown", () => peek(true));
for (const kind of ["pointerup", "pointerleave", "blur", "keyup"]) on("peek", kind, () => peek(false));
on("peek", "keydown", (event) => { if (event.key === " " || event.key === "Enter") peek(true); });
on("stage", "keydown", (event) => { if (event.key.toLowerCase() === "b") peek(true); });
on("stage", "keyup", (event) => { if (event.key.toLowerCase() === "b") peek(false); });
for (const name of MAPS) on(`show${name}`, "click", async () => { await toggle(name, $(name).hidden); draw(); });
on("cancel", "click", () => shown?.job && api.cancel(shown.job.id).catch(() => {}));
on("restore", "click", () => restore());
on("drawpsf", "click", () => pad.open());
on("nopsf", "click", () => { shown.psf = null; draw(); });
on("model", "change", draw);
for (const id of ["format", "strip"]) on(id, "change", draw);
on("clear", "click", () => items.clear());
on("clearmask", "click", () => { mask.clear(...mask.size); });
on("brushsize", "input", () => { mask.brush = Number($("brushsize").value); });
const tools = [...document.querySelectorAll("[data-tool][role]")];
for (const [place, button] of tools.entries()) {
  button.addEventListener("click", () => {
    if (button.dataset.tool === "pan") mask.clear(...mask.size);
    tool(button.dataset.tool);
  });
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const next = tools[(place + step + tools.length) % tools.length];
    next.click();
    next.focus();
    event.preventDefault();
  });
}
for (const input of $("boxfield").querySelectorAll("input")) input.addEventListener("change", () => {
  mask.setBox(...[...$("boxfield").querySelectorAll("input")].map((field) => Number(field.value)));
});
addEventListener("paste", (event) => take([...event.clipboardData.files]));
let depth = 0;
addEventListener("dragenter", (event) => { event.preventDefault(); depth++; $("dropping").hidden = false; });
addEventListener("dragleave", () => { if (--depth <= 0) $("dropping").hidden = true; });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  $("dropping").hidden = true;
  take([...event.dataTransfer.files]);
});

// --- beginning ----------------------------------------------------------------------------

function fillModels() {
  const names = api.session?.models.map((model) => model.name) ?? [];
  if (names.length && $("model").options.length !== names.length) {
    const chosen = $("model").value;
    $("model").replaceChildren(...names.map((name) => make("option", { value: name, textContent: name })));
    if (names.includes(chosen)) $("model").value = chosen;
  }
  return names.length > 0;
}

speak();
try { theme(localStorage.getItem("theme")); } catch { /* as the system has it */ }
strengthen();
if (!["127.0.0.1", "localhost", "[::1]"].includes(location.hostname)) document.querySelector("[data-t=private]").dataset.t = "hosted", speak();
(async () => {
  if (await api.ready) items.recall(await api.jobs().catch(() => []));
  api.follow((jobs) => items.news(jobs), (here, anew) => {
    alarm(here ? "" : t("lost"));
    if (anew && items.all.length) items.forgotten();
  });
  document.documentElement.dataset.ready = "yes";
  // The models are known when the first worker has started.
  while (!fillModels()) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await api.begin().catch(() => {});
  }
  draw();
})();
