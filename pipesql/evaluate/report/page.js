"use strict";
// The list of questions: unpacked once, filtered and drawn a page at a time; details are made when opened.
// All text of the data goes in by textContent or as attribute values, never as markup.
const PAGE = 50;
const CLASSES = ["hardness", "operators", "construct", "database"];
const FILTERS = ["result", "divergence", ...CLASSES];
const $ = (id) => document.getElementById(id);
const body = $("list").tBodies[0];
let rows = [], rules = [], models = [], found = [], drawn = 0;

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
  ({ rules, models } = data);
  rows = data.rows.map(([id, database, hardness, parts, question, gold, goldPipe, goldRows, given]) => {
    const answers = given.map(([right, f1, cause, detail, pipe, lowered, [at, divergence], tokens, result]) =>
      ({ right, f1, cause, detail, pipe, lowered, at, divergence, tokens, result }));
    return { id, database, hardness, construct: parts.map((i) => data.constructs[i]), question, gold, goldPipe, goldRows,
      operators: String(goldPipe.length), answers,
      words: [id, question, gold, goldPipe.join(" "), ...answers.map((a) => a.pipe)].join("\n").toLowerCase() };
  });
}

function resultMatches(row, wanted, model, rule) {
  const answer = row.answers[model], right = answer.right[rule], before = row.answers[0].right[rule];
  switch (wanted) {
    case "": return true;
    case "right": return Boolean(right);
    case "wrong": return !right;
    case "gained": return Boolean(right && !before);
    case "lost": return Boolean(before && !right);
    case "disagree": return new Set(answer.right).size > 1;
    default: return answer.cause === wanted;
  }
}

function matches(row, wanted, words, model, rule) {
  return resultMatches(row, wanted.result, model, rule)
    && (!wanted.divergence || row.answers[model].divergence === wanted.divergence)
    && CLASSES.every((name) => !wanted[name] || (name === "construct" ? row.construct.includes(wanted.construct)
      : row[name] === wanted[name]))
    && words.every((word) => row.words.includes(word));
}

function refresh() {
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, $(name).value]));
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const model = models.indexOf($("model").value), rule = rules.indexOf($("rule").value);
  found = rows.filter((row) => matches(row, wanted, words, model, rule));
  const right = models.map((name, i) => `${name} right on ${found.filter((row) => row.answers[i].right[rule]).length}`);
  $("found").textContent = `${found.length} ${found.length === 1 ? "question" : "questions"}; `
    + `by the rule ${rules[rule]}, ${right.join(", ")}`;
  body.replaceChildren();
  drawn = 0;
  drawMore();
}

function drawMore() {
  const rule = rules.indexOf($("rule").value);
  for (const row of found.slice(drawn, drawn + PAGE)) body.append(line(row, rule));
  drawn = Math.min(drawn + PAGE, found.length);
  $("more").hidden = drawn >= found.length;
}

function badge(answer, rule) {
  if (answer.right[rule]) return element("span", "right", "result right");
  return element("span", answer.cause || "wrong", `result ${answer.cause && answer.cause !== "rows" ? "failed" : "wrong"}`);
}

function line(row, rule) {
  const tr = element("tr");
  const opener = element("button", row.id);
  opener.type = "button";
  opener.setAttribute("aria-expanded", "false");
  tr.append(element("td"));
  tr.firstChild.append(opener);
  for (const text of [row.database, row.hardness]) tr.append(element("td", text, "words"));
  for (const answer of row.answers) {
    const cell = element("td", undefined, "words");
    cell.append(badge(answer, rule));
    tr.append(cell);
  }
  tr.append(element("td", row.question, "words"));
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

function operatorLine(text, className) {
  const span = element("span", undefined, className ? `line ${className}` : "line");
  span.append(sql(text));
  return span;
}

function pipeLines(answer) {
  const lines = answer.pipe.split("\n").map((text, i) => {
    if (!answer.at) return operatorLine(text, answer.right[0] ? "well" : "");
    return operatorLine(text, i + 1 === answer.at ? "fault" : i + 1 < answer.at ? "well" : "");
  });
  if (answer.at > lines.length) lines.push(element("span", "ends here, the gold continues", "line fault"));
  return lines;
}

function resultTable(title, [columns, shown, count]) {
  const section = element("section");
  const rest = count > shown.length ? `, the first ${shown.length}` : "";
  section.append(element("h3", `${title}: ${count} ${count === 1 ? "row" : "rows"}${rest}`));
  const scroll = element("div", undefined, "scroll rows");
  scroll.tabIndex = 0;
  const table = element("table"), head = element("tr");
  for (const column of columns) head.append(element("th", column));
  table.createTHead().append(head);
  const tbody = table.createTBody();
  for (const values of shown) {
    const tr = element("tr");
    for (const value of values) {
      const kind = value === null ? "null" : typeof value === "number" ? "number" : "";
      tr.append(element("td", value === null ? "NULL" : String(value), kind));
    }
    tbody.append(tr);
  }
  scroll.append(table);
  section.append(scroll);
  return section;
}

function verdictLine(answer) {
  const p = element("p");
  rules.forEach((rule, i) => {
    p.append(element("span", `${rule}: ${answer.right[i] ? "right" : "wrong"}`, `result ${answer.right[i] ? "right" : "wrong"}`), " ");
  });
  p.append(`soft F1 ${answer.f1.toFixed(2)}`);
  if (answer.tokens) p.append(`, ${answer.tokens} tokens`);
  if (answer.cause) p.append("; ", element("span", `${answer.cause}: ${answer.detail}`, "note"));
  if (answer.divergence) p.append(`; diverges from the gold at operator ${answer.at}, ${answer.divergence}`);
  return p;
}

function answerBlock(row, answer, name) {
  const part = element("div", undefined, "answer");
  part.append(element("h3", models.length > 1 ? `Answer of ${name}` : "Answer"), verdictLine(answer));
  const beside = element("div", undefined, "beside");
  beside.append(block("Pipe SQL", ...(answer.pipe ? pipeLines(answer) : ["(nothing)"])));
  if (answer.result) beside.append(resultTable("Its rows", answer.result));
  else beside.append(block("Its rows", answer.result === 0 ? "as the gold's" : "none: it did not run"));
  part.append(beside);
  if (answer.lowered) part.append(block("As it was run", sql(answer.lowered)));
  return part;
}

function detail(row) {
  const tr = element("tr", undefined, "detail");
  const cell = element("td");
  cell.colSpan = 4 + models.length;
  const beside = element("div", undefined, "beside");
  const golds = element("div");
  golds.append(block("Gold", sql(row.gold)));
  if (row.goldPipe.length) golds.append(block("Gold in pipes", ...row.goldPipe.map((text) => operatorLine(text, ""))));
  beside.append(golds, resultTable("The gold's rows", row.goldRows));
  cell.append(beside);
  row.answers.forEach((answer, i) => cell.append(answerBlock(row, answer, models[i])));
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
for (const name of ["model", "rule", ...FILTERS]) $(name).addEventListener("change", refresh);
$("more").addEventListener("click", drawMore);
function openLinked() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (!rows.some((row) => row.id === id)) return;
  $("search").value = id;
  refresh();
  const opener = [...body.querySelectorAll("button")].find((button) => button.textContent === id);
  if (opener) opener.click();
  $("questions").scrollIntoView();
}

window.addEventListener("hashchange", openLinked);
unpack().then(() => { refresh(); openLinked(); }, (error) => { $("found").textContent = `The list cannot be unpacked: ${error.message}`; });
