const data = JSON.parse(document.getElementById("content").textContent);
const byId = (id) => document.getElementById(id);
/** The first colour is that of the photos as they came; the others begin again after eleven. */
const models = data.models.map((model, i) => ({ ...model,
  color: `var(--m${i ? 1 + ((i - 1) % 11) : 0})` }));
const modelOf = Object.fromEntries(models.map((model) => [model.name, model]));
const main = data.protocol.main;
const unit = main.endsWith("_db") ? " dB" : "";

/** Make an element: attributes, then children; text is never read as HTML. */
function el(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "circle", "rect", "text", "path", "title"].includes(tag);
  const made = svg
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const text = (value, digits = 2) =>
  isNumber(value) ? value.toFixed(Math.abs(value) >= 100 ? Math.min(digits, 1) : digits) : value === null || value === undefined ? "–" : value;
const signed = (value, digits = digitsOf(main)) =>
  isNumber(value) ? (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits) : text(value);
const digitsOf = (score) => (score.endsWith("_db") ? 2 : 4);
const titleOf = (score) => data.protocol.titles[score] ?? score;
/** A number for sorting; what is unknown comes last. */
const rank = (value) =>
  isNumber(value) ? value : value === "∞" ? Infinity : value === "-∞" ? -Infinity : null;

function dot(model) {
  return el("span", { class: "dot", style: `background:${modelOf[model].color}` });
}

function tip(target, words) {
  const box = byId("tip");
  target.addEventListener("pointermove", (event) => {
    box.hidden = false;
    box.textContent = words;
    box.style.left = `${Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8)}px`;
    box.style.top = `${event.clientY + 16}px`;
  });
  target.addEventListener("pointerleave", () => (box.hidden = true));
  return target;
}

/** Fill a table whose columns sort when their heads are pressed.
 * columns: [{title, value(row), show(row), first: "descending"}] */
function sortable(table, columns, rows, startColumn, startOrder) {
  const body = el("tbody");
  const heads = columns.map((column, index) =>
    el("th", { scope: "col", title: column.about }, el("button", { type: "button",
      onclick: () => {
        const now = heads[index].getAttribute("aria-sort");
        const other = now === "ascending" ? "descending" : "ascending";
        order(index, now ? other : (column.first ?? "descending"));
      } }, column.title)));
  function order(index, direction) {
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[index].setAttribute("aria-sort", direction);
    const sign = direction === "ascending" ? 1 : -1;
    const value = columns[index].value;
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (x > y ? 1 : x < y ? -1 : 0);
    });
    body.replaceChildren(...sorted.map((row) =>
      el("tr", {}, ...columns.map((column) => column.show(row)))));
  }
  table.replaceChildren(el("thead", {}, el("tr", {}, ...heads)), body);
  order(startColumn, startOrder);
}

function heading() {
  const done = data.photos.length;
  byId("title").textContent = data.data;
  const some = done === data.photos_planned ? "" : ` of ${data.photos_planned} (stopped early)`;
  byId("subtitle").textContent =
    `${done} photos${some}, ${models.length} models; ${data.dataset.title}, ` +
    `protocol “${data.protocol.name}”; ${data.made.date}`;
  const lines = data.verdict.map((line) => el("p", {}, line));
  if (data.failures.length) {
    const first = data.failures[0];
    lines.push(el("p", { class: "warning" }, `${data.failures.length} runs failed, first ` +
      `${first.model} on ${first.photo}: ${first.why}`));
  }
  byId("verdict").replaceChildren(...lines);
}

function bestOf(key, lower) {
  const able = data.table.filter((row) => !modelOf[row.model].oracle && row.model !== "blurry");
  const values = able.map((row) => row[key]).filter(isNumber);
  return new Set(values).size > 1 ? (lower ? Math.min(...values) : Math.max(...values)) : null;
}

function tagsOf({ oracle, older }) {
  return [
    oracle ? el("span", { class: "tag", title: "given the true motion: no method" }, "bound") : null,
    older ? el("span", { class: "tag", title: "kept from before unblur's code changed" },
      "older code") : null,
  ].filter(Boolean);
}

function mainTable() {
  const scores = [...new Set(data.photos.flatMap((photo) =>
    Object.values(photo.scores).flatMap(Object.keys)))];
  const number = (key, title, about, { digits = 2, lower = false, show } = {}) => {
    const best = bestOf(key, lower);
    return { title, about, first: lower ? "ascending" : "descending",
      value: (row) => rank(row[key]),
      show: (row) => el("td", { class: row[key] === best && row.model !== "blurry" &&
        !modelOf[row.model].oracle ? "best" : "" },
        show ? show(row[key], row) : text(row[key], digits)) };
  };
  const lowers = new Set(data.protocol.lower_is_better);
  const columns = [
    { title: "model", first: "ascending", value: (row) => row.model,
      show: (row) => el("td", {}, dot(row.model), row.model,
        ...tagsOf(modelOf[row.model]),
        row.failed ? el("span", { class: "tag warning" }, `${row.failed} failed`) : null) },
    number("count", "photos", "photos that were scored", { digits: 0 }),
    ...scores.map((score) => number(score, titleOf(score), "mean over the photos",
      { digits: digitsOf(score), lower: lowers.has(score) })),
    { ...number("gain", `gain${unit}`, "mean over the blurry photo, with its 95 % interval"),
      show: (row) => el("td", {}, el("span", { class: row.gain > 0 ? "up" :
        row.gain < 0 ? "down" : "" }, signed(row.gain)), row.gain_95 ? el("span",
        { class: "range" }, `[${signed(row.gain_95[0])}, ${signed(row.gain_95[1])}]`) : null) },
    number(`${main}_worst`, "worst 5 %", `${titleOf(main)}, mean of the worst 5 % of the photos`,
      { digits: digitsOf(main), lower: lowers.has(main) }),
    number("harmed_share", "harmed", "photos made worse", { lower: true,
      show: (value, row) => isNumber(value) ? el("span", { class: row.harmed ? "down" : "" },
        `${(100 * value).toFixed(1)} %`) : "–" }),
    number("seconds_per_megapixel", "s / Mpx", "wall seconds per megapixel", { lower: true }),
    number("cpu_seconds_per_megapixel", "CPU s / Mpx", "seconds of all processors per megapixel",
      { lower: true }),
    number("peak_mb", "MB", "most memory of a process of its own", { digits: 0, lower: true }),
  ];
  const gain = columns.findIndex((column) => column.title.startsWith("gain"));
  sortable(byId("table"), columns, data.table, gain, "descending");
  const below = data.protocol.harmed_below;
  byId("table-note").textContent = `${data.protocol.about}. Harmed: worse than the blurry photo` +
    (below ? ` by more than ${below} dB.` : ".") + " Press a head to sort.";
}

function pairTable() {
  const names = models.map((model) => model.name);
  const found = {};
  for (const pair of data.differences) {
    found[`${pair.model}|${pair.other}`] = { ...pair, gain: pair.gain };
    found[`${pair.other}|${pair.model}`] = { ...pair, gain: isNumber(pair.gain) ? -pair.gain :
      pair.gain, better: pair.worse, worse: pair.better };
  }
  const head = el("tr", {}, el("th", {}, "row minus column"),
    ...names.map((name) => el("th", { scope: "col" }, dot(name), name)));
  const rows = names.map((ours) => el("tr", {}, el("th", { scope: "row" }, dot(ours), ours),
    ...names.map((other) => {
      const pair = found[`${ours}|${other}`];
      if (!pair) return el("td", { class: "quiet" }, ours === other ? "" : "–");
      const kind = !pair.significant ? "quiet" : pair.gain > 0 ? "better" : "poorer";
      const p = pair.holm_p < 0.001 ? "p < 0.001" : `p = ${text(pair.holm_p, 3)}`;
      return tip(el("td", { class: kind }, signed(pair.gain)), `${ours} against ${other}: better on ${pair.better}, ` +
        `worse on ${pair.worse} of ${pair.count} photos; ${p} (Wilcoxon, Holm)`);
    })));
  byId("pairs").replaceChildren(el("thead", {}, head), el("tbody", {}, ...rows));
  byId("pairs-note").textContent = `Mean difference of ${titleOf(main)} on the same photos, ` +
    "positive where the row is better. Coloured: significant at 5 % (Wilcoxon signed-rank test, " +
    "corrected for the number of pairs after Holm); grey: may be chance.";
}

function allTable() {
  const columns = [
    { title: "photo", first: "ascending", value: (row) => row.name,
      show: (row) => el("td", { title: row.name }, row.name) },
    { title: "kind", first: "ascending", value: (row) => row.kind || null,
      show: (row) => el("td", {}, row.kind || "–") },
    { title: "length px", value: (row) => rank(row.length_px),
      show: (row) => el("td", {}, text(row.length_px, 1)) },
    ...models.map(({ name }) => ({ title: name,
      value: (row) => rank(name === "blurry" ? row.scores.blurry?.[main] : row.gains[name]),
      show: (row) => name === "blurry"
        ? el("td", {}, text(row.scores.blurry?.[main], digitsOf(main)))
        : el("td", { class: row.gains[name] < -data.protocol.harmed_below ? "down" : "" },
          signed(row.gains[name])) })),
  ];
  sortable(byId("all-table"), columns, data.photos, 0, "ascending");
}

function how() {
  const { made, protocol, dataset } = data;
  const lines = [
    `Protocol: ${protocol.about}. ${protocol.source}.`,
    protocol.crop_px ? `${protocol.crop_px} px were left out on each side.` : null,
    `Data: ${dataset.title} (${data.data}); licence: ${dataset.licence}.`,
    ...dataset.notes,
    "Each model ran in a process of its own; seconds are those of the model, without reading, " +
      "writing and scoring, as a clock and as the processors count them (the latter are less " +
      "disturbed by other programs); memory is the most that the process held, with Python and the network.",
    "Intervals: 95 %, bootstrap over the photos (2000 resamplings). A model that is given the true " +
      "motion is a bound, no method.",
    models.some((model) => model.older) ? "Of " + models.filter((model) => model.older)
      .map((model) => model.name).join(", ") + " at least one result was computed by an earlier " +
      "version of unblur's code, on the same photos, and kept." : null,
    "The windows shown were chosen where the blur destroyed most, without looking at any model.",
    `Computed by unblur ${made.unblur} (code ${made.code}), Python ${made.python}, ` +
      `${made.system}, ${made.processor}, ${made.cores} cores, ` +
      `${made.threads ? `${made.threads} threads` : "all cores"}.`,
  ];
  byId("how-text").replaceChildren(
    ...lines.filter(Boolean).map((line) => el("p", { class: "quiet" }, line)));
}

function theme() {
  const root = document.documentElement;
  const wanted = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = wanted;
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  });
}
