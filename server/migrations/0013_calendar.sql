-- Years of the working calendar that the operator imported; they replace those that the product ships. The body is the
-- calendar file of the one year.
CREATE TABLE calendar_year (
    year TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    imported BIGINT NOT NULL
);
