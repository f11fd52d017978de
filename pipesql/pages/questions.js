"use strict";
// A list of questions: unpacked once, filtered and drawn a page at a time; details are made when opened.
// All text of the data goes in by textContent or as attribute values, never as markup.
const PAGE = 50;
const $ = (id) => document.getElementById(id);

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function block(title, ...lines) {
  const section = element("section");
  const pre = element("pre");
  pre.append(...lines);
  section.append(element("h3", title), pre);
  return section;
}

function badge(text, kind) {
  return element("span", text, `result ${kind}`);
}

const WORDS = /('(?:[^']|'')*'|"(?:[^"]|"")*")|\b(SELECT|FROM|JOIN|LEFT|RIGHT|FULL|INNER|CROSS|ON|USING|WHERE|AGGREGATE|GROUP|BY|HAVING|ORDER|LIMIT|OFFSET|DISTINCT|EXTEND|SET|DROP|RENAME|AS|UNION|INTERSECT|EXCEPT|ALL|AND|OR|NOT|IN|EXISTS|LIKE|BETWEEN|IS|NULL|CASE|WHEN|THEN|ELSE|END|WITH|DESC|ASC)\b|\|>/gi;

// SQL with its keywords and texts marked.
function sql(text) {
  const made = document.createDocumentFragment();
  let end = 0;
  for (const match of text.matchAll(WORDS)) {
    made.append(text.slice(end, match.index), element(match[1] ? "i" : "b", match[0]));
    end = match.index + match[0].length;
  }
  made.append(text.slice(end));
  return made;
}

// One operator of a pipe query; `kind` is "well", "fault" or empty.
function operatorLine(text, kind) {
  const span = element("span", undefined, kind ? `line ${kind}` : "line");
  span.append(sql(text));
  return span;
}

async function unpacked() {
  const bytes = Uint8Array.from(atob($("data").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending" || (column === 0 && !head.hasAttribute("aria-sort"));
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (tr) => tr.cells[column].dataset.sort ?? tr.cells[column].textContent;
      const order = (a, b) => key(a).localeCompare(key(b), "en", { numeric: true });
      const sorted = [...table.tBodies[0].rows].sort((a, b) => (up ? order(a, b) : order(b, a)));
      table.tBodies[0].append(...sorted);
    });
  });
}

// Fills the list and keeps it up to date. A page gives:
//   filters   ids of the selects of which an empty one filters nothing
//   settings  ids of other selects on which the list depends
//   read      data → rows, each with `id`, `question`, and `words`, the lower-case text that is searched
//   matches   (row, wanted) → whether it is shown; `wanted` is the value of each filter
//   summary   rows that are shown → a sentence
//   cells     row → nodes or texts for the columns between id and question
//   detail    row → nodes for what opens below it
function questionList({ filters, settings = [], read, matches, summary, cells, detail }) {
  const body = $("list").tBodies[0];
  let rows = [], found = [], drawn = 0;

  function refresh() {
    const wanted = Object.fromEntries(filters.map((name) => [name, $(name).value]));
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    found = rows.filter((row) => matches(row, wanted) && words.every((word) => row.words.includes(word)));
    $("found").textContent = `${found.length} ${found.length === 1 ? "question" : "questions"}${summary(found)}`;
    body.replaceChildren();
    drawn = 0;
    drawMore();
  }

  function drawMore() {
    for (const row of found.slice(drawn, drawn + PAGE)) body.append(line(row));
    drawn = Math.min(drawn + PAGE, found.length);
    $("more").hidden = drawn >= found.length;
  }

  function line(row) {
    const tr = element("tr");
    const opener = element("button", row.id);
    opener.type = "button";
    opener.setAttribute("aria-expanded", "false");
    tr.append(element("td"));
    tr.firstChild.append(opener);
    for (const content of cells(row)) {
      const cell = element("td", undefined, "word");
      cell.append(content);
      tr.append(cell);
    }
    tr.append(element("td", row.question, "words"));
    const toggle = () => {
      const open = opener.getAttribute("aria-expanded") === "true";
      opener.setAttribute("aria-expanded", String(!open));
      if (open) tr.nextSibling.remove();
      else tr.after(opened(row, tr.cells.length));
    };
    opener.addEventListener("click", toggle);
    tr.addEventListener("click", (event) => { if (!event.target.closest("button")) toggle(); });
    return tr;
  }

  function opened(row, columns) {
    const tr = element("tr", undefined, "detail");
    const cell = element("td");
    cell.colSpan = columns;
    cell.append(...detail(row));
    tr.append(cell);
    return tr;
  }

  function step(by) {
    const openers = [...body.querySelectorAll("button[aria-expanded]")];
    if (!openers.length) return;
    const here = openers.indexOf(document.activeElement);
    if (by > 0 && here === openers.length - 1 && !$("more").hidden) { drawMore(); step(by); return; }
    openers[Math.max(0, Math.min(openers.length - 1, here + by))].focus();
  }

  function openLinked() {
    const id = decodeURIComponent(location.hash.slice(1));
    if (!rows.some((row) => row.id === id)) return;
    $("search").value = id;
    refresh();
    const opener = [...body.querySelectorAll("button")].find((button) => button.textContent === id);
    if (opener) opener.click();
    $("questions").scrollIntoView();
  }

  document.addEventListener("keydown", (event) => {
    const active = document.activeElement;
    const searching = active === $("search");
    if (event.key === "/" && !/INPUT|SELECT/.test(active.tagName)) {
      event.preventDefault();
      $("search").focus();
    } else if (event.key === "Escape") {
      document.forms[0].reset();
    } else if ((event.key === "ArrowDown" && (searching || body.contains(active)))
        || (event.key === "ArrowUp" && body.contains(active))) {
      event.preventDefault();
      step(event.key === "ArrowDown" ? 1 : -1);
    }
  });
  for (const button of document.querySelectorAll("button[data-filter]")) {
    button.addEventListener("click", () => {
      for (const name of ["search", ...filters]) $(name).value = "";
      $(button.dataset.filter).value = button.dataset.value;
      refresh();
      $("questions").scrollIntoView();
      $(button.dataset.filter).focus();
    });
  }
  document.querySelectorAll("table.sortable").forEach(sortable);
  document.forms[0].addEventListener("submit", (event) => event.preventDefault());
  document.forms[0].addEventListener("reset", () => setTimeout(refresh));
  $("search").addEventListener("input", refresh);
  for (const name of [...settings, ...filters]) $(name).addEventListener("change", refresh);
  $("more").addEventListener("click", drawMore);
  window.addEventListener("hashchange", openLinked);
  unpacked().then((data) => { rows = read(data); refresh(); openLinked(); },
    (error) => { $("found").textContent = `The list cannot be unpacked: ${error.message}`; });
}
