CREATE TABLE teachers (
  teacher_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  subject TEXT NOT NULL,
  hired TEXT NOT NULL -- date, YYYY-MM-DD
);

CREATE TABLE courses (
  course_id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  teacher_id INTEGER REFERENCES teachers (teacher_id),
  room TEXT,
  hours INTEGER NOT NULL -- a year
);

CREATE TABLE students (
  student_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  town TEXT NOT NULL,
  "group" TEXT,
  birth_date TEXT NOT NULL -- date, YYYY-MM-DD
);

CREATE TABLE marks (
  student_id INTEGER NOT NULL REFERENCES students (student_id),
  course_id INTEGER NOT NULL REFERENCES courses (course_id),
  mark INTEGER, -- out of 100, empty until graded
  PRIMARY KEY (student_id, course_id)
);
