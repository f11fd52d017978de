CREATE TABLE members (
  member_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL,
  joined TEXT NOT NULL, -- date, YYYY-MM-DD
  phone TEXT
);

CREATE TABLE books (
  book_id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  author TEXT NOT NULL,
  genre TEXT,
  pages INTEGER NOT NULL,
  "shelf mark" TEXT
);

CREATE TABLE loans (
  loan_id INTEGER PRIMARY KEY,
  book_id INTEGER NOT NULL REFERENCES books (book_id),
  member_id INTEGER NOT NULL REFERENCES members (member_id),
  borrowed TEXT NOT NULL, -- date, YYYY-MM-DD
  returned TEXT, -- empty while the book is out
  fine REAL
);
