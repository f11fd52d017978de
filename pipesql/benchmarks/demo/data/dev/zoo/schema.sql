CREATE TABLE keepers (
  keeper_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  wage REAL NOT NULL -- an hour
);

CREATE TABLE species (
  species_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  "order" TEXT NOT NULL,
  diet TEXT
);

CREATE TABLE animals (
  animal_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  species_id INTEGER NOT NULL REFERENCES species (species_id),
  keeper_id INTEGER REFERENCES keepers (keeper_id),
  born TEXT, -- date, YYYY-MM-DD
  weight REAL -- kilos
);

CREATE TABLE feedings (
  feeding_id INTEGER PRIMARY KEY,
  animal_id INTEGER NOT NULL REFERENCES animals (animal_id),
  day TEXT NOT NULL, -- date, YYYY-MM-DD
  food TEXT NOT NULL,
  kilos REAL
);
