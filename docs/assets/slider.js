// A paragraph of two pictures, the first marked .before, becomes a slider. Without scripts both show.
(() => {
  const chinese = document.documentElement.lang.startsWith("zh");
  const [before, after, label] = chinese
    ? ["处理前", "处理后", "处理前后的分界线"]
    : ["before", "after", "Line between before and after"];
  const tag = (text, side) => {
    const span = document.createElement("span");
    span.className = `tag ${side}`;
    span.textContent = text;
    return span;
  };
  for (const first of document.querySelectorAll("p > img.before")) {
    const second = first.parentElement.querySelector("img.after");
    if (!second) continue;
    const box = document.createElement("div");
    box.className = "slider";
    const line = document.createElement("div");
    line.className = "line";
    const range = document.createElement("input");
    Object.assign(range, { type: "range", min: 0, max: 100, value: 50 });
    range.setAttribute("aria-label", label);
    range.addEventListener("input", () => box.style.setProperty("--cut", `${range.value}%`));
    first.parentElement.replaceWith(box);
    box.append(first, second, line, range, tag(before, "left"), tag(after, "right"));
  }
})();
