CREATE TABLE `factors` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `key` text NOT NULL, `kind` text NOT NULL, `name` text NOT NULL DEFAULT (''), `secret` text NOT NULL DEFAULT (''), `last_step` integer NOT NULL DEFAULT (0), `confirmed_at` datetime NULL, `used_at` datetime NULL, `account_id` integer NOT NULL, CONSTRAINT `factors_accounts_factors` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION);
CREATE UNIQUE INDEX `factors_key_key` ON `factors` (`key`);
CREATE INDEX `factor_account_id` ON `factors` (`account_id`);
CREATE TABLE `half_sign_ins` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `key` text NOT NULL, `account_id` integer NOT NULL, `by` text NOT NULL, `next` text NOT NULL DEFAULT (''), `guesses` integer NOT NULL DEFAULT (0), `expires_at` datetime NOT NULL);
CREATE UNIQUE INDEX `half_sign_ins_key_key` ON `half_sign_ins` (`key`);
CREATE INDEX `halfsignin_expires_at` ON `half_sign_ins` (`expires_at`);
CREATE TABLE `recovery_codes` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `account_id` integer NOT NULL, `hash` text NOT NULL, `used_at` datetime NULL);
CREATE UNIQUE INDEX `recovery_codes_hash_key` ON `recovery_codes` (`hash`);
CREATE INDEX `recoverycode_account_id` ON `recovery_codes` (`account_id`);
