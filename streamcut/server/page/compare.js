// Before and after on one canvas: the original left of the slider, the cutout right of it.

const SQUARE = 12;
const LIGHT = "#ffffff", DARK = "#ccd3db";

export class Compare {
  /** `parts`: canvas, split (a range input) and handle. */
  constructor(canvas, split, handle) {
    Object.assign(this, { canvas, split, handle });
    this.pen = canvas.getContext("2d");
    this.source = this.cutout = this.matte = this.own = null;
    this.behind = { kind: "", colour: "#00b140", blur: 20 };
    this.showMatte = false;
    split.addEventListener("input", () => this.draw());
    new ResizeObserver(() => this.place()).observe(canvas);
  }

  draw() {
    if (!this.source) return;
    const { canvas, pen, source } = this;
    const width = source.width, height = source.height;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const at = Math.round((width * this.split.value) / 100);
    pen.clearRect(0, 0, width, height);
    if (this.showMatte && this.matte) {
      pen.drawImage(this.matte, 0, 0, width, height);
    } else {
      this.drawBehind(width, height);
      if (this.cutout) pen.drawImage(this.cutout, 0, 0, width, height);
    }
    pen.drawImage(source, 0, 0, at, height, 0, 0, at, height);
    this.place();
  }

  drawBehind(width, height) {
    const { pen, behind } = this;
    if (behind.kind === "colour") {
      pen.fillStyle = behind.colour;
      pen.fillRect(0, 0, width, height);
    } else if (behind.kind === "blur") {
      pen.filter = `blur(${(behind.blur / 100) * 0.08 * height + 1}px)`;
      pen.drawImage(this.source, 0, 0, width, height);
      pen.filter = "none";
    } else if (behind.kind === "own" && this.own) {
      const scale = Math.max(width / this.own.width, height / this.own.height);
      const wide = this.own.width * scale, high = this.own.height * scale;
      pen.drawImage(this.own, (width - wide) / 2, (height - high) / 2, wide, high);
    } else {
      checkerboard(pen, width, height);
    }
  }

  place() {
    const box = this.canvas.getBoundingClientRect();
    const outer = this.canvas.parentElement.getBoundingClientRect();
    const left = box.left - outer.left;
    this.handle.style.left = `${left + (box.width * this.split.value) / 100 - 1}px`;
    // The slider is as wide as the picture, so that the pointer is where the line is.
    this.split.style.left = `${left}px`;
    this.split.style.width = `${box.width}px`;
  }
}

export function checkerboard(pen, width, height) {
  pen.fillStyle = LIGHT;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = DARK;
  for (let y = 0; y < height; y += SQUARE) {
    for (let x = (y / SQUARE) % 2 ? SQUARE : 0; x < width; x += 2 * SQUARE) {
      pen.fillRect(x, y, SQUARE, SQUARE);
    }
  }
}
