CREATE TABLE `former_services` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `created_at` datetime NOT NULL, `updated_at` datetime NOT NULL, `name` text NOT NULL, `team_id` integer NOT NULL, `environments` json NULL, `policies` json NULL);
CREATE UNIQUE INDEX `former_services_name_key` ON `former_services` (`name`);
