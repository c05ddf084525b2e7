ALTER TABLE `releases` ADD COLUMN `built_by` text NULL;
