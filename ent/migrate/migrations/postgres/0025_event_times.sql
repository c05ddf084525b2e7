CREATE INDEX "event_kind_at" ON "events" ("kind", "at");
