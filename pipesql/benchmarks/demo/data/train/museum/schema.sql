CREATE TABLE artists (
  artist_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  country TEXT NOT NULL,
  born INTEGER NOT NULL, -- year
  died INTEGER -- year, empty while alive
);

CREATE TABLE artworks (
  artwork_id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  artist_id INTEGER REFERENCES artists (artist_id), -- empty if unknown
  year INTEGER,
  medium TEXT NOT NULL,
  value REAL
);

CREATE TABLE exhibitions (
  exhibition_id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  opened TEXT NOT NULL, -- date, YYYY-MM-DD
  visitors INTEGER
);

CREATE TABLE shown_in (
  exhibition_id INTEGER NOT NULL REFERENCES exhibitions (exhibition_id),
  artwork_id INTEGER NOT NULL REFERENCES artworks (artwork_id),
  PRIMARY KEY (exhibition_id, artwork_id)
);
