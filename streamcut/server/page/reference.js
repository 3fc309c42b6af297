// What the server answers, read from its own description.

const { paths } = await (await fetch("/openapi.json")).json();
const place = document.getElementById("paths");

for (const [path, methods] of Object.entries(paths)) {
  for (const [method, row] of Object.entries(methods)) {
    const title = document.createElement("h3");
    title.textContent = `${method.toUpperCase()} ${path}`;
    const text = document.createElement("p");
    text.textContent = row.description ?? row.summary;
    const list = document.createElement("ul");
    for (const { name, description } of row.parameters ?? []) {
      const item = document.createElement("li");
      item.textContent = description ? `${name}: ${description}` : name;
      list.append(item);
    }
    place.append(title, text, list);
  }
}
