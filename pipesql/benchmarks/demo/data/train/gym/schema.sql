CREATE TABLE trainers (
  trainer_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  "hourly rate" REAL NOT NULL
);

CREATE TABLE classes (
  class_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  trainer_id INTEGER REFERENCES trainers (trainer_id),
  weekday TEXT NOT NULL,
  capacity INTEGER NOT NULL
);

CREATE TABLE members (
  member_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  plan TEXT NOT NULL, -- basic, plus or gold
  age INTEGER
);

CREATE TABLE bookings (
  member_id INTEGER NOT NULL REFERENCES members (member_id),
  class_id INTEGER NOT NULL REFERENCES classes (class_id),
  rating INTEGER, -- 1 to 5
  PRIMARY KEY (member_id, class_id)
);
