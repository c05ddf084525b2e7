ALTER TABLE "accounts" ADD COLUMN "invited_by" character varying NULL;
