CREATE TABLE items (
  item_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  price REAL NOT NULL,
  calories INTEGER
);

CREATE TABLE ingredients (
  ingredient_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  cost REAL NOT NULL, -- a kilo
  allergen TEXT
);

CREATE TABLE recipes (
  item_id INTEGER NOT NULL REFERENCES items (item_id),
  ingredient_id INTEGER NOT NULL REFERENCES ingredients (ingredient_id),
  grams INTEGER NOT NULL,
  PRIMARY KEY (item_id, ingredient_id)
);

CREATE TABLE "order" (
  order_id INTEGER PRIMARY KEY,
  item_id INTEGER NOT NULL REFERENCES items (item_id),
  "order date" TEXT NOT NULL, -- YYYY-MM-DD
  quantity INTEGER NOT NULL,
  customer TEXT
);
