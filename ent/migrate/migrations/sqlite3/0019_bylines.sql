CREATE TABLE `bylines` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `kind` text NOT NULL, `text` text NOT NULL, `account_id` integer NOT NULL, CONSTRAINT `bylines_accounts_bylines` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE NO ACTION);
CREATE UNIQUE INDEX `byline_account_id_kind_text` ON `bylines` (`account_id`, `kind`, `text`);
CREATE INDEX `byline_text` ON `bylines` (`text`);
INSERT INTO `bylines` (`created_at`, `updated_at`, `kind`, `text`, `account_id`) SELECT `created_at`, `created_at`, 'address', lower(`email`), `id` FROM `accounts` WHERE `email` <> '';
INSERT INTO `bylines` (`created_at`, `updated_at`, `kind`, `text`, `account_id`) SELECT `created_at`, `created_at`, 'name', `display_name`, `id` FROM `accounts` WHERE `display_name` <> '';
INSERT INTO `bylines` (`created_at`, `updated_at`, `kind`, `text`, `account_id`) SELECT `created_at`, `created_at`, 'address', lower(`email`), `account_id` FROM `identities` WHERE `email` <> '' ON CONFLICT DO NOTHING;
