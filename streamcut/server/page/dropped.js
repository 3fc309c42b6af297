// Files and folders that are dropped, as a flat list of files.

const WANTED = /^(image|video)\//;
const ENDINGS = /\.(mkv|mov|mp4|webm|avi|m4v|mts|ts|gif|png|jpe?g|webp|heic|avif|tiff?|bmp)$/i;

export const wanted = (file) => WANTED.test(file.type) || ENDINGS.test(file.name);

export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesIn))).flat();
}

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((got, failed) => entry.file(got, failed))];
  const reader = entry.createReader(), found = [];
  for (;;) {
    const some = await new Promise((got, failed) => reader.readEntries(got, failed));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(filesIn))).flat().filter(wanted);
}
