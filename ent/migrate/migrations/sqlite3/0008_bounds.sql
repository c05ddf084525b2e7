ALTER TABLE `steps` ADD COLUMN `until` datetime NULL;
ALTER TABLE `promotions` ADD COLUMN `undo` json NULL;
