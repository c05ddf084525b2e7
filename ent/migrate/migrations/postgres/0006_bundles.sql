ALTER TABLE "promotions" ADD COLUMN "bundle" bigint NOT NULL DEFAULT 0;
CREATE INDEX "promotion_bundle" ON "promotions" ("bundle");
ALTER TABLE "releases" ADD COLUMN "discarded_at" timestamptz NULL;
