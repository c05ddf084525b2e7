ALTER TABLE "releases" ADD COLUMN "built_under" jsonb NULL;
