ALTER TABLE `decisions` ADD COLUMN `lapsed` text NULL;
