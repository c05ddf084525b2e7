CREATE TABLE `throttles` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `key` text NOT NULL, `guesses` integer NOT NULL DEFAULT (0), `next_at` datetime NOT NULL, `expires_at` datetime NOT NULL);
CREATE UNIQUE INDEX `throttles_key_key` ON `throttles` (`key`);
CREATE INDEX `throttle_expires_at` ON `throttles` (`expires_at`);
ALTER TABLE `accounts` DROP COLUMN `failures`;
ALTER TABLE `accounts` DROP COLUMN `retry_at`;
