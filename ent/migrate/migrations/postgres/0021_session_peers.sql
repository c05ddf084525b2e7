ALTER TABLE "sessions" ADD COLUMN "peer" character varying NOT NULL DEFAULT '';
