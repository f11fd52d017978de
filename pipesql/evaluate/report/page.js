const CLASSES = ["hardness", "operators", "construct", "database"];
let rules = [], models = [];

function read(data) {
  ({ rules, models } = data);
  return data.rows.map(([id, database, hardness, parts, question, gold, goldPipe, goldRows, given]) => {
    const answers = given.map(([right, f1, cause, detail, pipe, lowered, [at, divergence], tokens, result]) =>
      ({ right, f1, cause, detail, pipe, lowered, at, divergence, tokens, result }));
    return { id, database, hardness, construct: parts.map((i) => data.constructs[i]), question, gold, goldPipe, goldRows,
      operators: String(goldPipe.length), answers,
      words: [id, question, gold, goldPipe.join(" "), ...answers.map((a) => a.pipe)].join("\n").toLowerCase() };
  });
}

const chosenModel = () => models.indexOf($("model").value);
const chosenRule = () => rules.indexOf($("rule").value);

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

function matches(row, wanted) {
  const model = chosenModel();
  return resultMatches(row, wanted.result, model, chosenRule())
    && (!wanted.divergence || row.answers[model].divergence === wanted.divergence)
    && CLASSES.every((name) => !wanted[name] || (name === "construct" ? row.construct.includes(wanted.construct)
      : row[name] === wanted[name]));
}

function summary(rows) {
  const rule = chosenRule();
  const right = models.map((name, i) => `${name} right on ${rows.filter((row) => row.answers[i].right[rule]).length}`);
  return `; by the rule ${rules[rule]}, ${right.join(", ")}`;
}

function answerBadge(answer) {
  if (answer.right[chosenRule()]) return badge("right", "good");
  return badge(answer.cause || "wrong", answer.cause && answer.cause !== "rows" ? "warn" : "bad");
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
    p.append(badge(`${rule}: ${answer.right[i] ? "right" : "wrong"}`, answer.right[i] ? "good" : "bad"), " ");
  });
  p.append(`soft F1 ${answer.f1.toFixed(2)}`);
  if (answer.tokens) p.append(`, ${answer.tokens} tokens`);
  if (answer.cause) p.append("; ", element("span", `${answer.cause}: ${answer.detail}`, "note"));
  if (answer.divergence) p.append(`; diverges from the gold at operator ${answer.at}, ${answer.divergence}`);
  return p;
}

function answerBlock(answer, name) {
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
  const beside = element("div", undefined, "beside");
  const golds = element("div");
  golds.append(block("Gold", sql(row.gold)));
  if (row.goldPipe.length) golds.append(block("Gold in pipes", ...row.goldPipe.map((text) => operatorLine(text, ""))));
  beside.append(golds, resultTable("The gold's rows", row.goldRows));
  return [beside, ...row.answers.map((answer, i) => answerBlock(answer, models[i]))];
}

questionList({
  filters: ["result", "divergence", ...CLASSES],
  settings: ["model", "rule"],
  read,
  matches,
  summary,
  cells: (row) => [row.database, row.hardness, ...row.answers.map(answerBadge)],
  detail,
});
