const MOST_BARS = 10, WAIT_MS = 300, MANY_COLUMNS = 8, SMALL_PIXELS = 64;

const number = value => value === null || value === undefined ? "–" :
  typeof value !== "number" ? String(value) : Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));

function cell(column, example) {
  const id = "field-" + column.name;
  const given = example === null || example === undefined ? "" : String(example);
  const shared = { id, "data-column": column.name };
  let input;
  if (column.kind === "category" || column.kind === "boolean") {
    const choices = column.kind === "boolean" ? ["yes", "no"] : column.choices;
    input = make("select", shared, make("option", { value: "" }, "– missing –"),
      ...choices.map(choice => make("option", { value: choice, selected: choice === given }, choice)));
  } else if (column.kind === "text") {
    input = make("textarea", { ...shared, spellcheck: "false" });
    input.value = given;
  } else if (column.kind === "image") {
    input = make("input", { ...shared, type: "file", accept: "image/*" });
  } else {
    input = make("input", { ...shared, value: given, inputmode: column.kind === "number" ? "decimal" : "text", autocomplete: "off",
      placeholder: column.kind === "date" ? "2026-01-31" : "missing" });
  }
  const box = make("label", { class: ["text", "image"].includes(column.kind) ? "wide" : "" }, make("span", {}, make("bdi", {}, column.name), column.kind === "date" ? " (date)" : ""), input);
  const read = async () => {
    if (column.kind === "image") return input.files.length ? await base64(input.files[0]) : null;
    if (input.value.trim() === "") return null;
    return column.kind === "number" && isFinite(input.value.trim()) ? Number(input.value.trim()) : input.value;
  };
  return { name: column.name, box, input, read };
}

const base64 = file => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result);
  reader.onerror = failed;
  reader.readAsDataURL(file);
});

/* Each maker returns { element, body(): what to send or null, first: what to do before if it is null, live: whether a change predicts at once }. */
function rowForm(model) {
  const example = model.example || {};
  const cells = model.columns.map(column => cell(column, example[column.name]));
  const element = make("div", { class: "fields" }, ...cells.map(each => each.box));
  const body = async () => {
    const row = {};
    for (const each of cells) row[each.name] = await each.read();
    return { rows: [row], probabilities: true };
  };
  return { element, body, live: true };
}

function textForm(model) {
  const [column] = model.columns;
  const made = cell(column, model.kind === "language" ? "" : (model.example || {})[column.name]);
  if (model.kind === "language") made.input.placeholder = "the beginning of a text";
  const element = make("div", {}, made.box);
  let length, temperature;
  if (model.kind === "language") {
    length = make("input", { type: "number", min: 1, max: model.limits.tokens, value: 60 });
    temperature = make("input", { type: "number", min: 0, max: 100, step: 0.1, value: 0.8 });
    element.append(make("div", { class: "fields" }, make("label", {}, make("span", {}, "tokens to add"), length),
      make("label", {}, make("span", {}, "temperature: 0 always takes the likeliest"), temperature)));
  }
  const body = async () => {
    const row = { rows: [{ [column.name]: made.input.value }] };
    return length ? { ...row, length: Number(length.value), temperature: Number(temperature.value) } : { ...row, probabilities: true };
  };
  return { element, body, live: model.kind === "text" };
}

function seriesForm(model) {
  const names = model.columns.map(column => column.name);
  const area = make("textarea", { spellcheck: "false", id: "points", placeholder: names.join(",") + "\n…" });
  const element = make("label", {}, make("span", {}, "CSV with the columns " + names.join(", ") + (model.window === 1 ? ": the last line is used" : ": the last " + model.window + " lines are used")), area);
  const body = async () => {
    const lines = area.value.trim().split(/\r?\n/).map(line => line.split(/[,;\t]/).map(word => word.trim()));
    const head = lines.shift();
    const points = lines.map(line => Object.fromEntries(head.map((name, i) => [name, line[i] === "" || line[i] === undefined ? null : isFinite(line[i]) ? Number(line[i]) : line[i]])));
    return { rows: [{ points }] };
  };
  return { element, body, live: false };
}

function fileForm(model, changed) {
  const kind = model.kind === "images" ? "image" : "audio";
  let chosen = null, address = null, drawing = null;
  const preview = make(kind === "image" ? "img" : "audio", kind === "image" ? { class: "preview", alt: "the chosen image" } : { controls: true });
  preview.hidden = true;
  preview.addEventListener("error", () => { preview.hidden = true; });
  preview.addEventListener("load", () => preview.classList.toggle("small", Math.max(preview.naturalWidth, preview.naturalHeight) <= SMALL_PIXELS));
  const show = file => {
    if (address) URL.revokeObjectURL(address);
    chosen = file;
    preview.hidden = !file;
    if (file) preview.src = address = URL.createObjectURL(file);
  };
  const input = make("input", { type: "file", accept: kind + "/*", id: "file", onchange: () => { show(input.files[0] || null); if (chosen && drawing) drawing.clear(); if (chosen) changed(); } });
  const upload = make("label", {}, make("span", {}, kind === "image" ? "an image file" : "a WAV or FLAC file"), input);
  const element = make("div", {}, upload, preview);
  if (kind === "image" && model.channels === 1) {
    drawing = drawingBoard(model, () => { input.value = ""; show(null); changed(); });
    element.prepend(drawing.element, make("p", { class: "or" }, "or"));
  }
  const body = async () => {
    const form = new FormData();
    const file = chosen || (drawing && drawing.isDrawn() && await new Promise(done => drawing.canvas.toBlob(done, "image/png")));
    if (!file) return null;
    form.append("files", file, "row");
    form.append("probabilities", "true");
    return form;
  };
  return { element, body, live: false, first: drawing ? "Draw something or choose a file first." : "Choose a file first." };
}

function drawingBoard(model, changed) {
  const side = 280, canvas = make("canvas", { width: side, height: side, role: "img", "aria-label": "draw here", id: "draw" });
  const pen = canvas.getContext("2d");
  const light = make("input", { type: "checkbox", id: "light" });
  const clear = () => {
    pen.fillStyle = light.checked ? "#fff" : "#000";
    pen.fillRect(0, 0, side, side);
    isDrawn = false;
  };
  let last = null, isDrawn = false;
  const place = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * side, (event.clientY - box.top) / box.height * side];
  };
  const draw = (from, to) => {
    pen.strokeStyle = light.checked ? "#000" : "#fff";
    pen.lineWidth = side / Math.max(12, Math.min(...model.size)) * 1.8;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(to[0] + 0.01, to[1]);
    pen.stroke();
    isDrawn = true;
  };
  canvas.addEventListener("pointerdown", event => { canvas.setPointerCapture(event.pointerId); last = place(event); draw(last, last); });
  canvas.addEventListener("pointermove", event => { if (last) { const next = place(event); draw(last, next); last = next; } });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { if (last) { last = null; changed(); } });
  light.addEventListener("change", clear);
  clear();
  const tools = make("div", { class: "row" }, make("button", { type: "button", onclick: clear }, "Clear"),
    make("label", {}, light, " dark on light"));
  return { canvas, clear, isDrawn: () => isDrawn, element: make("div", {}, make("p", { class: "muted" }, "Draw with a mouse or a finger:"), canvas, tools) };
}

function arraysForm(model) {
  const shape = model.inputs ? model.inputs.shape.slice(1) : [""];
  const asked = shape.length > 1 ? "nested numbers of " + shape.join(" x ") : "a list of " + shape[0] + (shape[0] === 1 ? " number" : " numbers");
  const example = shape.reduce(inner => "[" + inner + "]", "0.1, 0.2, …");
  const area = make("textarea", { spellcheck: "false", id: "numbers", placeholder: example });
  const element = make("label", {}, make("span", {}, "one row as JSON: " + asked), area);
  const body = async () => area.value.trim() ? { inputs: [JSON.parse(area.value)], probabilities: true } : null;
  return { element, body, live: false, first: "Type the numbers first." };
}

function bar(name, share, isFirst) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  for (const [kind, width] of [["", 100], ["share", share * 100]]) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("width", width + "%");
    rect.setAttribute("height", "9");
    rect.setAttribute("rx", "4");
    rect.setAttribute("class", kind);
    svg.append(rect);
  }
  return make("li", { class: isFirst ? "first" : "" }, make("span", {}, make("bdi", {}, name)), make("span", {}, (share * 100).toFixed(1) + " %"), svg);
}

function classResult(output, found) {
  const key = name => "probability_" + (output.target ? output.target + "_" : "") + name;
  const ranked = output.classes.map(name => [name, found[key(name)] ?? 0]).sort((a, b) => b[1] - a[1]);
  const bars = ranked.slice(0, MOST_BARS).map(([name, share], i) => bar(name, share, i === 0));
  const more = ranked.length > MOST_BARS ? [make("p", { class: "muted" }, "and " + (ranked.length - MOST_BARS) + (ranked.length === MOST_BARS + 1 ? " more class" : " more classes"))] : [];
  return [make("p", { class: "best" }, String(found[output.target || "prediction"])), make("ol", { class: "bars" }, ...bars), ...more];
}

function numberResult(output, found) {
  const unique = output.names.length === 1;
  if (unique) return [make("p", { class: "best" }, number(found[output.names[0]]))];
  return [make("table", {}, ...output.names.map(name => make("tr", {}, make("td", {}, name), make("td", {}, number(found[name])))))];
}

/* sent: the beginning that a language model goes on with. */
function showResult(model, place, found, sent) {
  if (model.kind === "language") {
    const rest = found.prediction.startsWith(sent) ? found.prediction.slice(sent.length) : null;
    place.replaceChildren(make("blockquote", { dir: "auto" }, ...(rest === null ? [found.prediction] : [make("b", {}, sent), rest])));
    return;
  }
  place.replaceChildren(...model.outputs.map(output => make("div", { class: "of" },
    ...(output.target ? [make("p", { class: "muted" }, output.target)] : []),
    ...(output.role === "class" ? classResult(output, found) : numberResult(output, found)))));
}

function showFaults(place, faults) {
  for (const field of document.querySelectorAll("[data-column]")) {
    field.classList.toggle("wrong", faults.some(fault => fault.field.endsWith("." + field.dataset.column)));
  }
  const words = fault => fault.field.replace(/^(rows|inputs)\[0\]\.?/, "") + (fault.field.replace(/^(rows|inputs)\[0\]\.?/, "") ? ": " : "") + fault.reason;
  if (faults.length) place.replaceChildren(make("p", { class: "error" }, "No prediction"), make("ul", { class: "faults" }, ...faults.map(fault => make("li", {}, words(fault)))));
}

function show(model) {
  document.title = model.name;
  const result = make("div", { "aria-live": "polite", id: "result" }, make("p", { class: "muted" }, "The prediction comes here."));
  let asked = 0, timer = 0;
  const predict = async isAsked => {
    const number = ++asked;
    let body;
    try { body = await form.body(); } catch (error) { showFaults(result, [{ field: "", reason: "This is no JSON: " + error.message }]); return; }
    if (body === null) { showFaults(result, [{ field: "", reason: form.first }]); return; }
    const isForm = body instanceof FormData;
    let answer;
    try {
      answer = await ask("predict", { method: "POST", body: isForm ? body : JSON.stringify(body), headers: isForm ? {} : { "Content-Type": "application/json" } });
    } catch { if (number === asked) showFaults(result, [{ field: "", reason: "The server does not answer." }]); return; }
    if (answer.status === 401) { askForToken(() => fetched("model", show)); return; }
    const found = answer.ok ? await answer.json() : null, faults = answer.ok ? [] : await faultsOf(answer);
    if (number !== asked) return;
    showFaults(result, faults);
    if (found) showResult(model, result, found.predictions[0], model.kind === "language" ? Object.values(body.rows[0])[0] : "");
    if (isAsked && innerWidth < 800) result.scrollIntoView({ block: "nearest" });
  };
  const later = () => { clearTimeout(timer); timer = setTimeout(predict, WAIT_MS, false); };
  const makers = { numbers: rowForm, table: rowForm, text: textForm, language: textForm, series: seriesForm, images: fileForm, audio: fileForm, arrays: arraysForm };
  const form = makers[model.kind](model, later);
  const panel = make("form", { class: "panel", onsubmit: event => { event.preventDefault(); clearTimeout(timer); predict(true); } },
    form.element, make("div", { class: "row" }, make("button", { class: "main" }, model.kind === "language" ? "Continue" : "Predict")));
  if (form.live) { panel.addEventListener("input", later); panel.addEventListener("change", later); }
  main.replaceChildren(
    make("header", {}, make("h1", {}, model.name),
      make("p", { class: "muted" }, "model " + model.model + ", dataset " + model.dataset + " · ", make("a", { href: "docs" }, "for programs: POST /predict"))),
    make("div", { class: model.columns.length > MANY_COLUMNS ? "beside many" : "beside" }, panel, make("section", { class: "panel result" }, make("h2", {}, "Prediction"), result)));
  if (form.live && model.example) predict(false);
}

fetched("model", show);
