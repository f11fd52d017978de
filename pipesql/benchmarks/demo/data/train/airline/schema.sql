CREATE TABLE Airports (
  Code TEXT PRIMARY KEY,
  City TEXT NOT NULL,
  Country TEXT NOT NULL,
  Elevation INTEGER -- metres
);

CREATE TABLE Planes (
  PlaneID INTEGER PRIMARY KEY,
  Model TEXT NOT NULL,
  Seats INTEGER NOT NULL,
  BuiltYear INTEGER
);

CREATE TABLE Flights (
  FlightNo TEXT PRIMARY KEY,
  Origin TEXT NOT NULL REFERENCES Airports (Code),
  Destination TEXT NOT NULL REFERENCES Airports (Code),
  PlaneID INTEGER REFERENCES Planes (PlaneID),
  Distance INTEGER NOT NULL, -- kilometres
  Price REAL
);
