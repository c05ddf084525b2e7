ALTER TABLE "accounts" ADD COLUMN "revision" bigint NOT NULL DEFAULT 1;
ALTER TABLE "environments" ADD COLUMN "revision" bigint NOT NULL DEFAULT 1, ADD COLUMN "config_revision" bigint NOT NULL DEFAULT 1;
ALTER TABLE "services" ADD COLUMN "revision" bigint NOT NULL DEFAULT 1, ADD COLUMN "config_revision" bigint NOT NULL DEFAULT 1;
ALTER TABLE "teams" ADD COLUMN "revision" bigint NOT NULL DEFAULT 1;
