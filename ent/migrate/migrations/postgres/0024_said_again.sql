DROP INDEX "decision_promotion_id_account_id_plan_verdict";
CREATE INDEX "decision_promotion_id_account_id_plan_verdict" ON "decisions" ("promotion_id", "account_id", "plan", "verdict");
