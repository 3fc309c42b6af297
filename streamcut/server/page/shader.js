// Colour above matte in one video, put together on the graphics card.

const CORNERS = `attribute vec2 at; varying vec2 uv;
void main() { uv = vec2(at.x, 1.0 - at.y); gl_Position = vec4(at * 2.0 - 1.0, 0.0, 1.0); }`;

const PIXELS = `precision highp float;
varying vec2 uv;
uniform sampler2D video, own;
uniform int behind;
uniform vec3 colour;
uniform vec2 texel, cover;
// Half a texel away from the seam, so that neither half bleeds into the other.
vec3 above(vec2 p) { return texture2D(video, vec2(p.x, clamp(p.y * 0.5, 0.0, 0.5 - texel.y))).rgb; }
float matte(vec2 p) { return texture2D(video, vec2(p.x, clamp(0.5 + p.y * 0.5, 0.5 + texel.y, 1.0))).r; }
vec3 blurred(vec2 p) {
  vec3 sum = vec3(0.0);
  float all = 0.0;
  for (int y = -4; y <= 4; y++) for (int x = -4; x <= 4; x++) {
    vec2 off = vec2(float(x), float(y)) * vec2(0.008, 0.014);
    float w = exp(-float(x * x + y * y) / 10.0) * (1.02 - matte(p + off));
    sum += w * above(p + off);
    all += w;
  }
  return sum / all;
}
void main() {
  float alpha = matte(uv);
  vec3 front = above(uv);
  if (behind == 0) { gl_FragColor = vec4(front * alpha, alpha); return; }
  vec3 back = behind == 1 ? colour : behind == 2 ? blurred(uv)
    : texture2D(own, (uv - 0.5) * cover + 0.5).rgb;
  gl_FragColor = vec4(mix(back, front, alpha), 1.0);
}`;

export class Shader {
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl", { premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!this.gl) throw new Error("this browser has no WebGL");
    this.behind = 0;
    this.colour = [0, 0.69, 0.25];
    this.ownSize = null;
    this.build();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.build());
  }

  build() {
    const { gl } = this, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, PIXELS]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    const at = gl.getAttribLocation(program, "at");
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
    this.place = (name) => gl.getUniformLocation(program, name);
    this.textures = ["video", "own"].map((name, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      const texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D, texture);
      for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
      gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
      gl.uniform1i(this.place(name), unit);
      return texture;
    });
  }

  /** Put an image behind. */
  own(image) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    this.ownSize = [image.width, image.height];
  }

  draw(video) {
    const { gl, canvas } = this, wide = video.videoWidth, high = video.videoHeight / 2;
    if (!wide) return;
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    gl.viewport(0, 0, wide, high);
    gl.activeTexture(gl.TEXTURE0);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, video);
    gl.uniform1i(this.place("behind"), this.behind === 3 && !this.ownSize ? 0 : this.behind);
    gl.uniform3fv(this.place("colour"), this.colour);
    gl.uniform2f(this.place("texel"), 0.5 / wide, 0.5 / video.videoHeight);
    const [ow, oh] = this.ownSize ?? [1, 1], most = Math.max(wide / ow, high / oh);
    gl.uniform2f(this.place("cover"), wide / (ow * most), high / (oh * most));
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
