"use strict";
const main = document.getElementById("main");
const make = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
};
const token = () => sessionStorage.getItem("dlrun-token");
const ask = (path, options = {}) => {
  const headers = { ...(options.headers || {}) };
  if (token()) headers.Authorization = "Bearer " + token();
  return fetch(path, { ...options, headers });
};
const faultsOf = async answer => {
  try { return (await answer.json()).detail; } catch { return [{ field: "", reason: "The server answered " + answer.status + "." }]; }
};
const askForToken = again => {
  const field = make("input", { type: "password", autocomplete: "off", id: "token" });
  const form = make("form", { class: "panel", onsubmit: event => {
    event.preventDefault();
    sessionStorage.setItem("dlrun-token", field.value.trim());
    again();
  } },
    make("h1", {}, "This server asks for a token"),
    make("p", { class: "muted" }, token() ? "The token was wrong. " : "", "It was given by --token or DLRUN_TOKEN when the server was started."),
    make("label", {}, make("span", {}, "token"), field),
    make("div", { class: "row" }, make("button", { class: "main" }, "Go on")));
  main.replaceChildren(form);
  field.focus();
};
const fetched = async (path, show) => {
  let answer;
  try { answer = await ask(path); } catch {
    main.replaceChildren(make("p", { class: "error" }, "The server does not answer."));
    return;
  }
  if (answer.status === 401) askForToken(() => fetched(path, show));
  else if (!answer.ok) main.replaceChildren(make("p", { class: "error" }, "The server answered " + answer.status + "."));
  else show(await answer.json());
};
