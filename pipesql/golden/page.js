function read(data) {
  return data.rows.map(([id, split, database, difficulty, parts, question, gold, operators, lowered, result, more]) =>
    ({ id, split, database, difficulty, parts: parts.map((i) => data.constructs[i]), question, gold, operators, lowered,
       result, more, words: [id, question, gold, operators.join(" ")].join("\n").toLowerCase() }));
}

function matches(row, wanted) {
  return (!wanted.result || row.result === wanted.result || (wanted.result === "rejected" && row.result !== "golden"))
    && (!wanted.split || row.split === wanted.split)
    && (!wanted.difficulty || row.difficulty === wanted.difficulty)
    && (!wanted.construct || row.parts.includes(wanted.construct))
    && (!wanted.database || row.database === wanted.database);
}

function kindOf(result) {
  if (result === "golden") return "good";
  return /^(gold_error|undecidable|unproved|refused|mismatch:undecidable)/.test(result) ? "warn" : "bad";
}

function pipeLines(row) {
  const [, , operator, agrees] = row.result === "golden" ? [] : row.more;
  return row.operators.map((text, i) => operatorLine(text, i + 1 === operator ? "fault" : i < agrees ? "well" : ""));
}

function verdict(row) {
  if (row.result === "golden") {
    const [rowsHere, rowsThere, digest, digestThere, database] = row.more;
    const copy = digestThere ? `, ${rowsThere} on the perturbed copy (${digestThere}…)` : "; it could not be copied";
    return `${rowsHere} ${rowsHere === 1 ? "row" : "rows"} on the real database (sha256 ${digest}…)${copy}; database ${database}…; `
      + "pure pipe SQL, every prefix a query";
  }
  const [said, shownOn, operator, agrees] = row.more;
  const before = agrees ? `the rows agree up to operator ${agrees}` : "no earlier operator could be compared";
  const where = operator ? `; shows after operator ${operator}, ${before}` : "";
  return `${row.result}: ${said}${where}${shownOn ? ` (${shownOn} database)` : ""}`;
}

function detail(row) {
  const beside = element("div", undefined, "beside");
  beside.append(block("Gold", sql(row.gold)));
  if (row.operators.length) beside.append(block("Pipe SQL", ...pipeLines(row)));
  const parts = [beside];
  if (row.lowered) parts.push(block("Lowered to the engine's SQL", sql(row.lowered)));
  parts.push(block(row.result === "golden" ? "Proof" : "Why it was rejected", verdict(row)));
  parts.push(block("Constructs", row.parts.join(", ") || "none"));
  return parts;
}

questionList({
  filters: ["result", "split", "difficulty", "construct", "database"],
  read,
  matches,
  summary: (rows) => `, ${rows.filter((row) => row.result === "golden").length} golden`,
  cells: (row) => [row.database, row.difficulty.split("/").pop(), badge(row.result, kindOf(row.result))],
  detail,
});
