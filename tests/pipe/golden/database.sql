-- The tables on which every case of this folder runs: NULLs, duplicate rows, ties, names that need quotes.
CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, age INTEGER, country TEXT, rating REAL);
INSERT INTO singer VALUES
    (1, 'Ann', 31, 'France', 4.5), (2, 'Bob', 25, 'Chile', NULL), (3, 'Cem', NULL, 'France', 3.0),
    (4, 'ann', 25, NULL, 3.0), (5, 'D''Or', 47, 'Peru', 1.25);
CREATE TABLE concert (concert_id INTEGER, singer_id INTEGER, year INTEGER, hall TEXT, price NUMERIC);
INSERT INTO concert VALUES
    (10, 1, 2014, 'Opera', 20), (11, 1, 2015, 'Arena', 35), (12, 2, 2014, NULL, 20), (12, 2, 2014, NULL, 20),
    (13, 9, 2015, 'Opera', NULL), (14, NULL, 2016, 'Barn', 5);
CREATE TABLE hall (hall TEXT, seats INTEGER);
INSERT INTO hall VALUES ('Opera', 900), ('Arena', 5000), ('Cellar', 40), (NULL, 7);
CREATE TABLE "order" ("group" INTEGER, "first name" TEXT, "1st" INTEGER, "naïve" TEXT);
INSERT INTO "order" VALUES (1, 'Ann', 7, 'é'), (2, 'Bob', 8, 'ü'), (1, 'Cy', NULL, NULL);
