ALTER TABLE `promotions` ADD COLUMN `why` text NULL;
