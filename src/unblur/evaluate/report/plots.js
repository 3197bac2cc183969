/** Round values of an axis within [low, high], each with its label. */
function ticks(low, high, wanted = 5) {
  const raw = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((s) => s * power >= raw) * power;
  const found = [];
  for (let t = Math.ceil(low / step - 1e-9); t * step <= high + 1e-9 * step; t++) {
    found.push(Number((t * step).toPrecision(6)));
  }
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return found.map((t) => [t, t === 0 ? "0" : signed(t, digits)]);
}

function padded(values, share = 0.12) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || 1) * share;
  return [low - room, high + room];
}

const scale = (low, high, from, to) => (v) => from + ((v - low) / (high - low)) * (to - from);
const svg = (width, height, ...children) =>
  el("svg", { viewBox: `0 0 ${width} ${height}`, role: "img" }, ...children);
const line = (x1, y1, x2, y2, style) => el("line", { x1, y1, x2, y2, ...style });
const words = (x, y, content, style = {}) => el("text", { x, y, ...style }, content);

function legend(names) {
  return el("div", { class: "legend" },
    ...names.map((name) => el("span", {}, dot(name), name)));
}

function yAxis(low, high, y, left, right) {
  return ticks(low, high).flatMap(([t, label]) => [
    line(left, y(t), right, y(t), { class: t === 0 ? "zero" : "axis" }),
    words(left - 8, y(t) + 4, label, { "text-anchor": "end" }),
  ]);
}

/** The range that shows all means, and of the intervals what fits without dwarfing them. */
function rangeOf(values) {
  const means = values.map((value) => value.mean).filter(isNumber);
  const [low, high] = [Math.min(0, ...means), Math.max(0, ...means)];
  const room = (high - low || 1) * 0.35;
  const ends = values.flatMap((value) => [value.low, value.high]).filter(isNumber);
  return padded([0, ...means, ...ends].map((v) =>
    Math.min(high + room, Math.max(low - room, v))), 0.06);
}

/** The 95 % interval, as much of it as the range shows. */
function whisker(x, y, { low, high }, [y0, y1], color) {
  if (!isNumber(low) || !isNumber(high)) return null;
  const inside = (v) => y(Math.min(y1, Math.max(y0, v)));
  return line(x, inside(low), x, inside(high), { stroke: color, "stroke-width": 2 });
}

/** Move places apart that are nearer than a step, keeping their order and the bounds. */
function spreadOut(places, step, low, high) {
  const order = places.map((place, i) => [place, i]).sort((a, b) => a[0] - b[0]);
  const out = [];
  order.forEach(([place], k) => { out[k] = Math.max(place, low + k * step, k ? out[k - 1] + step : low); });
  for (let k = out.length - 1, roof = high; k >= 0; k--, roof -= step) out[k] = Math.min(out[k], roof);
  const found = [];
  order.forEach(([, i], k) => { found[i] = out[k]; });
  return found;
}

/** Mean gain over processor seconds per megapixel, whiskers: 95 % interval. */
function costPlot() {
  const rows = data.table.filter((row) => row.model !== "blurry" && isNumber(row.gain) &&
    row.cpu_seconds_per_megapixel > 0);
  if (!rows.length) return;
  const longest = Math.max(...rows.map((row) => row.model.length));
  const [W, left, top] = [520, 44, 14];
  const labels = W - Math.min(210, 7.2 * longest + 4);
  const right = labels - 26;
  const bottom = Math.max(296, top + 17 * rows.length);
  const H = bottom + 44;
  const logs = rows.map((row) => Math.log10(row.cpu_seconds_per_megapixel));
  const [near, far] = padded(logs, 0.1);
  const room = Math.max(0, 1 - (far - near)) / 2; // at least one decade
  const [x0, x1] = [near - room, far + room];
  const valueOf = ({ gain, gain_95 }) => ({ mean: gain, low: gain_95?.[0], high: gain_95?.[1] });
  const [y0, y1] = rangeOf(rows.map(valueOf));
  const [x, y] = [scale(x0, x1, left, right), scale(y0, y1, bottom, top)];
  const decades = [];
  for (let power = Math.floor(x0); power <= Math.ceil(x1); power++) {
    for (const digit of x1 - x0 > 2 ? [1] : [1, 2, 5]) decades.push(digit * 10 ** power);
  }
  const shown = decades.filter((v) => Math.log10(v) > x0 && Math.log10(v) < x1);
  const heights = spreadOut(rows.map((row) => y(row.gain)), 17, top + 6, bottom - 4);
  const marks = rows.map((row, i) => {
    const [cx, cy] = [x(Math.log10(row.cpu_seconds_per_megapixel)), y(row.gain)];
    const { color, oracle } = modelOf[row.model];
    return tip(el("g", { class: "mark" },
      el("path", { class: "leader", d: `M${cx} ${cy}L${right + 4} ${heights[i]}H${labels - 5}` }),
      whisker(cx, y, valueOf(row), [y0, y1], color),
      el("circle", { cx, cy, r: 6.5, fill: oracle ? "var(--card)" : color, stroke: color,
        "stroke-width": 2.5 }),
      words(labels, heights[i] + 4, row.model, { class: "name" })),
    `${row.model}: ${signed(row.gain)}${unit} at ${text(row.cpu_seconds_per_megapixel)} processor seconds per megapixel`);
  });
  byId("cost").replaceChildren(svg(W, H, ...yAxis(y0, y1, y, left, right),
    ...shown.map((v) => words(x(Math.log10(v)), bottom + 20, String(Number(v.toPrecision(2))),
      { "text-anchor": "middle" })),
    words(right, bottom + 40, "processor seconds per megapixel →", { "text-anchor": "end" }), ...marks));
  byId("cost-note").textContent =
    `Mean gain${unit ? ` in${unit}` : ""} over the blurry photo; up and left is better.`;
}

/** Mean gain per group of difficulty. */
function hardPlot() {
  const groups = data.difficulty;
  const names = models.map((m) => m.name).filter((name) => name !== "blurry" &&
    groups.some((group) => group.gains[name]));
  if (!groups.length || !names.length) return;
  const [W, H, left, right, top, bottom] = [520, 318, 44, 510, 14, 268];
  const [y0, y1] = rangeOf(groups.flatMap((g) => Object.values(g.gains)));
  const y = scale(y0, y1, bottom, top);
  const wide = (right - left) / groups.length;
  const step = Math.min(22, (wide - 16) / names.length);
  const marks = groups.flatMap((group, g) => {
    const middle = left + (g + 0.5) * wide;
    return [
      words(middle, bottom + 22, group.label, { "text-anchor": "middle", class: "name" }),
      words(middle, bottom + 38, `${group.count} photo${group.count === 1 ? "" : "s"}`,
        { "text-anchor": "middle" }),
      ...names.map((name, i) => {
        const value = group.gains[name];
        if (!value) return null;
        const cx = middle + (i - (names.length - 1) / 2) * step;
        const { color, oracle } = modelOf[name];
        return tip(el("g", { class: "mark" },
          whisker(cx, y, value, [y0, y1], color),
          el("circle", { cx, cy: y(value.mean), r: 5.5, stroke: color, "stroke-width": 2,
            fill: oracle ? "var(--card)" : color })),
        `${name}, ${group.label}: ${signed(value.mean)} [${signed(value.low)}, ` +
          `${signed(value.high)}]${unit}`);
      }),
    ];
  });
  byId("hard").replaceChildren(svg(W, H, ...yAxis(y0, y1, y, left, right), ...marks),
    legend(names));
  const measure = groups.some((group) => group.label.endsWith("px"))
    ? "Grouped by the length of the true motion" : "Grouped by how good the blurry photo is";
  byId("hard-note").textContent = `${measure}; mean gain and its 95 % interval.`;
}

/** One dot for each photo and model. */
function stripPlot() {
  const names = models.map((m) => m.name).filter((name) => name !== "blurry");
  const all = data.photos.flatMap((p) => names.map((n) => p.gains[n])).filter(isNumber);
  if (!all.length) return;
  const longest = Math.max(...names.map((name) => name.length));
  const [W, left, right, row] = [1080, Math.min(320, 7.2 * longest + 22), 1064, 42];
  const H = names.length * row + 44;
  const [x0, x1] = padded([0, ...all], 0.05);
  const x = scale(x0, x1, left, right);
  const bottom = names.length * row + 8;
  const below = x(-data.protocol.harmed_below);
  const marks = names.flatMap((name, i) => {
    const cy = 8 + (i + 0.5) * row;
    const { color } = modelOf[name];
    return [words(left - 14, cy + 4, name, { class: "name", "text-anchor": "end" }),
      ...data.photos.map((photo, k) => {
        const gain = photo.gains[name];
        if (!isNumber(gain)) return null;
        const jitter = (((k * 7919) % 13) / 13 - 0.46) * row * 0.5;
        return tip(el("circle", { class: "mark", cx: x(gain), cy: cy + jitter, r: 4.5,
          fill: color, "fill-opacity": 0.62, onclick: () => goTo(photo.name) }),
        `${photo.name}, ${name}: ${signed(gain)}${unit}`);
      })];
  });
  byId("strip").replaceChildren(svg(W, H,
    el("rect", { class: "harm", x: left, y: 8, width: Math.max(0, below - left),
      height: bottom - 8 }),
    ...ticks(x0, x1, 9).flatMap(([t, label]) => [
      line(x(t), 8, x(t), bottom, { class: t === 0 ? "zero" : "axis" }),
      words(x(t), bottom + 20, label, { "text-anchor": "middle" })]), ...marks));
  byId("strip-note").textContent =
    `Gain${unit ? ` in${unit}` : ""} of each photo; shaded: made worse. Press a dot for the photo.`;
}
