-- Wrong sign-ins of one account from one address. Only the hash of the account is kept: people type passwords into the
-- wrong field. It takes the place of login_failure, which counted an account over all addresses, so that strangers could
-- lock out its owner; that table stays for servers of the older version until they are stopped.
CREATE TABLE sign_in_failure (
    account_sha256 TEXT NOT NULL,
    address TEXT NOT NULL,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    rests_until BIGINT NOT NULL,
    PRIMARY KEY (account_sha256, address)
);
CREATE INDEX sign_in_failure_last ON sign_in_failure (last_at);
-- How often a password that somebody else chose was tried.
ALTER TABLE person ADD COLUMN password_tries BIGINT NOT NULL DEFAULT 0;
-- The author gave a cell outside the areas of the post.
ALTER TABLE activity ADD COLUMN outside_area BOOLEAN NOT NULL DEFAULT FALSE;
