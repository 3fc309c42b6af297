// The page: files left, the preview in the middle, settings right.

import * as api from "/page/api.js";
import { Compare } from "/page/compare.js";
import { filesOf, wanted } from "/page/dropped.js";
import { Edges } from "/page/edges.js";

const find = (id) => document.getElementById(id);
const FORMATS = {
  video: [["webm", "WebM, transparent, for the web"], ["mov", "MOV, ProRes 4444, for editors"],
    ["mp4", "MP4, with a background"], ["gif", "GIF"], ["png", "PNG images in a ZIP"]],
  image: [["png", "PNG"], ["webp", "WebP"], ["jpg", "JPEG, with a background"]],
};
const OPAQUE = ["mp4", "jpg"];
const PLAYED = ["webm", "mp4"];
const FIRST = [0, 0.4, 0.8, 1.2, 1.6, 2];

const items = new Map(); // Each: { video, row, own, watching }.
const compare = new Compare(find("view"), find("split"), find("handle"));
let chosen = null, edges = null, asking = null, due = 0;

function say(text, bad = false) {
  find("status").textContent = text;
  find("status").classList.toggle("bad", bad);
}

const told = (work) => (...given) => work(...given).catch((error) => {
  if (error.name !== "AbortError") say(error.message, true);
});

function words(video) {
  const time = video.eta === null ? "" : `, ${duration(video.eta)} left`;
  const share = Math.round(100 * (video.size ? video.received / video.size : 0));
  return {
    uploading: `sending, ${share} %`, ready: "ready", queued: "waiting",
    running: `${Math.round(100 * video.progress)} %${time}`, done: `done, ${size(video.bytes)}`,
    failed: video.error,
  }[video.state];
}

const duration = (s) => (s < 90 ? `${Math.ceil(s)} s` : `${Math.ceil(s / 60)} min`);
const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function show(video) {
  let item = items.get(video.id);
  if (!item) {
    item = { row: row(video) };
    items.set(video.id, item);
    find("list").append(item.row);
  }
  item.video = video;
  item.row.className = `${video.state} ${chosen === video.id ? "chosen" : ""}`;
  item.row.querySelector("small").textContent = words(video);
  find("all").hidden = items.size < 2;
  if (chosen === video.id) showState(video);
}

function row(video) {
  const made = document.createElement("li");
  made.innerHTML = `<button class="open"><span class="name"></span><small></small></button>
    <button class="away">×</button>`;
  made.querySelector(".name").textContent = video.name;
  made.querySelector(".away").setAttribute("aria-label", `Remove ${video.name}`);
  made.querySelector(".open").addEventListener("click", told(() => choose(video.id)));
  made.querySelector(".away").addEventListener("click", told(() => away(video.id)));
  return made;
}

function showState(video) {
  const working = ["queued", "running"].includes(video.state);
  find("progress").hidden = !working;
  find("progress").value = video.progress;
  find("make").disabled = working;
  find("make").textContent = working ? words(video) : video.state === "done" ? "Make it again" : "Make it";
  find("save").hidden = video.state !== "done";
  find("save").href = `${api.resultOf(video.id)}?download=true`;
  find("save").setAttribute("download", "");
  find("resulted").hidden = video.state !== "done" || !PLAYED.includes(video.format);
  if (working) say(`${video.name}: ${words(video)}`);
}

async function choose(id) {
  chosen = id;
  const { video } = items.get(id);
  for (const [name, item] of items) item.row.classList.toggle("chosen", name === id);
  if (!video.kind) return;
  document.querySelector("main").classList.add("working");
  find("work").hidden = find("settings").hidden = false;
  const moving = video.kind === "video";
  find("scrub").hidden = find("strip").hidden = !moving;
  find("time").max = Math.max(0, video.duration - 0.04);
  find("time").value = 0;
  fill(FORMATS[video.kind], video.format);
  shown("cutout");
  showState(video);
  compare.source = compare.cutout = compare.matte = null;
  compare.own = items.get(id).own ?? null;
  await refresh();
  if (moving) await firstFrames(video);
}

function fill(formats, format) {
  const select = find("format");
  select.replaceChildren(...formats.map(([name, text]) => new Option(text, name)));
  select.value = formats.some(([name]) => name === format) ? format : formats[0][0];
  hint();
}

/** Ask for the frame anew; only the latest wish counts. */
async function refresh() {
  if (!chosen) return;
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking, id = chosen, time = find("time").value;
  const busy = setTimeout(() => { find("busy").hidden = false; }, 150);
  try {
    const settings = edges.settings();
    const wishes = [compare.showMatte ? "matte" : "cutout"];
    if (!compare.source || compare.time !== time) wishes.push("source");
    const images = await Promise.all(
      wishes.map((view) => api.frame(id, time, view, settings, signal)));
    wishes.forEach((view, index) => { compare[view] = images[index]; });
    compare.time = time;
    find("view").dataset.shown = JSON.stringify({ id, time, settings, view: wishes[0] });
    compare.draw();
  } finally {
    clearTimeout(busy);
    if (!signal.aborted) find("busy").hidden = true;
  }
}

function soon() {
  clearTimeout(due);
  due = setTimeout(told(refresh), 60);
}

async function firstFrames(video) {
  const strip = find("strip");
  strip.replaceChildren();
  for (const time of FIRST.filter((time) => time < Math.max(0.01, video.duration))) {
    const image = await api.frame(video.id, time, "cutout", edges.settings());
    if (chosen !== video.id) return;
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    button.setAttribute("aria-label", `Frame at ${time} seconds`);
    button.append(canvas);
    button.addEventListener("click", () => { find("time").value = time; moved(); });
    strip.append(button);
  }
}

function moved() {
  find("clock").textContent = `${Number(find("time").value).toFixed(1)} s`;
  soon();
}

function shown(view) {
  const played = view === "result";
  document.querySelector(`[name=show][value=${view}]`).checked = true;
  find("player").hidden = !played;
  for (const id of ["view", "split", "handle"]) find(id).hidden = played;
  if (played) find("player").src = `${api.resultOf(chosen)}?${items.get(chosen).video.created}`;
  else find("player").removeAttribute("src");
  compare.showMatte = view === "matte";
}

function hint() {
  const opaque = OPAQUE.includes(find("format").value) && !find("behind").value;
  find("hint").textContent = opaque ? "This format cannot be transparent: choose a background." : "";
}

function wishes() {
  const settings = edges.settings();
  const kind = find("behind").value;
  if (kind === "colour") settings.background = find("colour").value;
  if (kind === "blur") settings.background = `blur:${find("blur").value}`;
  if (kind === "own") settings.background = "own";
  return settings;
}

async function make(id) {
  const item = items.get(id);
  const formats = FORMATS[item.video.kind].map(([name]) => name);
  const wanted = find("format").value;
  if (find("behind").value === "own" && item.ownFile) await api.behind(id, item.ownFile);
  show(await api.start(id, formats.includes(wanted) ? wanted : formats[0], wishes()));
  api.watch(id, (video) => {
    show(video);
    if (video.state === "failed") say(`${video.name}: ${video.error}`, true);
    if (video.state === "done") say([`${video.name} is done.`, ...video.notes].join(" "));
  });
}

async function away(id) {
  await api.remove(id);
  items.get(id).row.remove();
  items.delete(id);
  if (chosen === id) {
    chosen = null;
    const next = items.keys().next().value;
    if (next) await choose(next);
    else {
      find("work").hidden = find("settings").hidden = true;
      document.querySelector("main").classList.remove("working");
    }
  }
}

async function take(files) {
  const good = files.filter(wanted);
  if (good.length < files.length) say(`${files.length - good.length} files are no image or video`, true);
  for (const file of good) {
    const video = await api.upload(file, show).catch((error) => say(error.message, true));
    if (!video) continue;
    show(video);
    if (video.state === "failed") say(`${video.name}: ${video.error}`, true);
    else if (!chosen) await choose(video.id);
  }
}

function background() {
  const kind = find("behind").value;
  compare.behind = { kind, colour: find("colour").value, blur: Number(find("blur").value) };
  for (const [id, of] of [["colour", "colour"], ["blur", "blur"], ["own", "own"]]) {
    find(id).closest("label").hidden = kind !== of;
  }
  hint();
  compare.draw();
}

async function own() {
  const [file] = find("own").files, item = items.get(chosen);
  if (!file || !item) return;
  item.ownFile = file;
  item.own = compare.own = await still(file);
  background();
}

/** Return a file's image, or the first frame of a video. */
async function still(file) {
  if (file.type.startsWith("image/")) return createImageBitmap(file);
  const video = document.createElement("video");
  video.muted = true;
  video.src = URL.createObjectURL(file);
  await new Promise((ready, failed) => { video.onloadeddata = ready; video.onerror = failed; });
  return createImageBitmap(video);
}

function keys(event) {
  if (event.target.matches("input, select, textarea, video") || event.ctrlKey || event.metaKey) return;
  if (event.key === "m") document.querySelector("[name=show][value=matte]").click();
  if (event.key === "c") document.querySelector("[name=show][value=cutout]").click();
}

function listen() {
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => { event.preventDefault(); document.body.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) {
    addEventListener(name, () => document.body.classList.remove("over"));
  }
  addEventListener("drop", told(async (event) => {
    event.preventDefault();
    await take(await filesOf(event.dataTransfer));
  }));
  addEventListener("keydown", keys);
  for (const id of ["pick", "folder"]) {
    find(id).addEventListener("change", told(async (event) => {
      const files = [...event.target.files];
      event.target.value = "";
      await take(files);
    }));
  }
  find("time").addEventListener("input", moved);
  for (const id of ["behind", "colour", "blur"]) find(id).addEventListener("input", background);
  find("own").addEventListener("change", told(own));
  find("format").addEventListener("input", hint);
  find("make").addEventListener("click", told(() => make(chosen)));
  find("all").addEventListener("click", told(async () => {
    for (const [id, { video }] of items) if (["ready", "done"].includes(video.state)) await make(id);
  }));
  for (const radio of document.querySelectorAll("[name=show]")) {
    radio.addEventListener("change", told(async () => {
      shown(radio.value);
      if (radio.value !== "result") await refresh();
    }));
  }
}

async function begin() {
  const { settings, models } = await api.about();
  edges = new Edges(find("edges"), settings, models, soon);
  listen();
  for (const video of await api.list()) {
    show(video);
    if (["queued", "running"].includes(video.state)) api.watch(video.id, show);
    if (!chosen && video.kind) await choose(video.id);
  }
  document.body.dataset.ready = "yes";
}

told(begin)();
