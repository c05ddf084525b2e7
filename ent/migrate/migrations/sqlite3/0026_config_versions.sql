CREATE TABLE `config_versions` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `service_id` integer NULL, `environment_id` integer NULL, `scope` text NOT NULL, `key` text NOT NULL, `number` integer NOT NULL, `value` text NOT NULL DEFAULT (''), `secret` text NOT NULL DEFAULT (''), `unset` bool NOT NULL DEFAULT (false), `author` text NOT NULL DEFAULT (''), `created_at` datetime NOT NULL);
CREATE UNIQUE INDEX `configversion_scope_key_number` ON `config_versions` (`scope`, `key`, `number`);
CREATE INDEX `configversion_service_id` ON `config_versions` (`service_id`);
CREATE INDEX `configversion_environment_id` ON `config_versions` (`environment_id`);
