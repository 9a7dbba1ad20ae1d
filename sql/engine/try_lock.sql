-- The runners' lock, if nobody has it; it goes with the transaction.
SELECT {attempt};
