ALTER TABLE `tokens` ADD COLUMN `made_by` text NULL;
ALTER TABLE `trusts` ADD COLUMN `made_by` text NULL;
ALTER TABLE `promotions` ADD COLUMN `behind` json NULL;
ALTER TABLE `promotions` ADD COLUMN `authors` json NULL;
