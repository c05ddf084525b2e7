ALTER TABLE "device_logins" ADD COLUMN "proved_with" character varying NOT NULL DEFAULT '';
ALTER TABLE "sessions" ADD COLUMN "proved_at" timestamptz NULL, ADD COLUMN "proved_with" character varying NOT NULL DEFAULT '';
