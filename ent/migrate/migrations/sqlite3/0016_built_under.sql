ALTER TABLE `releases` ADD COLUMN `built_under` json NULL;
