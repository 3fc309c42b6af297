// The settings of the edge, made from what the server says of each.

const SHOWN = ["model", "feather", "border", "threshold", "min_area", "smooth", "decontaminate", "invert"];
const WORDS = {
  model: "Model", feather: "Soften", border: "Grow / shrink", threshold: "Harden",
  min_area: "Islands", smooth: "Steady", decontaminate: "Clean colours", invert: "Invert",
};
const MOST = { feather: 30, min_area: 5 };
const BORDER = { name: "border", type: "int", default: 0, low: -30, high: 30,
  help: "Grow the subject (right) or shrink it (left), in pixels." };

export class Edges {
  constructor(place, rows, models, changed) {
    this.inputs = {};
    const known = { ...Object.fromEntries(rows.map((row) => [row.name, row])), border: BORDER };
    for (const name of SHOWN) {
      if (known[name]) place.append(this.made(known[name], models, changed));
    }
  }

  made(row, models, changed) {
    const label = document.createElement("label");
    label.className = "setting";
    label.title = row.help;
    const words = document.createElement("span");
    words.textContent = WORDS[row.name];
    const input = row.name === "model" ? choice(models, row.default) : entry(row);
    const output = document.createElement("output");
    const show = () => { output.textContent = input.type === "range" ? input.value : ""; };
    input.id = `set-${row.name}`;
    input.addEventListener("input", () => { show(); changed(); });
    show();
    label.append(words, input, output);
    this.inputs[row.name] = { input, row };
    return label;
  }

  /** Return what differs from the defaults, as the server takes it. */
  settings() {
    const found = {};
    for (const [name, { input, row }] of Object.entries(this.inputs)) {
      const value = input.type === "checkbox" ? input.checked
        : input.type === "range" ? Number(input.value) : input.value;
      if (value === row.default) continue;
      if (name === "border") found[value > 0 ? "expand" : "contract"] = Math.abs(value);
      else found[name] = value;
    }
    return found;
  }
}

function choice(models, chosen) {
  const select = document.createElement("select");
  for (const model of models) select.append(new Option(model, model, false, model === chosen));
  return select;
}

function entry(row) {
  const input = document.createElement("input");
  if (row.type === "bool") {
    input.type = "checkbox";
    input.checked = row.default;
    return input;
  }
  const most = MOST[row.name] ?? row.high ?? 100;
  Object.assign(input, { type: "range", min: row.low, max: most,
    step: row.type === "int" ? 1 : most <= 1 ? 0.05 : 0.05 });
  input.value = row.default;
  return input;
}
