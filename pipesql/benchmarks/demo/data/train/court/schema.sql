CREATE TABLE judges (
  judge_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  district TEXT NOT NULL,
  appointed INTEGER NOT NULL -- year
);

CREATE TABLE cases (
  case_id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  "case type" TEXT NOT NULL,
  judge_id INTEGER REFERENCES judges (judge_id),
  filed TEXT NOT NULL, -- date, YYYY-MM-DD
  verdict TEXT -- empty while the case is open
);

CREATE TABLE hearings (
  hearing_id INTEGER PRIMARY KEY,
  case_id INTEGER NOT NULL REFERENCES cases (case_id),
  held TEXT NOT NULL, -- date, YYYY-MM-DD
  minutes INTEGER,
  room TEXT
);
