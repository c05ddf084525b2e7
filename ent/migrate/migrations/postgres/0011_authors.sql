ALTER TABLE "promotions" ADD COLUMN "behind" jsonb NULL, ADD COLUMN "authors" jsonb NULL;
ALTER TABLE "tokens" ADD COLUMN "made_by" character varying NULL;
ALTER TABLE "trusts" ADD COLUMN "made_by" character varying NULL;
