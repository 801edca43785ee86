CREATE INDEX disputes_payment_no ON new_disputes (payment_no, merchant_id);
CREATE INDEX disputes_merchant_trade_no ON new_disputes (merchant_trade_no, merchant_id);
CREATE INDEX disputes_rrn ON new_disputes (rrn) WHERE rrn IS NOT NULL;
CREATE INDEX disputes_merchant ON new_disputes (merchant_id, dispute_id);
CREATE INDEX disputes_stage ON new_disputes (stage, dispute_id);
CREATE INDEX disputes_deadline ON new_disputes (deadline);
CREATE INDEX disputes_created_at ON new_disputes (created_at);

ANALYZE new_disputes, new_history, new_submissions, dispute_queue;
