// What moved how: coloured layers over the photo. Each can be switched, and picked.

const LONGEST = 1024, COVER = 0.5, PATH = 0.16;

export class Layers {
  constructor(canvas) { this.canvas = canvas; this.told = null; this.hidden = new Set(); }

  // Takes what the server tells of a photo, and the picture whose greys number the layers.
  async load(told, url) {
    const blob = await (await fetch(url)).blob();
    const picture = await createImageBitmap(blob, { colorSpaceConversion: "none" });
    const sheet = new OffscreenCanvas(picture.width, picture.height), pen = sheet.getContext("2d");
    pen.drawImage(picture, 0, 0);
    const bytes = pen.getImageData(0, 0, sheet.width, sheet.height).data;
    this.size = [sheet.width, sheet.height];
    this.labels = Uint8Array.from({ length: sheet.width * sheet.height }, (_, i) => bytes[4 * i]);
    this.told = told;
    this.hidden = new Set();
    this.paths = told.layers.map((layer) => layer.psf && path(layer.psf));
    this.draw();
  }

  // Whether undoing its motion can be asked for.
  moves(number) { return ["camera", "object"].includes(this.told?.layers[number]?.kind); }

  // The layer at a point of the photo, or -1 where it is switched off.
  at(x, y) {
    if (!this.told) return -1;
    const [w, h] = this.size, cell = this.told.cell_px;
    const column = Math.min(w - 1, Math.max(0, Math.floor(x / cell))), row = Math.min(h - 1, Math.max(0, Math.floor(y / cell)));
    const number = this.labels[row * w + column];
    return this.hidden.has(number) ? -1 : number;
  }

  switch(number, on) { this.hidden[on ? "delete" : "add"](number); this.draw(); }

  // A layer's cells in a colour.
  cells(number, [r, g, b], alpha) {
    const [w, h] = this.size, sheet = new OffscreenCanvas(w, h), picture = new ImageData(w, h);
    this.labels.forEach((label, i) => { if (label === number) picture.data.set([r, g, b, alpha], 4 * i); });
    sheet.getContext("2d").putImageData(picture, 0, 0);
    return sheet;
  }

  draw() {
    const { canvas, told } = this, scale = Math.min(1, LONGEST / Math.max(told.width, told.height));
    canvas.width = Math.round(told.width * scale);
    canvas.height = Math.round(told.height * scale);
    const pen = canvas.getContext("2d"), [w, h] = this.size.map((side) => side * told.cell_px * scale);
    told.layers.forEach((layer, number) => {
      if (this.hidden.has(number)) return;
      pen.imageSmoothingEnabled = false;
      pen.drawImage(this.cells(number, layer.colour, Math.round(255 * COVER)), 0, 0, w, h);
    });
    told.layers.forEach((layer, number) => {
      const drawn = this.paths[number];
      if (!drawn || this.hidden.has(number)) return;
      const zoom = Math.min(8 * scale, Math.max(scale, PATH * Math.min(canvas.width, canvas.height) / Math.max(drawn.width, drawn.height)));
      const wide = drawn.width * zoom, high = drawn.height * zoom, [y, x] = layer.centre.map((side) => side * scale);
      const inside = (value, room) => Math.min(Math.max(0, value), Math.max(0, room));
      pen.imageSmoothingEnabled = true;
      pen.drawImage(drawn, inside(x - wide / 2, canvas.width - wide), inside(y - high / 2, canvas.height - high), wide, high);
    });
  }
}

// A motion's path in white.
function path({ width, height, data }) {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)), picture = new ImageData(width, height);
  bytes.forEach((value, i) => picture.data.set([255, 255, 255, Math.min(255, Math.round(330 * (value / 255) ** 0.6))], 4 * i));
  const sheet = document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  sheet.getContext("2d").putImageData(picture, 0, 0);
  return sheet;
}
