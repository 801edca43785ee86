CREATE INDEX disputes_payment_no ON disputes (payment_no, merchant_id);
CREATE INDEX disputes_merchant_trade_no ON disputes (merchant_trade_no, merchant_id);
CREATE INDEX disputes_rrn ON disputes (rrn) WHERE rrn IS NOT NULL;
CREATE INDEX disputes_merchant ON disputes (merchant_id, dispute_id);
CREATE INDEX disputes_stage ON disputes (stage, dispute_id);
CREATE INDEX disputes_deadline ON disputes (deadline);
CREATE INDEX disputes_created_at ON disputes (created_at);
