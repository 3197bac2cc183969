// A small dialog in which one's own motion is drawn or imported.

const SIDE = 65;

export class Pad {
  constructor(dialog, used) {
    const get = (id) => dialog.querySelector(`#${id}`);
    this.dialog = dialog;
    this.canvas = get("padcanvas");
    this.use = get("paduse");
    let from = null;
    const point = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width * SIDE, (event.clientY - box.top) / box.height * SIDE];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      from = point(event);
      this.stroke(from, [from[0] + 0.01, from[1]]);
    });
    this.canvas.addEventListener("pointermove", (event) => { if (from) this.stroke(from, from = point(event)); });
    this.canvas.addEventListener("pointerup", () => { from = null; });
    get("padclear").addEventListener("click", () => this.clear());
    get("padline").addEventListener("click", () => {
      const half = Number(get("padlength").value) / 2, angle = Number(get("padangle").value) * Math.PI / 180;
      const [dx, dy] = [half * Math.cos(angle), -half * Math.sin(angle)];
      this.clear();
      this.stroke([SIDE / 2 - dx, SIDE / 2 - dy], [SIDE / 2 + dx + 0.01, SIDE / 2 + dy]);
    });
    get("padimport").addEventListener("click", () => get("padfile").click());
    get("padfile").addEventListener("change", () => {
      const [file] = get("padfile").files;
      get("padfile").value = "";
      if (file) { dialog.close("import"); used(file, file.name); }
    });
    dialog.addEventListener("close", async () => {
      if (dialog.returnValue !== "use") return;
      used(await new Promise((resolve) => this.canvas.toBlob(resolve, "image/png")), "");
    });
    this.clear();
  }

  open() { this.dialog.returnValue = ""; this.dialog.showModal(); }

  clear() {
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, SIDE, SIDE);
    this.use.disabled = true;
  }

  stroke(a, b) {
    const pen = this.canvas.getContext("2d");
    pen.strokeStyle = "#fff";
    pen.lineCap = "round";
    pen.lineWidth = 1.3;
    pen.beginPath();
    pen.moveTo(...a);
    pen.lineTo(...b);
    pen.stroke();
    this.use.disabled = false;
  }
}
