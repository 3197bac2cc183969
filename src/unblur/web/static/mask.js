// "Only here": a box in whole px of the photo, or a painted mask.

const LONGEST = 1024;

export class Mask {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.brush = 60;
    this.clear(1, 1);
  }

  clear(width, height) {
    const shrink = Math.min(1, LONGEST / Math.max(width, height));
    this.size = [width, height];
    this.canvas.width = Math.max(1, Math.round(width * shrink));
    this.canvas.height = Math.max(1, Math.round(height * shrink));
    this.scale = this.canvas.width / width;
    this.box = null;
    this.painted = false;
    this.changed(this);
  }

  get isSet() { return this.box !== null || this.painted; }
  get pen() {
    const pen = this.canvas.getContext("2d");
    pen.fillStyle = pen.strokeStyle = "#18a58c";
    return pen;
  }

  setBox(x, y, width, height) {
    const [w, h] = this.size;
    const left = Math.min(w - 1, Math.max(0, Math.round(x))), top = Math.min(h - 1, Math.max(0, Math.round(y)));
    this.box = [left, top, Math.max(1, Math.min(w - left, Math.round(width))), Math.max(1, Math.min(h - top, Math.round(height)))];
    this.painted = false;
    const pen = this.pen;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.fillRect(...this.box.map((side) => side * this.scale));
    this.changed(this);
  }

  boxTool() {
    let from = null;
    const draw = (x, y) => {
      const inside = (v, most) => Math.min(most, Math.max(0, v));
      x = inside(x, this.size[0]); y = inside(y, this.size[1]);
      this.setBox(Math.min(x, from[0]), Math.min(y, from[1]), Math.abs(x - from[0]), Math.abs(y - from[1]));
    };
    return { down: (x, y) => { from = [x, y]; draw(x, y); }, move: (x, y) => from && draw(x, y), up: () => { from = null; } };
  }

  // The brush is so many px wide on the screen.
  brushTool(screenScale) {
    let from = null;
    const draw = (x, y) => {
      const pen = this.pen;
      if (this.box) { this.clear(...this.size); }
      pen.lineCap = pen.lineJoin = "round";
      pen.strokeStyle = "#18a58c";
      pen.lineWidth = this.brush / screenScale() * this.scale;
      pen.beginPath();
      pen.moveTo(from[0] * this.scale, from[1] * this.scale);
      pen.lineTo(x * this.scale + 0.01, y * this.scale);
      pen.stroke();
      from = [x, y];
      this.painted = true;
      this.changed(this);
    };
    return { down: (x, y) => { from = [x, y]; draw(x, y); }, move: (x, y) => from && draw(x, y), up: () => { from = null; } };
  }

  // The painted mask as a PNG, white where the photo is to be restored.
  picture() {
    const sheet = new OffscreenCanvas(this.canvas.width, this.canvas.height), pen = sheet.getContext("2d");
    pen.drawImage(this.canvas, 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.globalCompositeOperation = "destination-over";
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, sheet.width, sheet.height);
    return sheet.convertToBlob({ type: "image/png" });
  }
}
