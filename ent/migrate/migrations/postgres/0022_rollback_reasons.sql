ALTER TABLE "promotions" ADD COLUMN "why" character varying NULL;
