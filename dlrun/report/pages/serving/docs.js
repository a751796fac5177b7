/* Code whose quoted texts keep their place, whichever way their letters run. */
const codeOf = text => make("pre", {}, ...text.split(/("(?:[^"\\]|\\.)*")/).map((part, i) => i % 2 ? make("bdi", { dir: "ltr" }, part) : part));
const pretty = value => codeOf(JSON.stringify(value, null, 2));

function answers(responses) {
  return make("table", { class: "answers" }, make("tr", {}, make("th", {}, "status"), make("th", {}, "when")),
    ...Object.entries(responses).map(([status, answer]) => make("tr", {}, make("td", {}, status), make("td", {}, answer.description))));
}

function body(request, has_classes) {
  const parts = [], secret = token() ? " -H 'Authorization: Bearer TOKEN'" : "";
  for (const [kind, content] of Object.entries(request.content)) {
    parts.push(make("p", {}, make("code", {}, "Content-Type: " + kind)));
    if (content.example) {
      const text = JSON.stringify(content.example);
      const quoted = "'" + text.replaceAll("'", "'\\''") + "'";
      parts.push(codeOf("curl " + location.origin + "/predict" + secret + " -H 'Content-Type: application/json' -d " + quoted), pretty(content.example));
    } else if (kind === "application/json") {
      parts.push(make("pre", {}, has_classes ? '{"rows": [ROW, …], "probabilities": true}' : '{"rows": [ROW, …]}'), make("p", { class: "muted" }, "ROW is described below."));
    } else if (kind === "multipart/form-data") {
      parts.push(make("pre", {}, "curl " + location.origin + "/predict" + secret + " -F files=@FILE" + (has_classes ? " -F probabilities=true" : "")));
    }
  }
  return parts;
}

fetched("openapi.json", api => {
  document.title = api.info.title;
  const sections = [], has_classes = "probabilities" in api.components.schemas.Request.properties;
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, about] of Object.entries(methods)) {
      sections.push(make("section", { class: "panel" }, make("h2", {}, make("code", {}, method.toUpperCase() + " " + path)),
        make("p", {}, about.summary), ...(about.requestBody ? body(about.requestBody, has_classes) : []), answers(about.responses)));
    }
  }
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) =>
    make("details", name === "Row" ? { open: true } : {}, make("summary", {}, name), pretty(schema)));
  main.replaceChildren(make("header", {}, make("h1", {}, api.info.title),
    make("p", { class: "muted" }, make("a", { href: "./" }, "try it"), " · ", make("a", { href: "openapi.json" }, "openapi.json"), " (OpenAPI " + api.openapi + ")")),
  ...sections, make("section", {}, make("h2", {}, "Schemas"), ...schemas));
});
