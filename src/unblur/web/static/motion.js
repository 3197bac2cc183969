// The motion field over the photo: at each place the path that the camera took, enlarged.

export class Motion {
  constructor(canvas) { this.canvas = canvas; this.field = null; }

  load(field) {
    this.field = field;
    this.sprites = field.psfs.map(({ width, height, data }) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const picture = new ImageData(width, height);
      bytes.forEach((value, i) => picture.data.set([255, 222, 110, Math.min(255, Math.round(300 * (value / 255) ** 0.7))], 4 * i));
      const sheet = new OffscreenCanvas(width, height);
      sheet.getContext("2d").putImageData(picture, 0, 0);
      return sheet;
    });
    const longest = Math.max(1, ...field.psfs.map((p) => Math.max(p.width, p.height))) * field.scale;
    const xs = [...new Set(field.windows.map((w) => w.x))].sort((a, b) => a - b);
    const ys = [...new Set(field.windows.map((w) => w.y))].sort((a, b) => a - b);
    const gaps = [...xs, ...ys].length > 2 ? [xs, ys].flatMap((v) => v.slice(1).map((x, i) => x - v[i])) : [256];
    this.enlarged = Math.max(1, Math.floor(0.85 * Math.min(...gaps) / longest));
  }

  draw({ at, stage }) {
    const { canvas, field } = this;
    if (canvas.hidden || !field) return;
    const ratio = devicePixelRatio;
    canvas.width = stage.clientWidth * ratio;
    canvas.height = stage.clientHeight * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.fillStyle = "#06100e80";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    for (const window of field.windows) {
      const sprite = this.sprites[window.psf], size = field.scale * this.enlarged * at.s;
      const x = window.x * at.s + at.x, y = window.y * at.s + at.y;
      pen.globalAlpha = Math.max(0.25, window.confidence * window.blur_probability);
      pen.drawImage(sprite, x - sprite.width * size / 2, y - sprite.height * size / 2, sprite.width * size, sprite.height * size);
    }
  }
}
