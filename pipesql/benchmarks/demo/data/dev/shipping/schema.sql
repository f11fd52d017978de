CREATE TABLE ships (
  ship_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  flag TEXT NOT NULL, -- country
  "gross tons" INTEGER NOT NULL,
  built INTEGER -- year
);

CREATE TABLE ports (
  port_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  country TEXT NOT NULL,
  depth REAL -- metres
);

CREATE TABLE voyages (
  voyage_id INTEGER PRIMARY KEY,
  ship_id INTEGER NOT NULL REFERENCES ships (ship_id),
  port_id INTEGER NOT NULL REFERENCES ports (port_id), -- where it ends
  departed TEXT NOT NULL, -- date, YYYY-MM-DD
  cargo TEXT,
  freight REAL -- income
);
