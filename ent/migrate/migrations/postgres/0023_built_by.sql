ALTER TABLE "releases" ADD COLUMN "built_by" character varying NULL;
