CREATE TABLE farms (
  farm_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  village TEXT NOT NULL,
  hectares REAL,
  organic TEXT NOT NULL -- yes or no
);

CREATE TABLE products (
  product_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  "group" TEXT NOT NULL,
  price REAL NOT NULL, -- a kilo
  farm_id INTEGER NOT NULL REFERENCES farms (farm_id)
);

CREATE TABLE sales (
  sale_id INTEGER PRIMARY KEY,
  product_id INTEGER NOT NULL REFERENCES products (product_id),
  day TEXT NOT NULL, -- date, YYYY-MM-DD
  kilos REAL NOT NULL,
  customer TEXT
);
