-- Behind loss_begin.sql: one of the counts, which may fail.
SAVEPOINT sqlrail_loss;
{asked}RELEASE SAVEPOINT sqlrail_loss;
