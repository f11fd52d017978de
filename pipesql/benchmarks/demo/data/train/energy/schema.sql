CREATE TABLE homes (
  home_id INTEGER PRIMARY KEY,
  street TEXT NOT NULL,
  district TEXT NOT NULL,
  area REAL NOT NULL, -- square metres
  residents INTEGER,
  heating TEXT NOT NULL
);

CREATE TABLE meters (
  meter_id TEXT PRIMARY KEY,
  home_id INTEGER NOT NULL REFERENCES homes (home_id),
  kind TEXT NOT NULL, -- electricity, gas or water
  installed TEXT -- date, YYYY-MM-DD
);

CREATE TABLE readings (
  meter_id TEXT NOT NULL REFERENCES meters (meter_id),
  month TEXT NOT NULL, -- YYYY-MM
  usage REAL,
  cost REAL,
  PRIMARY KEY (meter_id, month)
);
