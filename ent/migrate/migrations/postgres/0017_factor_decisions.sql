ALTER TABLE "decisions" ADD COLUMN "factor" character varying NOT NULL DEFAULT '';
ALTER TABLE "device_logins" ADD COLUMN "factor" character varying NOT NULL DEFAULT '';
ALTER TABLE "identity_providers" ADD COLUMN "trust_mfa" boolean NOT NULL DEFAULT false;
ALTER TABLE "sessions" ADD COLUMN "factor" character varying NOT NULL DEFAULT '';
UPDATE "sessions" SET "factor" = "proved_with" WHERE "proved_with" IN ('totp', 'passkey', 'recovery');
