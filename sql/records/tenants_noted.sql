-- Which of these schemas have something half done outside a transaction.
SELECT DISTINCT records_in FROM sqlrail.progress
 WHERE records_in = ANY ({names}::text[]) AND operation <> 'post-apply';
