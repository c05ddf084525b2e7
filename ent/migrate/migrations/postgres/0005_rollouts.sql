ALTER TABLE "promotions" ADD COLUMN "rollout" jsonb NULL, ADD COLUMN "rehearsal" jsonb NULL;
