"use strict";
// The list of questions: unpacked once, filtered and drawn a page at a time; details are made when opened.
const PAGE = 50;
const FILTERS = ["result", "split", "difficulty", "construct", "database"];
const $ = (id) => document.getElementById(id);
const body = $("list").tBodies[0];
let rows = [], constructs = [], found = [], drawn = 0;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function unpack() {
  const packed = Uint8Array.from(atob($("data").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const data = JSON.parse(await new Response(stream).text());
  constructs = data.constructs;
  rows = data.rows.map(([id, split, database, difficulty, parts, question, gold, operators, lowered, result, more]) =>
    ({ id, split, database, difficulty, parts: parts.map((i) => constructs[i]), question, gold, operators, lowered,
       result, more, words: [id, question, gold, operators.join(" ")].join("\n").toLowerCase() }));
}

function matches(row, wanted, words) {
  return (!wanted.result || row.result === wanted.result || (wanted.result === "rejected" && row.result !== "golden"))
    && (!wanted.split || row.split === wanted.split)
    && (!wanted.difficulty || row.difficulty === wanted.difficulty)
    && (!wanted.construct || row.parts.includes(wanted.construct))
    && (!wanted.database || row.database === wanted.database)
    && words.every((word) => row.words.includes(word));
}

function refresh() {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, $(name).value]));
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  found = rows.filter((row) => matches(row, wanted, words));
  const golden = found.filter((row) => row.result === "golden").length;
  $("found").textContent = `${found.length} ${found.length === 1 ? "question" : "questions"}, ${golden} golden`;
  body.replaceChildren();
  drawn = 0;
  drawMore();
}

function drawMore() {
  for (const row of found.slice(drawn, drawn + PAGE)) body.append(line(row));
  drawn = Math.min(drawn + PAGE, found.length);
  $("more").hidden = drawn >= found.length;
}

function resultClass(result) {
  if (result === "golden") return "golden";
  return /^(gold_error|undecidable|unproved|refused|mismatch:undecidable)/.test(result) ? "other" : "defect";
}

function line(row) {
  const tr = element("tr");
  const opener = element("button", row.id);
  opener.type = "button";
  opener.setAttribute("aria-expanded", "false");
  tr.append(element("td"));
  tr.firstChild.append(opener);
  for (const text of [row.database, row.difficulty.split("/").pop()]) tr.append(element("td", text, "words"));
  const cell = element("td", undefined, "words");
  cell.append(element("span", row.result, `result ${resultClass(row.result)}`));
  tr.append(cell, element("td", row.question, "words"));
  const toggle = () => {
    const open = opener.getAttribute("aria-expanded") === "true";
    opener.setAttribute("aria-expanded", String(!open));
    if (open) tr.nextSibling.remove();
    else tr.after(detail(row));
  };
  opener.addEventListener("click", toggle);
  tr.addEventListener("click", (event) => { if (!event.target.closest("button")) toggle(); });
  return tr;
}

function block(title, ...lines) {
  const section = element("section");
  const pre = element("pre");
  pre.append(...lines);
  section.append(element("h3", title), pre);
  return section;
}

const WORDS = /('(?:[^']|'')*'|"(?:[^"]|"")*")|\b(SELECT|FROM|JOIN|LEFT|RIGHT|FULL|INNER|CROSS|ON|USING|WHERE|AGGREGATE|GROUP|BY|HAVING|ORDER|LIMIT|OFFSET|DISTINCT|EXTEND|SET|DROP|RENAME|AS|UNION|INTERSECT|EXCEPT|ALL|AND|OR|NOT|IN|EXISTS|LIKE|BETWEEN|IS|NULL|CASE|WHEN|THEN|ELSE|END|WITH|DESC|ASC)\b|\|>/gi;

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

function pipeLines(row) {
  const [, , operator, agrees] = row.result === "golden" ? [] : row.more;
  return row.operators.map((text, i) => {
    const span = element("span", undefined, "line");
    if (i + 1 === operator) span.classList.add("fault");
    else if (i < agrees) span.classList.add("well");
    span.append(sql(text));
    return span;
  });
}

function verdict(row) {
  if (row.result === "golden") {
    const [rowsHere, rowsThere, digest, digestThere, database] = row.more;
    const copy = digestThere ? `, ${rowsThere} on the perturbed copy (${digestThere}…)` : "; no copy could be made";
    return `${rowsHere} rows on the real database (sha256 ${digest}…)${copy}; database ${database}…; `
      + "pure pipe SQL, every prefix a query";
  }
  const [said, shownOn, operator, agrees] = row.more;
  const before = agrees ? `all is well up to operator ${agrees}` : "no earlier operator could be compared";
  const where = operator ? `; shows after operator ${operator}, ${before}` : "";
  return `${row.result}: ${said}${where}${shownOn ? ` (${shownOn} database)` : ""}`;
}

function detail(row) {
  const tr = element("tr", undefined, "detail");
  const cell = element("td");
  cell.colSpan = 5;
  const sides = element("div", undefined, "sides");
  sides.append(block("Gold", sql(row.gold)));
  if (row.operators.length) sides.append(block("Pipe SQL", ...pipeLines(row)));
  cell.append(sides);
  if (row.lowered) cell.append(block("Lowered to SQLite", sql(row.lowered)));
  cell.append(block(row.result === "golden" ? "Proof" : "Why not", verdict(row)));
  cell.append(block("Constructs", row.parts.join(", ") || "none"));
  tr.append(cell);
  return tr;
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

function step(by) {
  const openers = [...body.querySelectorAll("button[aria-expanded]")];
  if (!openers.length) return;
  const here = openers.indexOf(document.activeElement);
  if (by > 0 && here === openers.length - 1 && !$("more").hidden) { drawMore(); step(by); return; }
  openers[Math.max(0, Math.min(openers.length - 1, here + by))].focus();
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
    for (const name of ["search", ...FILTERS]) $(name).value = "";
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
for (const name of FILTERS) $(name).addEventListener("change", refresh);
$("more").addEventListener("click", drawMore);
function openLinked() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (!rows.some((row) => row.id === id)) return;
  $("search").value = id;
  refresh();
  const opener = [...body.querySelectorAll("button")].find((button) => button.textContent === id);
  opener.click();
  $("questions").scrollIntoView();
}

window.addEventListener("hashchange", openLinked);
unpack().then(() => { refresh(); openLinked(); }, (error) => { $("found").textContent = `The list cannot be unpacked: ${error.message}`; });
