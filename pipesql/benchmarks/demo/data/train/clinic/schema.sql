CREATE TABLE doctors (
  doctor_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  specialty TEXT NOT NULL,
  salary REAL NOT NULL
);

CREATE TABLE patients (
  patient_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  gender TEXT,
  birth_date TEXT NOT NULL, -- date, YYYY-MM-DD
  city TEXT
);

CREATE TABLE visits (
  visit_id INTEGER PRIMARY KEY,
  doctor_id INTEGER NOT NULL REFERENCES doctors (doctor_id),
  patient_id INTEGER NOT NULL REFERENCES patients (patient_id),
  visit_date TEXT NOT NULL, -- date, YYYY-MM-DD
  diagnosis TEXT,
  cost REAL
);
