// The stage: two layers that move as one, a divider, zoom to 400 %, and tools that draw on it.

const MOST = 4;

export class Viewer {
  constructor(stage, split, changed) {
    this.stage = stage;
    this.split = split;
    this.changed = changed;
    this.size = [1, 1];
    this.at = { s: 1, x: 0, y: 0 };
    this.fitted = true;
    this.tool = null; // { down, move, up } with points in photo px, or null to pan
    this.pointers = new Map();
    split.addEventListener("input", () => this.cut());
    new ResizeObserver(() => { this.fitted ? this.fit() : this.place(); }).observe(stage);
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomAt(this.at.s * Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...this.local(event));
    }, { passive: false });
    stage.addEventListener("dblclick", (event) => {
      if (this.tool || event.target !== stage) return;
      this.fitted ? this.zoomAt(1, ...this.local(event)) : this.fit();
    });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) stage.addEventListener(kind, (event) => this.up(event));
    stage.addEventListener("keydown", (event) => this.key(event));
  }

  // Shows one or two pictures (or videos) of a photo of a size.
  show(before, after, width, height) {
    const same = this.size[0] === width && this.size[1] === height;
    this.stage.querySelector("#before .world").replaceChildren(...(before ? [before] : []));
    this.stage.querySelector("#after .world").replaceChildren(...(after ? [after] : []));
    this.stage.classList.toggle("single", !after);
    this.size = [width, height];
    this.set("--w", `${width}px`);
    this.set("--h", `${height}px`);
    same && !this.fitted ? this.place() : this.fit();
    this.cut();
  }

  set(name, value) { this.stage.style.setProperty(name, value); }
  local(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
  inPhoto(x, y) { return [(x - this.at.x) / this.at.s, (y - this.at.y) / this.at.s]; }
  get fitScale() {
    const { clientWidth, clientHeight } = this.stage;
    return Math.min(clientWidth / this.size[0], clientHeight / this.size[1], MOST);
  }

  fit() {
    this.fitted = true;
    this.at = { s: this.fitScale, x: 0, y: 0 };
    this.place();
  }

  zoomAt(scale, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const s = Math.min(MOST, Math.max(this.fitScale, scale));
    const [px, py] = this.inPhoto(x, y);
    this.fitted = s <= this.fitScale * 1.001;
    this.at = { s, x: x - px * s, y: y - py * s };
    this.place();
  }

  pan(dx, dy) { this.at.x += dx; this.at.y += dy; this.place(); }

  // Keeps the photo on the stage, in the middle where it is smaller.
  place() {
    const hold = (value, room, length) => length <= room ? (room - length) / 2 : Math.min(0, Math.max(room - length, value));
    this.at.x = hold(this.at.x, this.stage.clientWidth, this.size[0] * this.at.s);
    this.at.y = hold(this.at.y, this.stage.clientHeight, this.size[1] * this.at.s);
    this.set("--s", this.at.s);
    this.set("--x", `${this.at.x}px`);
    this.set("--y", `${this.at.y}px`);
    this.stage.classList.toggle("close", this.at.s * devicePixelRatio >= 2);
    this.cut();
    this.changed(this);
  }

  // The line runs through the middle of the range's thumb, and out of sight at both ends.
  cut() {
    const value = Number(this.split.value) / 100, width = this.stage.clientWidth, thumb = 44;
    const x = value <= 0 ? -2 : value >= 1 ? width + 2 : thumb / 2 + (width - thumb) * value;
    this.set("--cut", `${x}px`);
    this.split.setAttribute("aria-valuetext", `${Math.round(value * 100)} %`);
  }

  down(event) {
    if (event.target !== this.stage || event.button > 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.local(event));
    if (this.pointers.size > 1) { this.tool?.up?.(); return; }
    if (this.tool) this.tool.down(...this.inPhoto(...this.local(event)));
    else this.stage.classList.add("dragging");
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.local(event);
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
      const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
      this.zoomAt(this.at.s * apart(now, other) / Math.max(1, apart(before, other)), ...middle);
      this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    } else if (this.tool) this.tool.move(...this.inPhoto(...now));
    else this.pan(now[0] - before[0], now[1] - before[1]);
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    this.stage.classList.remove("dragging");
    this.tool?.up?.();
  }

  key(event) {
    if (event.target !== this.stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = 60;
    const keys = {
      "+": () => this.zoomAt(this.at.s * 1.25), "=": () => this.zoomAt(this.at.s * 1.25), "-": () => this.zoomAt(this.at.s / 1.25),
      0: () => this.fit(), 1: () => this.zoomAt(1), ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
    };
    if (keys[event.key]) { keys[event.key](); event.preventDefault(); }
  }
}
