// What the page asks of the server.

const PIECE = 8_000_000;
const TRIES = 5;

export class Refused extends Error {}

async function asked(path, options = {}) {
  const answer = await fetch(path, options);
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(typeof told.detail === "string" ? told.detail : `error ${answer.status}`);
  }
  return answer;
}

const json = (body) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export const about = async () => (await asked("/v1/about")).json();
export const list = async () => (await asked("/v1/videos")).json();
export const known = async (id) => (await asked(`/v1/videos/${id}`)).json();
export const remove = (id) => asked(`/v1/videos/${id}`, { method: "DELETE" });
export const start = async (id, format, settings) =>
  (await asked(`/v1/videos/${id}/start`, json({ format, settings }))).json();
export const behind = async (id, file) =>
  (await asked(`/v1/videos/${id}/background`, { method: "PUT", body: file })).json();
export const resultOf = (id) => `/v1/videos/${id}/result`;

/** Send a file piece by piece; what breaks off goes on where the server says. */
export async function upload(file, tell) {
  let video = await (await asked("/v1/videos", json({
    name: file.name, size: file.size, start: false,
  }))).json();
  if (!file.size) throw new Refused(`${file.name} is empty`);
  let tries = 0;
  while (video.state === "uploading") {
    const first = video.received;
    const piece = file.slice(first, first + PIECE);
    try {
      video = await (await asked(`/v1/videos/${video.id}/input`, {
        method: "PUT",
        headers: { "Content-Range": `bytes ${first}-${first + piece.size - 1}/${file.size}` },
        body: piece,
      })).json();
      tries = 0;
    } catch (error) {
      if (error instanceof Refused || ++tries > TRIES) throw error;
      await new Promise((wake) => setTimeout(wake, 1000 * tries));
      video = await known(video.id);
    }
    tell(video);
  }
  return video;
}

/** Tell what becomes of a video until it is done or has failed. */
export function watch(id, tell) {
  const events = new EventSource(`/v1/videos/${id}/events`);
  events.addEventListener("video", (event) => {
    const video = JSON.parse(event.data);
    tell(video);
    if (["done", "failed", "ready"].includes(video.state)) events.close();
  });
  return () => events.close();
}

/** Return one frame as an image: source, cutout or matte. */
export async function frame(id, time, view, settings, signal) {
  const query = new URLSearchParams({ time, view, settings: JSON.stringify(settings) });
  const answer = await asked(`/v1/videos/${id}/frame?${query}`, { signal });
  return createImageBitmap(await answer.blob(), { premultiplyAlpha: "default" });
}
