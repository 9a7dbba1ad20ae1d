-- What is false does not fit. A statement within a DO block.
IF NOT sqlrail_value THEN RAISE check_violation; END IF;
