const choice = { left: "blurry", right: null, order: "worst" };

function pictureNames() {
  const names = new Set(Object.values(data.pictures).flatMap(Object.keys));
  names.delete("overview");
  const known = models.map((m) => m.name).filter((name) => names.has(name));
  return names.has("sharp") ? [...known, "sharp"] : known;
}

function goTo(name) {
  const found = [...document.querySelectorAll(".photo")].find((p) => p.dataset.name === name);
  if (found) found.scrollIntoView({ block: "start" });
}

function scoreText(photo, name) {
  if (name === "sharp") return "the truth";
  const score = photo.scores[name]?.[main];
  const gain = name === "blurry" || !isNumber(photo.gains[name]) ? "" :
    ` (${signed(photo.gains[name])})`;
  return `${text(score, digitsOf(main))}${gain}`;
}

function sliderOf(photo, pictures) {
  const [under, over] = [el("img", { alt: "" }), el("img", { class: "over", alt: "" })];
  const labels = [el("span", { class: "label l" }), el("span", { class: "label r" })];
  const range = el("input", { type: "range", min: 0, max: 100, step: 0.5, value: 50,
    "aria-label": `border between the two pictures of ${photo.name}` });
  const box = el("div", { class: "slider" }, under, over, ...labels,
    el("span", { class: "edge" }), range);
  range.addEventListener("input", () => box.style.setProperty("--x", `${range.value}%`));
  function show(left, right) {
    [[under, left, 0], [over, right, 1]].forEach(([image, name, i]) => {
      const src = pictures[name] ?? pictures.blurry;
      if (image.getAttribute("src") !== src) image.setAttribute("src", src);
      image.setAttribute("alt", `${photo.name}, ${name}`);
      labels[i].textContent = name in pictures ? name : `${name}: none`;
    });
  }
  return { box, show };
}

function overviewOf(photo, pictures) {
  if (!pictures.overview) return null;
  const [height, width] = photo.size;
  const [y0, x0, y1, x1] = photo.window;
  const part = (value, whole) => `${(100 * value) / whole}%`;
  return el("div", { class: "overview" }, el("img", { src: pictures.overview, alt: "" }),
    el("i", { style: `left:${part(x0, width)};top:${part(y0, height)};` +
      `width:${part(x1 - x0, width)};height:${part(y1 - y0, height)}` }));
}

function photoRow(photo) {
  const pictures = data.pictures[photo.name];
  const [y0, x0, y1, x1] = photo.window;
  const { box, show } = sliderOf(photo, pictures);
  let right = choice.right;
  const names = pictureNames().filter((name) => pictures[name]);
  const thumbs = names.map((name) => el("button", { type: "button", class: "thumb",
    onclick: () => { right = name; paint(); } },
  el("img", { src: pictures[name], alt: "", decoding: "async" }),
  el("p", {}, name === "sharp" ? "" : dot(name), name, el("br"),
    el("span", { class: photo.gains[name] < -data.protocol.harmed_below ? "down" : "quiet" }, scoreText(photo, name)))));
  function paint() {
    show(choice.left, right);
    thumbs.forEach((thumb, i) => thumb.setAttribute("aria-pressed", names[i] === right));
  }
  paint();
  const facts = [`${photo.size[1]} × ${photo.size[0]} px`, photo.kind,
    photo.length_px > 0 && photo.kind !== "sharp" ? `moved by ${text(photo.length_px, 0)} px` : null];
  return el("article", { class: "photo", "data-name": photo.name,
    style: `--ratio:${x1 - x0}/${y1 - y0}` }, box,
  el("div", {}, el("div", { class: "facts" }, el("div", {}, el("h3", {}, photo.name),
    el("p", { class: "quiet" }, facts.filter(Boolean).join(", "))), overviewOf(photo, pictures)),
  el("div", { class: "thumbs" }, ...thumbs)));
}

function photoList() {
  const shown = data.photos.filter((photo) => data.pictures[photo.name]);
  const names = pictureNames();
  const best = [...data.table].filter((row) => row.model !== "blurry" &&
    !modelOf[row.model].oracle && isNumber(row.gain)).sort((a, b) => b.gain - a.gain)[0];
  choice.right = best?.model ?? names.at(-1);
  const spread = (photo) => {
    const values = Object.values(photo.gains).filter(isNumber);
    return Math.max(...values) - Math.min(...values);
  };
  const gainOf = (photo) => rank(photo.gains[choice.right]) ?? Infinity;
  const orders = {
    worst: ["worst of any model first", (a, b) => rank(a.worst_gain) - rank(b.worst_gain)],
    right: ["worst of the right model first", (a, b) => gainOf(a) - gainOf(b)],
    best: ["best of the right model first", (a, b) => gainOf(b) - gainOf(a)],
    spread: ["where the models differ most", (a, b) => spread(b) - spread(a)],
    name: ["by name", (a, b) => (a.name < b.name ? -1 : 1)],
  };
  function fill() {
    byId("photos").replaceChildren(
      ...[...shown].sort(orders[choice.order][1]).map(photoRow));
  }
  for (const id of ["left", "right"]) {
    byId(id).replaceChildren(...names.map((name) => el("option", { value: name }, name)));
    byId(id).value = choice[id];
  }
  byId("order").replaceChildren(...Object.entries(orders).map(([key, [title]]) =>
    el("option", { value: key }, title)));
  for (const id of ["left", "right", "order"]) {
    byId(id).addEventListener("change", (event) => { choice[id] = event.target.value; fill(); });
  }
  const rest = data.photos.length - shown.length;
  byId("photos-note").textContent = "One window of each photo, at full size, the same for every " +
    "model." + (rest ? ` Shown are the ${shown.length} worst cases; the other ${rest} are in the ` +
    "table below." : "");
  fill();
}

theme(); heading(); mainTable(); costPlot(); hardPlot(); stripPlot(); pairTable(); photoList();
allTable(); how();
