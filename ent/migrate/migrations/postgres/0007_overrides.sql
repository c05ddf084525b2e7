ALTER TABLE "services" ADD COLUMN "overrides" text NOT NULL DEFAULT '';
