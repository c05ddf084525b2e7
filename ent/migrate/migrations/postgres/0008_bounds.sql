ALTER TABLE "steps" ADD COLUMN "until" timestamptz NULL;
ALTER TABLE "promotions" ADD COLUMN "undo" jsonb NULL;
