"use strict";
(() => {
  const make = (name, text) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Rows from data: text only, and links only to places in this page or to the bundle beside it.
  const cell = (entry) => {
    const td = make("td");
    if (entry.number) td.className = "n";
    if (entry.sort !== undefined) td.dataset.sort = entry.sort;
    let into = td;
    if (entry.href && !/^[a-z][a-z0-9+.-]*:/i.test(entry.href) && !entry.href.startsWith("//")) {
      into = make("a");
      into.setAttribute("href", entry.href);
      td.append(into);
    }
    into.append(entry.code ? make("code", entry.text) : entry.text);
    if (entry.badge) {
      const badge = make("span", entry.badge);
      badge.className = "badge";
      td.append(" ", badge);
    }
    if (entry.below) {
      const below = make("span", entry.below);
      below.className = "below";
      td.append(below);
    }
    return td;
  };
  const fromData = (entries) => ({
    text: entries.map((e) => e.text + " " + (e.below || "") + " " + (e.badge || "")).join(" ").toLowerCase(),
    keys: entries.map((e) => (e.sort !== undefined ? e.sort : e.text)),
    build() {
      const tr = make("tr");
      tr.append(...entries.map(cell));
      return tr;
    },
  });
  const fromPage = (tr) => ({
    text: tr.textContent.toLowerCase(),
    keys: [...tr.cells].map((td) => (td.dataset.sort !== undefined ? Number(td.dataset.sort) : td.textContent.trim())),
    build: () => tr,
  });

  const compare = (a, b) => {
    const dashes = (a === "\u2013") - (b === "\u2013");
    if (dashes) return dashes;
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };

  const PAGE = 100;
  const enhance = (holder) => {
    const body = holder.querySelector("tbody");
    const data = holder.querySelector("script.further");
    const rows = [...body.rows].map(fromPage);
    if (data) rows.push(...JSON.parse(data.textContent).map(fromData));
    let shown = rows;
    let page = 0;
    let order = null;

    const tools = make("div");
    tools.className = "table-tools";
    const label = make("label", "Filter ");
    const input = make("input");
    input.type = "search";
    input.setAttribute("aria-controls", holder.id);
    label.append(input);
    const count = make("output");
    count.setAttribute("aria-live", "polite");
    const back = make("button", "Previous");
    const next = make("button", "Next");
    back.type = next.type = "button";
    tools.append(label, count, back, next);
    holder.prepend(tools);
    const part = holder.querySelector(".part");
    if (part) part.remove();
    for (const note of holder.querySelectorAll(".noscript")) note.remove();

    const draw = () => {
      const pages = Math.max(1, Math.ceil(shown.length / PAGE));
      page = Math.min(Math.max(page, 0), pages - 1);
      body.replaceChildren(...shown.slice(page * PAGE, (page + 1) * PAGE).map((row) => row.build()));
      back.hidden = next.hidden = pages === 1;
      back.disabled = page === 0;
      next.disabled = page === pages - 1;
      const from = shown.length ? page * PAGE + 1 : 0;
      const to = Math.min((page + 1) * PAGE, shown.length);
      count.textContent = pages > 1 ? `${from} to ${to} of ${shown.length}` : `${shown.length} of ${rows.length} rows`;
    };
    const arrange = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      shown = words.length ? rows.filter((row) => words.every((word) => row.text.includes(word))) : [...rows];
      if (order) shown.sort((a, b) => order.sign * compare(a.keys[order.column], b.keys[order.column]));
      page = 0;
      draw();
    };
    input.addEventListener("input", arrange);
    back.addEventListener("click", () => { page -= 1; draw(); });
    next.addEventListener("click", () => { page += 1; draw(); });

    const heads = [...holder.querySelectorAll("thead th")];
    heads.forEach((th, column) => {
      const button = make("button");
      button.type = "button";
      button.append(...th.childNodes);
      th.append(button);
      button.addEventListener("click", () => {
        const sign = order && order.column === column ? -order.sign : 1;
        order = { column, sign };
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        th.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        arrange();
      });
    });
    draw();
  };
  for (const holder of document.querySelectorAll(".table[data-tools]")) enhance(holder);

  // Opening what a link leads to, for browsers that do not do it themselves.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  for (const block of document.querySelectorAll("pre.command")) {
    const button = make("button", "Copy");
    button.type = "button";
    button.className = "copy";
    button.addEventListener("click", async () => {
      const text = block.querySelector("code").textContent;
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block.querySelector("code"));
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    const frame = make("div");
    frame.className = "copyable";
    block.replaceWith(frame);
    frame.append(block, button);
  }

  const tools = document.querySelector(".top .tools");
  if (tools) {
    const dark = () => document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    const theme = make("button");
    theme.type = "button";
    const name = () => { theme.textContent = dark() ? "Light" : "Dark"; };
    theme.setAttribute("aria-label", "Switch between light and dark");
    theme.addEventListener("click", () => {
      document.documentElement.dataset.theme = dark() ? "light" : "dark";
      name();
    });
    name();
    tools.append(theme);
  }
  // On paper everything that can be opened is open, but not the long lists.
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll(".card details, details.open")) details.open = true;
  });
})();
