ALTER TABLE "decisions" ADD COLUMN "lapsed" character varying NULL;
