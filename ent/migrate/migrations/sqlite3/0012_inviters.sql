ALTER TABLE `accounts` ADD COLUMN `invited_by` text NULL;
