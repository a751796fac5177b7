"use strict";
(() => {
  document.documentElement.classList.add("script");
  const rows = new Map();
  document.querySelectorAll("tr[data-p]").forEach(row => rows.set(row.dataset.p, row));
  const shown = new Map();
  document.querySelectorAll("[data-p]").forEach(element => {
    for (const point of element.dataset.p.split(" ")) {
      if (!shown.has(point)) shown.set(point, []);
      shown.get(point).push(element);
    }
  });
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  let marked = [], pinned = "";

  function mark(points) {
    marked.forEach(element => element.classList.remove("on"));
    marked = points ? points.split(" ").flatMap(point => shown.get(point) || []) : [];
    marked.forEach(element => element.classList.add("on"));
    document.body.classList.toggle("marked", marked.length > 0);
  }
  function describe(points) {
    const found = points.split(" ").map(point => rows.get(point)).filter(row => row);
    if (!found.length) return "point " + points;
    const heads = [...found[0].closest("table").tHead.rows[0].cells].slice(0, 24);
    return heads.map((head, i) => {
      const texts = found.map(row => row.cells[i] ? row.cells[i].textContent : "");
      const same = texts.every(text => text === texts[0]);
      return head.dataset.name + ": " + (same ? texts[0] : texts.slice(0, 5).join(", ") + (texts.length > 5 ? ", …" : ""));
    }).join("\n");
  }
  function place(event) {
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const x = event.clientX + 14, y = event.clientY + 14;
    tip.style.left = Math.max(4, Math.min(x, innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(4, y + box.height > innerHeight ? event.clientY - box.height - 14 : y) + "px";
  }
  const target = event => event.target.closest && event.target.closest("[data-p]");
  addEventListener("pointerover", event => {
    const found = target(event);
    mark(found ? found.dataset.p : pinned);
    tip.hidden = true;
    if (found && found.closest("svg")) {
      tip.textContent = describe(found.dataset.p);
      place(event);
    }
  });
  addEventListener("scroll", () => { tip.hidden = true; }, true);
  addEventListener("click", event => {
    if (event.target.closest("th button")) return;
    const found = target(event);
    pinned = found && found.dataset.p !== pinned ? found.dataset.p : "";
    mark(pinned);
  });
  addEventListener("keydown", event => {
    if (event.key === "Escape") { pinned = ""; mark(""); tip.hidden = true; }
  });

  const value = cell => {
    const text = cell.dataset.v || cell.textContent;
    return text.trim() !== "" && isFinite(text) ? Number(text) : text;
  };
  document.querySelectorAll("table.sortable").forEach(table => {
    [...table.tHead.rows[0].cells].forEach((head, i) => {
      head.dataset.name = head.textContent;
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        [...table.tHead.rows[0].cells].forEach(each => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sign = down ? -1 : 1;
        const keyed = [...table.tBodies[0].rows].map(row => [value(row.cells[i]), row]);
        keyed.sort(([a], [b]) => sign * (typeof a === "number" && typeof b === "number" ? a - b
          : typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1));
        table.tBodies[0].append(...keyed.map(([, row]) => row));
      });
    });
  });
})();
