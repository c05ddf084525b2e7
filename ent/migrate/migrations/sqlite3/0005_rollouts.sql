ALTER TABLE `promotions` ADD COLUMN `rollout` json NULL;
ALTER TABLE `promotions` ADD COLUMN `rehearsal` json NULL;
