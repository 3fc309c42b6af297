// The live page: a WebRTC stream of colour above matte, with real alpha in the end.

import { Shader } from "/page/shader.js";

const find = (id) => document.getElementById(id);
const video = find("stream");
const shader = new Shader(find("view"));
const MOST = { feather: 30, expand: 30, contract: 30, min_area: 5 };
const WORDS = { model: "Model", smooth: "Steady", flip: "Mirror", feather: "Soften", expand: "Grow",
  contract: "Shrink", threshold: "Harden", min_area: "Islands" };
const AGAIN = 1000;

const say = (text) => { find("status").textContent = text; };

async function asked(path, body) {
  const answer = await fetch(path, body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(typeof told.detail === "string" ? told.detail : `error ${answer.status}`);
  return told;
}

/** Connect; when it is lost, connect anew. `camera` is a stream to send, or nothing. */
export async function connect(camera) {
  const peer = new RTCPeerConnection();
  const track = camera?.getVideoTracks()[0];
  const way = peer.addTransceiver(track ?? "video", { direction: track ? "sendrecv" : "recvonly" });
  way.setCodecPreferences?.(quickFirst(RTCRtpReceiver.getCapabilities("video").codecs));
  peer.addEventListener("track", ({ receiver, track: coming }) => {
    for (const hint of ["jitterBufferTarget", "playoutDelayHint"]) {
      if (hint in receiver) receiver[hint] = 0;
    }
    video.srcObject = new MediaStream([coming]);
    video.play().catch(() => {});
  });
  const lost = () => { peer.close(); setTimeout(() => connect(camera).catch(again), AGAIN); };
  const again = (error) => { say(`${error.message}; trying again`); lost(); };
  peer.addEventListener("connectionstatechange", () => {
    document.body.classList.toggle("waiting", peer.connectionState !== "connected");
    if (["failed", "disconnected"].includes(peer.connectionState)) {
      say("connection lost; trying again");
      lost();
    } else if (peer.connectionState === "connected") say("");
  });
  try {
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const { sdp } = await asked("/live/offer", { sdp: peer.localDescription.sdp });
    await peer.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    again(error);
  }
  return peer;
}

// H.264 first: it costs the server a fifth less than VP8.
const quickFirst = (codecs) => [...codecs].sort((one, other) =>
  (other.mimeType === "video/H264") - (one.mimeType === "video/H264"));

const gathered = (peer) => new Promise((done) => {
  const look = () => { if (peer.iceGatheringState === "complete") done(); };
  peer.addEventListener("icegatheringstatechange", look);
  look();
});

function drawing() {
  shader.draw(video);
  document.body.dataset.frames = Number(document.body.dataset.frames ?? 0) + 1;
  video.requestVideoFrameCallback(drawing);
}

function setting(row, models) {
  const label = document.createElement("label");
  label.className = "setting";
  label.title = row.help;
  const words = document.createElement("span");
  words.textContent = WORDS[row.name] ?? row.name;
  const input = document.createElement(row.name === "model" ? "select" : "input");
  if (row.name === "model") {
    for (const model of models) input.append(new Option(model, model, false, model === row.default));
  } else if (row.type === "bool") Object.assign(input, { type: "checkbox", checked: row.default });
  else {
    const most = MOST[row.name] ?? row.high ?? 100;
    Object.assign(input, { type: "range", min: row.low, max: most, step: row.type === "int" ? 1 : 0.05 });
    input.value = row.default;
  }
  input.id = `set-${row.name}`;
  input.addEventListener("change", () => {
    const value = row.type === "bool" ? input.checked : row.name === "model" ? input.value : Number(input.value);
    asked("/live/settings", { [row.name]: value }).then(() => say(""), (error) => say(error.message));
  });
  label.append(words, input);
  return label;
}

function backgrounds() {
  const parts = () => [1, 3, 5].map((at) => parseInt(find("colour").value.slice(at, at + 2), 16) / 255);
  for (const id of ["behind", "colour"]) {
    find(id).addEventListener("input", () => {
      shader.behind = Number(find("behind").value);
      shader.colour = parts();
      shader.draw(video);
    });
  }
  find("own").addEventListener("change", async (event) => {
    if (!event.target.files[0]) return;
    shader.own(await createImageBitmap(event.target.files[0]));
    find("behind").value = "3";
    shader.behind = 3;
    shader.draw(video);
  });
}

async function begin() {
  if (new URLSearchParams(location.search).has("clean")) document.body.classList.add("clean");
  find("clean").textContent = `${location.origin}/live?clean`;
  backgrounds();
  const { settings, models, camera } = await asked("/live/settings");
  find("edges").append(...settings.map((row) => setting(row, models)));
  video.requestVideoFrameCallback(drawing);
  if (!camera) return connect();
  document.body.classList.add("waiting");
  find("camera").hidden = false;
  find("camera").addEventListener("click", async () => {
    try {
      const size = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: size });
      find("camera").hidden = true;
      await connect(stream);
    } catch (error) {
      say(`the camera cannot be used: ${error.message}`);
    }
  });
}

begin().catch((error) => say(error.message));
